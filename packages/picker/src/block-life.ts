// A block's life after it was picked: arriving, never arriving, and its piece's end.
import type { BlockIndex, PieceIndex } from "@shoal/core";
import { NO_SLOT, RECEIVED } from "./partials.ts";
import { isOpen, type MaybeActive, type PickerState, slotOf } from "./state.ts";

/**
 * What became of a block that arrived: `new`; `complete`: new, and the last of its piece, which is
 * to be hashed now; `unwanted`: we have it already or don't want the piece.
 */
export type Reception = "new" | "complete" | "unwanted";

/** See `PiecePicker.isWanted`. */
export function isWanted(state: MaybeActive, piece: PieceIndex, block: number): boolean {
  const { partials, wanted } = state;
  if (!isBlock(state, piece, block)) return false;
  const slot = partials?.slotOf(piece) ?? NO_SLOT;
  if (partials === undefined || slot === NO_SLOT) return wanted.has(piece);
  return partials.state(slot, block) !== RECEIVED;
}

/** See `PiecePicker.received`. */
export function receive(
  state: PickerState,
  peerId: number,
  piece: PieceIndex,
  block: BlockIndex,
  source: number,
): Reception {
  const { order, partials } = state;
  const wanted = isWanted(state, piece, block);
  let slot = slotOf(state, piece);
  if (slot === NO_SLOT && wanted) {
    order.unlist(piece);
    slot = partials.begin(piece, order.priority[piece] as number, peerId);
  }
  if (wanted) partials.receive(slot, block, peerId, source);
  if (slot !== NO_SLOT && isBlock(state, piece, block)) unask(state, peerId, slot, block);
  if (!wanted) return "unwanted";
  return partials.received(slot) === partials.blocks(slot) ? "complete" : "new";
}

/** See `PiecePicker.abandoned`. */
export function abandon(state: PickerState, peerId: number, piece: number, block: number): void {
  const slot = slotOf(state, piece);
  if (slot === NO_SLOT || !isBlock(state, piece, block)) return;
  const wasOpen = state.partials.open(slot) > 0;
  unask(state, peerId, slot, block);
  reopened(state, slot, wasOpen);
}

/** Gives back everything that a peer was asked for; no piece is its own any more. */
export function abandonAll(state: PickerState, peerId: number): void {
  const { partials, roster } = state;
  for (const slot of partials.all()) {
    partials.disown(slot, peerId);
    const piece = partials.pieceOf(slot);
    const blocks = partials.blocks(slot);
    for (let block = 0; block < blocks && roster.get(peerId)?.requests !== 0; block++) {
      abandon(state, peerId, piece, block);
    }
  }
}

/** Drops what has arrived of a piece in progress. */
export function drop(state: PickerState, piece: number): void {
  const { partials, order } = state;
  const slot = slotOf(state, piece);
  if (slot === NO_SLOT) return;
  const wasOpen = partials.open(slot) > 0;
  partials.drop(slot, order.priority[piece] as number);
  reopened(state, slot, wasOpen);
}

/** Forgets a piece in progress and who was asked for it. */
export function end(state: PickerState, piece: number): void {
  const { partials, roster } = state;
  const slot = slotOf(state, piece);
  if (slot === NO_SLOT) return;
  const blocks = partials.blocks(slot);
  for (let block = 0; block < blocks; block++) {
    const cell = partials.cell(slot, block);
    if (!partials.requesters.any(cell)) continue;
    partials.requesters.visit(cell, (id) => {
      partials.requesters.remove(cell, id);
      const record = roster.get(id);
      if (record) record.requests--;
    });
  }
  partials.end(slot);
}

function isBlock({ geometry }: MaybeActive, piece: number, block: number): boolean {
  return geometry.isPiece(piece) && block >= 0 && block < geometry.blockCount(piece);
}

function unask({ partials, roster, order }: PickerState, id: number, slot: number, block: number) {
  const record = roster.get(id);
  const priority = order.priority[partials.pieceOf(slot)] as number;
  if (record && partials.release(slot, block, id, priority)) record.requests--;
}

/** Blocks of a piece in progress may have opened: ends it if nothing is left, tells the peers. */
function reopened(state: PickerState, slot: number, wasOpen: boolean): void {
  const { partials, order, roster, wanted } = state;
  const piece = partials.pieceOf(slot);
  if (partials.open(slot) === partials.blocks(slot)) {
    partials.end(slot);
    if (wanted.has(piece)) order.list(piece);
  }
  if (!wasOpen && isOpen(state, piece)) roster.opened(piece);
}
