// A simulated network: hosts, what lies between them, and its accidents.
import { type Duplex, ipFamily, normalizeIp, type Rng } from "@shoal/core";
import { TestkitError } from "./error.ts";
import { Host, type HostOptions, type SimHost } from "./host.ts";
import { Path } from "./path.ts";
import type { Station, Surroundings } from "./surroundings.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The network of a simulation. It logs connections, refusals, closings and accidents. */
export interface SimNetwork {
  /** Adds a host. @throws TestkitError if the address is taken or is not an IP address. */
  host(address: string, options?: HostOptions): SimHost;
  /**
   * Nothing sets out between the two addresses until `heal`: streams stall, dials get no answer,
   * datagrams are lost.
   */
  cut(a: string, b: string): void;
  heal(a: string, b: string): void;
  /** Resets a stream: both ends close with `ERR_TESTKIT_RESET`. */
  drop(duplex: Duplex): void;
}

/** Makes an empty network. */
export function createNetwork(
  time: VirtualTime,
  rng: Rng,
  log: (event: string) => void,
): SimNetwork {
  const hosts = new Map<string, Host>();
  const paths = new Map<string, Path>();
  const others = new WeakMap<Duplex, Duplex>();
  const path = (a: Station, b: Station): Path => {
    const key = [a.address, b.address].sort().join(" ");
    const known = paths.get(key);
    if (known !== undefined) return known;
    const made = new Path(a === b ? 0 : a.latencyMs + b.latencyMs);
    paths.set(key, made);
    return made;
  };
  const need = (address: string): Host => {
    const found = hosts.get(normalizeIp(address) ?? address);
    if (found !== undefined) return found;
    throw unavailable(`the network has no host ${address}`);
  };
  const surroundings: Surroundings = {
    time,
    rng,
    log,
    find: (address) => hosts.get(address),
    path,
    pair: (a, b) => {
      others.set(a, b);
      others.set(b, a);
    },
  };
  return {
    host: (address, options = {}) => {
      const canonical = normalizeIp(address);
      if (canonical === undefined || ipFamily(canonical) === undefined) {
        throw unavailable(`expected an IP address, got '${address}'`);
      }
      if (hosts.has(canonical)) throw unavailable(`the network has a host ${canonical} already`);
      const host = new Host(canonical, options, surroundings);
      hosts.set(canonical, host);
      return host;
    },
    cut: (a, b) => {
      path(need(a), need(b)).cut();
      log(`cut ${a} ${b}`);
    },
    heal: (a, b) => {
      path(need(a), need(b)).heal();
      log(`heal ${a} ${b}`);
    },
    drop: (duplex) => {
      const other = others.get(duplex);
      if (other === undefined) throw unavailable("the stream is not of this network");
      for (const end of [duplex, other]) {
        end.destroy(new TestkitError("ERR_TESTKIT_RESET", "the simulation dropped the connection"));
      }
    },
  };
}

function unavailable(message: string): TestkitError {
  return new TestkitError("ERR_TESTKIT_ADDRESS_UNAVAILABLE", message);
}
