// How much a peer may ask for: a store that is used up by one and fills again with time.

/** A token bucket. It begins full. */
export class Allowance {
  readonly #capacity: number;
  /** Per ms. */
  readonly #rate: number;
  #left: number;
  #at: number;

  /** @param perMinute how many come back in a minute. @param now ms of the clock that `take` gets. */
  constructor(capacity: number, perMinute: number, now: number) {
    this.#capacity = capacity;
    this.#rate = perMinute / 60_000;
    this.#left = capacity;
    this.#at = now;
  }

  /** Takes one, if there is one. */
  take(now: number): boolean {
    this.#left = Math.min(this.#capacity, this.#left + (now - this.#at) * this.#rate);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
