// What a picker tells of the whole: pieces in progress, copies in the swarm.
import { Bitfield, type PieceIndex } from "@shoal/core";
import { RECEIVED } from "./partials.ts";
import type { MaybeActive } from "./state.ts";

/** A piece in progress. */
export interface PartialPiece {
  readonly piece: PieceIndex;
  /** The blocks that have arrived, over 0…blockCount−1. */
  readonly received: Bitfield;
  /** Blocks that peers have been asked for and that have not arrived. */
  readonly requested: number;
  /** Whether every block has arrived and `stored` or `failed` is awaited. */
  readonly hashing: boolean;
}

/** See `PiecePicker.distributedCopies`. */
export function distributedCopies({ order, geometry, have }: MaybeActive): number {
  const seeds = order?.seeds ?? 0;
  if (geometry.pieceCount === 0) return seeds;
  let lowest = Number.POSITIVE_INFINITY;
  let atLowest = 0;
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const copies = (order?.availability[piece] ?? 0) + (have.has(piece) ? 1 : 0);
    if (copies === lowest) atLowest++;
    if (copies >= lowest) continue;
    lowest = copies;
    atLowest = 1;
  }
  return seeds + lowest + (geometry.pieceCount - atLowest) / geometry.pieceCount;
}

/** See `PiecePicker.partialPieces`. */
export function partialPieces({ partials }: MaybeActive): PartialPiece[] {
  if (partials === undefined) return [];
  return partials.all().map((slot) => {
    const blocks = partials.blocks(slot);
    const received = new Bitfield(blocks);
    for (let block = 0; block < blocks; block++) {
      if (partials.state(slot, block) === RECEIVED) received.add(block);
    }
    return {
      piece: partials.pieceOf(slot),
      received,
      requested: partials.outstanding(slot),
      hashing: received.isFull,
    };
  });
}
