// Multicast: the interfaces on which a group can be joined, and sockets that do.
import { createSocket, type Socket } from "node:dgram";
import { BlockList } from "node:net";
import { networkInterfaces } from "node:os";
import {
  canonicalAddress,
  type Datagrams,
  type Endpoint,
  formatEndpoint,
  isDialable,
  zoneOf,
} from "@shoal/core";
import { netError } from "./error.ts";
import { bindSocket, datagrams } from "./udp.ts";

/** An address of this machine on one of its networks. */
export interface MulticastInterface {
  /** As the system calls it: `eth0`. */
  readonly name: string;
  /** Canonical, with its zone if it is link-local. */
  readonly address: string;
  readonly family: 4 | 6;
  /** It leads to this machine alone. */
  readonly isLoopback: boolean;
  /** Whether an address belongs to the same network. */
  contains(address: string): boolean;
}

/** Every address of every interface that is up, at present. */
export function multicastInterfaces(): MulticastInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) =>
    infos.flatMap(({ address, cidr, internal, ...info }) => {
      const family = info.family === "IPv6" ? 6 : 4;
      const zone = process.platform === "win32" && "scopeid" in info ? `${info.scopeid}` : name;
      const isLinkLocal = family === 6 && !isDialable(address);
      const canonical = canonicalAddress(isLinkLocal ? `${address}%${zone}` : address);
      if (canonical === undefined) return [];
      const contains = subnet(address, Number(cidr?.split("/")[1]), family);
      return [{ name, address: canonical, family, isLoopback: internal, contains }];
    }),
  );
}

/**
 * Joins a group on one interface. What is sent leaves from the interface's address, goes no further
 * than its network (TTL 1), and reaches this machine's members of the group too, the sender included.
 * Other programs may have the same port. What other interfaces receive for the group may arrive here
 * as well, as systems hand it to every member.
 *
 * @param group Its family must be the interface's.
 * @throws NetError if it can't be joined there.
 */
export async function multicastSocket(group: Endpoint, at: MulticastInterface): Promise<Datagrams> {
  const { address, family, name } = at;
  const attempt = `joining ${formatEndpoint(group)} on ${name} (${address})`;
  const incoming = await open(family, receivingEnd(group, family), attempt, (socket) => {
    socket.addMembership(group.address, selector(at));
    socket.setMulticastLoopback(true);
  });
  try {
    const outgoing = await open(family, { address, port: 0 }, attempt, (socket) => {
      socket.setMulticastInterface(selector(at));
      socket.setMulticastTTL(1);
      socket.setMulticastLoopback(true);
    });
    return {
      local: outgoing.local,
      attach: (receive) => incoming.attach(receive),
      send: (bytes, to) => outgoing.send(bytes, to),
      close: async () => {
        await Promise.all([incoming.close(), outgoing.close()]);
      },
    };
  } catch (error) {
    await incoming.close();
    throw error;
  }
}

async function open(
  family: 4 | 6,
  at: Endpoint,
  attempt: string,
  configure: (socket: Socket) => void,
): Promise<Datagrams> {
  const type = family === 4 ? "udp4" : "udp6";
  const socket = createSocket({ type, ipv6Only: family === 6, reuseAddr: true });
  await bindSocket(socket, at, attempt);
  const opened = datagrams(socket, { ...at, port: socket.address().port }, family);
  try {
    configure(socket);
  } catch (error) {
    await opened.close();
    throw netError(error, attempt);
  }
  return opened;
}

/** A socket at the group's own address hears nothing but the group; Windows has no such thing. */
function receivingEnd({ address, port }: Endpoint, family: 4 | 6): Endpoint {
  if (process.platform !== "win32") return { address, port };
  return { address: family === 4 ? "0.0.0.0" : "::", port };
}

/** How the system calls want an interface to be named: by address, or for IPv6 by zone. */
function selector({ address, family, name }: MulticastInterface): string {
  return family === 4 ? address : `::%${zoneOf(address) ?? name}`;
}

function subnet(address: string, prefix: number, family: 4 | 6): (other: string) => boolean {
  const list = new BlockList();
  const kind = family === 4 ? "ipv4" : "ipv6";
  if (prefix >= 0) list.addSubnet(address, prefix, kind);
  return (other) => list.check(other.replace(/%.*$/, ""), kind);
}
