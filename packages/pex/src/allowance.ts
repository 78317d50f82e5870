// How many peers may be taken from one address over time, however often it connects.
import { type Endpoint, formatEndpoint, isLocal } from "@shoal/core";

/** Peers taken from a source at once: 50 of each family, an honest first message. */
const BURST = 100;
/** One more peer is taken each time that this has passed, in ms. */
const RECOVERY_MS = 6_000;

/** Sources that are remembered; the one that connected longest ago is forgotten first. */
const MAX_SOURCES = 512;

/** A number of peers that grows with time and is bounded. */
export class Allowance {
  #left = BURST;
  #since: number;

  constructor(now: number) {
    this.#since = now;
  }

  /** Takes one; false if none is left at `now` (ms). */
  take(now: number): boolean {
    this.#left = Math.min(BURST, this.#left + (now - this.#since) / RECOVERY_MS);
    this.#since = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** The allowances of a torrent's sources: reconnecting gives nobody a fresh one. */
export class Allowances {
  readonly #bySource = new Map<string, Allowance>();

  /** The allowance of whoever is at the other end of a connection. */
  of(remote: Endpoint, now: number): Allowance {
    const key = isLocal(remote.address) ? formatEndpoint(remote) : remote.address;
    const allowance = this.#bySource.get(key) ?? new Allowance(now);
    this.#bySource.delete(key);
    this.#bySource.set(key, allowance);
    for (const oldest of this.#bySource.keys()) {
      if (this.#bySource.size <= MAX_SOURCES) break;
      this.#bySource.delete(oldest);
    }
    return allowance;
  }
}
