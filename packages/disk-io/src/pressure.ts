// When to flush and when to ask receivers to pause: watermarks with hysteresis on unwritten blocks.

/** Slots kept for what receivers bring before they stop: one chunk of 256 KiB and as many blocks again. */
const HEADROOM = 32;

/**
 * Judges the level: slots of dirty and of arriving blocks. Pure; the disk layer asks it after every
 * change and acts.
 */
export class Pressure {
  /** From here on partial pieces are flushed, the least recently updated first… */
  readonly flushAt: number;
  /** …until so few dirty blocks would be left. Below it receivers go on. */
  readonly low: number;
  /** From here on receivers pause. */
  readonly high: number;
  #congested = false;

  /** @param slots The cache's size. */
  constructor(slots: number) {
    this.high = Math.max(1, Math.min(Math.floor((slots * 3) / 4), slots - HEADROOM));
    this.low = Math.floor((this.high * 2) / 3);
    this.flushAt = Math.ceil((this.high + this.low) / 2);
  }

  get congested(): boolean {
    return this.#congested;
  }

  /**
   * @param dirty Slots of blocks that the store lacks: if there are none, the disk has nothing left to
   *   do and pausing would help nobody.
   * @param arriving Slots of blocks that are still coming in.
   * @param starved Whether a block was refused just now.
   * @returns whether `congested` changed.
   */
  judge(dirty: number, arriving: number, starved: boolean): boolean {
    const before = this.#congested;
    const limit = before ? this.low + 1 : this.high;
    this.#congested = dirty > 0 && (starved || dirty + arriving >= limit);
    return this.#congested !== before;
  }
}
