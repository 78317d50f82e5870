// How far to read ahead: all the rest of the piece, until experience shows that it is evicted unused.
import { GROUP } from "./group.ts";

/**
 * Counts what became of blocks read ahead. When more than an eighth of them was evicted unused, the
 * limit is halved; when next to nothing was, it grows by 256 KiB. So many peers that read large pieces
 * at the same time share a small cache, each with a window, instead of pushing out each other's blocks.
 */
export class ReadAhead {
  /** Outcomes to gather before a judgement. */
  readonly #round: number;
  #limit = Number.POSITIVE_INFINITY;
  /** The longest read that was allowed under this limit. */
  #longest = 0;
  #used = 0;
  #wasted = 0;

  /** @param slots The cache's size in blocks. */
  constructor(slots: number) {
    this.#round = Math.max(GROUP, slots >> 2);
  }

  /** How many blocks of a piece of that many one read may take. */
  limit(blockCount: number): number {
    const limit = Math.min(this.#limit, blockCount);
    if (limit > this.#longest) this.#longest = limit;
    return limit;
  }

  /** A block that was read ahead is used. */
  used(): void {
    this.#used++;
    if (this.#used + this.#wasted >= this.#round) this.#judge();
  }

  /** Blocks that were read ahead have been evicted unused. */
  wasted(count: number): void {
    this.#wasted += count;
    if (this.#used + this.#wasted >= this.#round) this.#judge();
  }

  #judge(): void {
    if (this.#wasted * 8 > this.#used) {
      this.#limit = Math.max(GROUP, this.#longest >> 1);
      this.#longest = this.#limit;
    } else if (this.#wasted * 64 <= this.#used) {
      this.#limit += GROUP;
    }
    this.#used = 0;
    this.#wasted = 0;
  }
}
