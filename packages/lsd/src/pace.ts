// How often something may happen: a few times at once, in the long run at a steady rate.

/** What a {@link Pace} allows. */
export interface PaceInit {
  /** Times at once, after a long rest. */
  readonly burst: number;
  /** One more each time that this has passed, in ms. */
  readonly everyMs: number;
  /** Between two times at least, in ms. */
  readonly gapMs: number;
}

/** Counts how often something may still happen. All times in ms. */
export class Pace {
  readonly #init: PaceInit;
  /** From when on the whole burst may happen again. */
  #restedAt: number = Number.NEGATIVE_INFINITY;
  #last: number = Number.NEGATIVE_INFINITY;

  constructor(init: PaceInit) {
    this.#init = init;
  }

  /** The earliest time from `now` on at which `take` succeeds. */
  readyAt(now: number): number {
    const { burst, everyMs, gapMs } = this.#init;
    return Math.max(now, this.#restedAt - (burst - 1) * everyMs, this.#last + gapMs);
  }

  /** Does it once; false if it may not be done at `now`. */
  take(now: number): boolean {
    if (this.readyAt(now) > now) return false;
    this.#restedAt = Math.max(this.#restedAt, now) + this.#init.everyMs;
    this.#last = now;
    return true;
  }
}
