// How fast something flows: a moving average over the last few seconds.

/** Length of the window in seconds; one bucket of bytes a second. */
const WINDOW_SECONDS = 5;

const NONE = new Float64Array(0);

/**
 * Bytes per second over the last five seconds. Adding costs no allocation; reading needs the time,
 * so that a flow which stopped falls to zero by itself.
 */
export class RateMeter {
  /** Bytes since the meter was made. */
  total = 0;
  /** None until something flows. */
  #buckets: Float64Array = NONE;
  #second = Number.NaN;
  #first = 0;

  /** Counts `bytes` at `now` (ms). Time must not run backwards. */
  add(bytes: number, now: number): void {
    this.total += bytes;
    if (this.#buckets === NONE) this.#buckets = new Float64Array(WINDOW_SECONDS + 1);
    const second = this.#roll(now);
    this.#buckets[second % this.#buckets.length] =
      (this.#buckets[second % this.#buckets.length] ?? 0) + bytes;
  }

  /** Bytes per second at `now` (ms). */
  rate(now: number): number {
    if (Number.isNaN(this.#second)) return 0;
    this.#roll(now);
    let sum = 0;
    for (const bytes of this.#buckets) sum += bytes;
    // The window's age: whole seconds kept plus the running part of this one.
    const age = Math.min(now / 1000 - this.#first, WINDOW_SECONDS + (now / 1000 - this.#second));
    return sum / Math.max(age, 0.25);
  }

  #roll(now: number): number {
    const second = Math.floor(now / 1000);
    if (Number.isNaN(this.#second)) {
      this.#second = second;
      this.#first = now / 1000;
    }
    const steps = Math.min(second - this.#second, this.#buckets.length);
    for (let i = 1; i <= steps; i++) this.#buckets[(this.#second + i) % this.#buckets.length] = 0;
    this.#second = second;
    return second;
  }
}
