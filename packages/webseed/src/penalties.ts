// How long a host is left alone after failures: longer with each, for all torrents.
import type { Rng } from "@shoal/core";

/** After the first failure, in ms. */
const FIRST_MS = 5000;
const LONGEST_MS = 30 * 60_000;
/** What a server asks for is honoured up to a day. */
const LONGEST_WISH_MS = 24 * 3_600_000;
/** Hosts that are remembered; those longest known are forgotten first. */
const MAX_HOSTS = 1000;

interface Penalty {
  failures: number;
  /** Ms of the host's clock. */
  until: number;
}

/** Back-off by host. */
export class Penalties {
  readonly #rng: Rng;
  readonly #hosts: Map<string, Penalty> = new Map();

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /**
   * A request failed.
   *
   * @param waitSeconds What the server asked for.
   * @returns when it may be asked again.
   */
  fail(host: string, now: number, waitSeconds = 0): number {
    const penalty = this.#hosts.get(host) ?? { failures: 0, until: 0 };
    // What fails at the same time, in several torrents, is one failure.
    if (now >= penalty.until) penalty.failures++;
    const backOff = Math.min(LONGEST_MS, FIRST_MS * 2 ** (penalty.failures - 1));
    const wish = Math.min(LONGEST_WISH_MS, waitSeconds * 1000);
    // Up to a quarter more, so that not all come back at once.
    const wait = Math.max(backOff, wish) * (1 + this.#rng() / 4);
    penalty.until = Math.max(penalty.until, now + wait);
    this.#hosts.delete(host);
    this.#hosts.set(host, penalty);
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size > MAX_HOSTS && oldest !== undefined) this.#hosts.delete(oldest);
    return penalty.until;
  }

  /** A request was answered well. */
  clear(host: string): void {
    this.#hosts.delete(host);
  }

  /** When the host may be asked; in the past if at once. */
  until(host: string): number {
    return this.#hosts.get(host)?.until ?? Number.NEGATIVE_INFINITY;
  }
}
