// What the cache knows of one piece of one torrent.
import type { BlockIndex, PieceIndex } from "@shoal/core";
import { BlockTable } from "./block-table.ts";
import type { PolicyPiece } from "./cache-policy.ts";

/** Whoever writes out a piece's dirty blocks when their space is needed. */
export interface PieceOwner {
  /** Its cached pieces by index. */
  readonly pieces: Map<number, CachedPiece>;
  /** Starts writing all dirty blocks of the piece; false if that can't be done now. */
  writeOut(piece: CachedPiece): boolean;
  /** Begins a read that was postponed. */
  read(piece: CachedPiece, from: BlockIndex): void;
}

/** One piece: its blocks, what is being done with it, and what the policy notes of it. */
export class CachedPiece extends BlockTable implements PolicyPiece {
  readonly owner: PieceOwner;
  readonly index: PieceIndex;
  readonly key: number;
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

  /** @param key See {@link PolicyPiece}. */
  constructor(owner: PieceOwner, index: PieceIndex, blocks: number, key: number) {
    super(blocks);
    this.owner = owner;
    this.index = index;
    this.key = key;
  }

  get isPartial(): boolean {
    return this.phase !== "stored";
  }

  /** Whether nothing would be lost if the cache forgot it. */
  get isForgettable(): boolean {
    if (this.cached > 0 || this.arriving > 0 || this.busy || this.reading) return false;
    return this.phase === "stored" || !this.onDisk.includes(1);
  }
}
