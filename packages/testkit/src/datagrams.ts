// A datagram socket in the simulated network.
import { type Datagrams, type Endpoint, ipFamily } from "@shoal/core";
import type { Station, Surroundings } from "./surroundings.ts";

/** The largest payload of UDP over IPv4. */
const MAX_DATAGRAM = 65_507;

/** Bound to a port of a host until it is closed. */
export class HostDatagrams implements Datagrams {
  readonly local: Endpoint;
  readonly #host: Station;
  readonly #surroundings: Surroundings;
  #receive: ((bytes: Uint8Array, from: Endpoint) => void) | undefined;
  readonly #loss: number;
  readonly #release: () => void;
  #isClosed = false;

  /**
   * @param loss The share that gets lost on the way out, 0–1.
   * @param release Called once, when it is closed.
   */
  constructor(
    host: Station,
    local: Endpoint,
    surroundings: Surroundings,
    loss: number,
    release: () => void,
  ) {
    this.#host = host;
    this.local = local;
    this.#surroundings = surroundings;
    this.#loss = loss;
    this.#release = release;
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
    if (rng() < this.#loss) return;
    const copy = bytes.slice();
    const arrivesAt = leavesAt + path(this.#host, remote).latencyMs;
    const received = time.deadlines.alarm(() => remote.datagram(to.port, copy, this.local));
    const arrived = time.deadlines.alarm((now) => {
      received.set(remote.down.reserve(copy.length, now));
    });
    arrived.set(arrivesAt);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#release();
  }

  /** A datagram arrived. */
  take(bytes: Uint8Array, from: Endpoint): void {
    this.#receive?.(bytes, from);
  }
}
