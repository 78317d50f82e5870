// How blocks in the slab are described to a disk thread; see `Job`.
import type { CachedPiece } from "./cached-piece.ts";
import { NO_SLOT, type Slot } from "./contract.ts";

/** Triples of first block, first slot, count of all blocks that `wanted` picks. */
export function runsOf(piece: CachedPiece, wanted: (slot: Slot) => boolean): number[] {
  const runs: number[] = [];
  for (let block = 0; block < piece.slots.length; block++) {
    const slot = piece.slots[block] ?? NO_SLOT;
    if (slot !== NO_SLOT && wanted(slot)) addToRuns(runs, block, slot);
  }
  return runs;
}

/** Appends one block; it joins the last run if both block and slot follow it. */
export function addToRuns(runs: number[], block: number, slot: Slot): void {
  const last = runs.length - 3;
  const count = runs[last + 2] ?? 0;
  if (last >= 0 && runs[last] === block - count && runs[last + 1] === slot - count) {
    runs[last + 2] = count + 1;
  } else {
    runs.push(block, slot, 1);
  }
}

/** Triples of first slot or −1, count, 1 if the store lacks them, over the whole piece. */
export function completeRuns(piece: CachedPiece): number[] {
  const runs: number[] = [];
  for (let block = 0; block < piece.slots.length; block++) {
    const slot = piece.slots[block] ?? NO_SLOT;
    const lacking = slot !== NO_SLOT && piece.onDisk[block] === 0 ? 1 : 0;
    const last = runs.length - 3;
    const count = runs[last + 1] ?? 0;
    const follows = slot === NO_SLOT ? runs[last] === NO_SLOT : runs[last] === slot - count;
    if (last >= 0 && follows && runs[last + 2] === lacking) runs[last + 1] = count + 1;
    else runs.push(slot, 1, lacking);
  }
  return runs;
}
