// Where the blocks of one piece are: in the slab, in the store, and how far they reach without a gap.
import { NO_SLOT } from "./contract.ts";
import { GROUP } from "./group.ts";

/** The blocks of one piece. */
export class BlockTable {
  /** Slot of each block, {@link NO_SLOT} if it is not cached. */
  readonly slots: Int32Array;
  /** 1 for each block that was written to the store, or read from it. */
  readonly onDisk: Uint8Array;
  /** First slot of the run that each 16 blocks would like to lie in, {@link NO_SLOT} if none yet. */
  readonly homes: Int32Array;
  /** Blocks at its start that have come without a gap, and how many of them were written. */
  #filled = 0;
  #written = 0;

  constructor(blocks: number) {
    this.slots = new Int32Array(blocks).fill(NO_SLOT);
    this.onDisk = new Uint8Array(blocks);
    this.homes = new Int32Array(Math.ceil(blocks / GROUP)).fill(NO_SLOT);
  }

  get blockCount(): number {
    return this.slots.length;
  }

  /** Blocks at its start, without a gap, that came since it was last written. */
  get streak(): number {
    return this.#filled - this.#written;
  }

  /** A block came: the streak may have become longer. */
  extend(): void {
    const { slots, onDisk } = this;
    let end = this.#filled;
    while (end < slots.length && (slots[end] !== NO_SLOT || onDisk[end] === 1)) end++;
    this.#filled = end;
  }

  /** What is there is being written: a new streak begins; or that failed, and the old one goes on. */
  endStreak(written: boolean): void {
    this.#written = written ? this.#filled : 0;
  }
}
