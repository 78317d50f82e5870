// A reusable list of (piece, block) pairs without an object per pair.
import type { BlockIndex, PieceIndex } from "@shoal/core";

/** What a pick gave, readable by position. */
export interface PickedBlocks {
  /** How many blocks there are. */
  readonly length: number;
  /** The piece of the pair at `index`, 0…length−1. */
  piece(index: number): PieceIndex;
  /** The block of the pair at `index`, 0…length−1. */
  block(index: number): BlockIndex;
}

const NONE = new Int32Array(0);

/** A growing list of blocks; its owner clears it and uses it again. */
export class BlockList implements PickedBlocks {
  #pairs: Int32Array = NONE;
  #length = 0;

  /** How many blocks are in the list. */
  get length(): number {
    return this.#length;
  }

  /** Appends a block. */
  push(piece: number, block: number): void {
    const at = this.#length * 2;
    if (at === this.#pairs.length) {
      const larger = new Int32Array(Math.max(64, at * 2));
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs[at] = piece;
    this.#pairs[at + 1] = block;
    this.#length++;
  }

  /** The piece of the pair at `index`, 0…length−1. */
  piece(index: number): PieceIndex {
    return this.#pairs[index * 2] as PieceIndex;
  }

  /** The block of the pair at `index`, 0…length−1. */
  block(index: number): BlockIndex {
    return this.#pairs[index * 2 + 1] as BlockIndex;
  }

  /** Empties the list; its memory is kept. */
  clear(): void {
    this.#length = 0;
  }
}
