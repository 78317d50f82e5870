// What the cache knows of one piece of one torrent.
import type { BlockIndex, PieceIndex } from "@shoal/core";
import type { PolicyPiece } from "./cache-policy.ts";
import { NO_SLOT } from "./contract.ts";
import { GROUP } from "./group.ts";

/** Whoever writes out a piece's dirty blocks when their space is needed. */
export interface PieceOwner {
  /** Its cached pieces by index. */
  readonly pieces: Map<number, CachedPiece>;
  /** Starts writing all dirty blocks of the piece; false if that can't be done now. */
  writeOut(piece: CachedPiece): boolean;
  /** Begins a read that was postponed. */
  read(piece: CachedPiece, from: BlockIndex): void;
}

/** One piece's blocks: where each lies in the slab and whether the store has it. */
export class CachedPiece implements PolicyPiece {
  readonly owner: PieceOwner;
  readonly index: PieceIndex;
  readonly key: number;
  /** Slot of each block, {@link NO_SLOT} if it is not cached. */
  readonly slots: Int32Array;
  /** 1 for each block that was written to the store, or read from it. */
  readonly onDisk: Uint8Array;
  /** First slot of the run that each 16 blocks would like to lie in, {@link NO_SLOT} if none yet. */
  readonly homes: Int32Array;
  /** Being downloaded; being hashed and written; verified. Blocks arrive only in the first. */
  phase: "partial" | "completing" | "stored" = "partial";
  /** A job that writes or hashes it is under way. */
  busy = false;
  /** A job that reads it is under way. */
  reading = false;
  /** Forgotten while jobs still use its slots: their end frees them. */
  dropped = false;
  /** Blocks arriving in slots that were taken for it. */
  arriving = 0;
  /** Cached blocks in any state. */
  cached = 0;
  /** Dirty blocks that no job is writing. */
  dirty = 0;
  /** Clean blocks that nobody pins: what can be evicted. */
  idle = 0;
  fresh = 0;
  mark = 0;
  user: number | undefined;
  /** Blocks at its start that have come without a gap, and how many of them were written. */
  #filled = 0;
  #written = 0;

  /** @param key See {@link PolicyPiece}. */
  constructor(owner: PieceOwner, index: PieceIndex, blocks: number, key: number) {
    this.owner = owner;
    this.index = index;
    this.key = key;
    this.slots = new Int32Array(blocks).fill(NO_SLOT);
    this.onDisk = new Uint8Array(blocks);
    this.homes = new Int32Array(Math.ceil(blocks / GROUP)).fill(NO_SLOT);
  }

  get blockCount(): number {
    return this.slots.length;
  }

  get isPartial(): boolean {
    return this.phase !== "stored";
  }

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

  /** Whether nothing would be lost if the cache forgot it. */
  get isForgettable(): boolean {
    if (this.cached > 0 || this.arriving > 0 || this.busy || this.reading) return false;
    return this.phase === "stored" || !this.onDisk.includes(1);
  }
}
