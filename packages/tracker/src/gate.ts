// Lets only so many announces be under way at once; first ones and farewells go ahead of the rest.

/** A counting gate with two queues, so that a thousand torrents do not announce in one burst. */
export class Gate {
  readonly #urgent: (() => void)[] = [];
  readonly #ordinary: (() => void)[] = [];
  #free: number;

  /** @param places How many may be inside at once. */
  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Waits for a place.
   *
   * @returns What gives the place back; to be called exactly once.
   * @throws the signal's reason if it aborts first.
   */
  async enter(urgent: boolean, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(urgent ? this.#urgent : this.#ordinary, signal);
    return () => this.#leave();
  }

  #wait(queue: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        queue.splice(queue.indexOf(admit), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      queue.push(admit);
    });
  }

  #leave(): void {
    const next = this.#urgent.shift() ?? this.#ordinary.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
