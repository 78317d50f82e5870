// A datagram socket in the simulated network.
import { type Datagrams, type Endpoint, ipFamily } from "@shoal/core";
import type { Host } from "./host.ts";
import type { Surroundings } from "./network.ts";

/** The largest payload of UDP over IPv4. */
const MAX_DATAGRAM = 65_507;

/** Bound to a port of a host until it is closed. */
export class HostDatagrams implements Datagrams {
  readonly local: Endpoint;
  readonly #host: Host;
  readonly #surroundings: Surroundings;
  #receive: ((bytes: Uint8Array, from: Endpoint) => void) | undefined;
  #isClosed = false;

  constructor(host: Host, local: Endpoint, surroundings: Surroundings) {
    this.#host = host;
    this.local = local;
    this.#surroundings = surroundings;
  }

  attach(receive: (bytes: Uint8Array, from: Endpoint) => void): void {
    this.#receive = receive;
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    const { time, find, path, rng } = this.#surroundings;
    if (this.#isClosed || bytes.length > MAX_DATAGRAM) return;
    if (ipFamily(to.address) !== ipFamily(this.local.address)) return;
    const leavesAt = this.#host.up.reserve(bytes.length, time.now());
    const remote = find(to.address);
    if (remote === undefined || path(this.#host, remote).isCut) return;
    if (rng() < this.#host.datagramLoss) return;
    const copy = bytes.slice();
    const arrivesAt = leavesAt + path(this.#host, remote).latencyMs;
    const received = time.deadlines.alarm(() =>
      remote.sockets.get(to.port)?.take(copy, this.local),
    );
    const arrived = time.deadlines.alarm((now) => {
      received.set(remote.down.reserve(copy.length, now));
    });
    arrived.set(arrivesAt);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#host.sockets.get(this.local.port) === this)
      this.#host.sockets.delete(this.local.port);
  }

  /** A datagram arrived. */
  take(bytes: Uint8Array, from: Endpoint): void {
    this.#receive?.(bytes, from);
  }
}
