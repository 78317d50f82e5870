// The one object through which everything goes out: which addresses may be used, kept by all sockets.
import { networkInterfaces } from "node:os";
import { type Datagrams, type Endpoint, ipFamily, type Transport } from "@shoal/core";
import { bindTo, unavailable } from "./binding.ts";
import { boundResolve } from "./bound-dns.ts";
import { deviceSockets } from "./device.ts";
import { type ResolveOptions, resolve } from "./dns.ts";
import { type HttpClient, type HttpClientOptions, openHttpClient } from "./http.ts";
import { type MulticastInterface, multicastInterfaces, multicastSocket } from "./multicast.ts";
import { boundTcp, type TcpOptions } from "./tcp.ts";
import { openUdp, type UdpOptions } from "./udp.ts";

/** Settings of {@link createNetwork}. */
export interface NetworkOptions {
  /**
   * IP addresses and names of interfaces (`tun0`) to which everything is bound: nothing leaves from
   * another address, whatever becomes of these. Default: all of the host.
   *
   * On Linux, sockets at a named interface are tied to it, so that no route can lead them elsewhere;
   * that needs the optional package `koffi`. An address alone does not decide the way.
   */
  readonly bind?: readonly string[];
  /**
   * `address` or `address:port` of the name servers that a bound network asks. Default: those of the
   * system that can be reached.
   */
  readonly nameServers?: readonly string[];
  /** For TCP. */
  readonly tcp?: TcpOptions;
}

/** All ways out of a session. */
export interface Network {
  /** Dials from, and listens at, what the network is bound to. */
  readonly tcp: Transport;
  /**
   * Binds a UDP socket.
   *
   * @param at Where, or a family: then at its first address, or all if the network is not bound.
   * @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if there is no such address or it is not allowed.
   */
  udp(at: 4 | 6 | Endpoint, options?: UdpOptions): Promise<Datagrams>;
  /** A client with its own connections. */
  http(options?: HttpClientOptions): HttpClient;
  /**
   * Every address of a host: see `resolve`. A bound network asks name servers itself, from its own
   * addresses, takes names as they are, and leaves out families that it has no address of.
   *
   * @throws NetError `ERR_NET_DNS`, `ERR_NET_ADDRESS_UNAVAILABLE`; the signal's reason.
   */
  resolve(host: string, options?: ResolveOptions): Promise<string[]>;
  /** The interfaces on which groups may be joined, at present. */
  multicastInterfaces(): MulticastInterface[];
  /**
   * Joins a group: see `multicastSocket`.
   *
   * @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if the interface's address is not allowed.
   */
  multicast(group: Endpoint, at: MulticastInterface): Promise<Datagrams>;
  /**
   * Where a service listens that wants to be reached at everything: each address that the network is
   * bound to; else `::`, which takes both families with TCP, or `0.0.0.0` on a host without IPv6.
   *
   * @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if nothing that the network is bound to is there.
   */
  listenAddresses(port: number): Endpoint[];
  /** The families that there are addresses of, at present; none if nothing that is allowed is there. */
  families(): readonly (4 | 6)[];
  /** Whether sockets may be at `address`, at present: for those who choose among interfaces. */
  allows(address: string): boolean;
}

/**
 * Makes the network of a session.
 *
 * @throws NetError `ERR_NET_INVALID_ADDRESS` if `bind` is empty or holds what can't be bound to;
 *   `ERR_NET_NO_KOFFI`. That something is not there at present shows when it is used.
 */
export function createNetwork(options: NetworkOptions = {}): Network {
  const { bind, nameServers, tcp = {} } = options;
  return bind === undefined ? openNetwork(tcp) : boundNetwork(bind, nameServers, tcp);
}

function openNetwork(tcp: TcpOptions): Network {
  const families = (): readonly (4 | 6)[] =>
    familiesOf(Object.values(networkInterfaces()).flatMap((all) => all ?? []));
  return {
    tcp: boundTcp(undefined, tcp),
    udp: async (at, options = {}) => openUdp(endpointOf(at), undefined, options),
    http: (options = {}) => openHttpClient(options, undefined),
    resolve,
    multicastInterfaces,
    multicast: multicastSocket,
    listenAddresses: (port) => [{ address: families().includes(6) ? "::" : "0.0.0.0", port }],
    families,
    allows: () => true,
  };
}

function boundNetwork(
  bind: readonly string[],
  nameServers: readonly string[] | undefined,
  tcp: TcpOptions,
): Network {
  const isLinux = process.platform === "linux";
  const binding = bindTo(bind, isLinux);
  // Whether that can be done at all should show now.
  if (isLinux && bind.some((text) => ipFamily(text) === undefined)) deviceSockets();
  const routes = { resolve: boundResolve(binding, nameServers), sourceFor: binding.sourceFor };
  const allows = (wanted: string): boolean =>
    binding.addresses().some(({ address }) => address === wanted);
  return {
    tcp: boundTcp(binding, tcp),
    udp: async (at, options = {}) => {
      const { address, port } = endpointOf(at);
      const local = binding.local(address);
      return openUdp({ address: local.address, port }, local.device, options);
    },
    http: (options = {}) => openHttpClient(options, routes),
    resolve: routes.resolve,
    multicastInterfaces: () => multicastInterfaces().filter(({ address }) => allows(address)),
    multicast: async (group, at) => {
      binding.local(at.address);
      return multicastSocket(group, at);
    },
    listenAddresses: (port) => {
      const present = binding.addresses();
      if (present.length === 0) throw unavailable(bind, "an address");
      return present.map(({ address }) => ({ address, port }));
    },
    families: () => familiesOf(binding.addresses()),
    allows,
  };
}

function endpointOf(at: 4 | 6 | Endpoint): Endpoint {
  return typeof at === "object" ? at : { address: at === 4 ? "0.0.0.0" : "::", port: 0 };
}

function familiesOf(all: readonly { readonly address: string }[]): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((family) =>
    all.some(({ address }) => ipFamily(address) === family),
  );
}
