// The parts that a picker consists of, and its settings.
import { Bitfield, type PieceGeometry, type PieceIndex, type Rng } from "@shoal/core";
import { PickerError } from "./error.ts";
import { NO_SLOT, Partials } from "./partials.ts";
import { PieceOrder } from "./piece-order.ts";
import { Roster } from "./roster.ts";

/** What a picker is made of. */
export interface PickerOptions {
  readonly geometry: PieceGeometry;
  /** For ties: equal seeds and equal calls give equal picks. */
  readonly rng: Rng;
  /** The pieces that are verified and stored at the start; copied. None by default. */
  readonly have?: Bitfield;
  /** How many pieces are picked at random before rarest first begins; 4 by default. */
  readonly initialRandomPieces?: number;
}

/** Shared by the facade, the blocks' life and the strategy. */
export interface PickerState {
  readonly geometry: PieceGeometry;
  readonly rng: Rng;
  readonly have: Bitfield;
  /** Pieces with a priority that we have not. */
  readonly wanted: Bitfield;
  readonly order: PieceOrder;
  readonly partials: Partials;
  readonly roster: Roster;
  readonly initialRandomPieces: number;
  sequential: boolean;
  urgent: readonly PieceIndex[];
}

/** @throws PickerError `ERR_PICKER_HAVE` if `have` is not over exactly the torrent's pieces. */
export function createState(options: PickerOptions): PickerState {
  const { geometry, rng } = options;
  const have = options.have?.clone() ?? new Bitfield(geometry.pieceCount);
  checkSize(geometry, have);
  const wanted = Bitfield.full(geometry.pieceCount);
  for (const piece of have) wanted.delete(piece);
  const order = new PieceOrder(geometry.pieceCount, rng);
  order.listAll(wanted);
  return {
    geometry,
    rng,
    have,
    wanted,
    order,
    partials: new Partials(geometry),
    roster: new Roster(),
    initialRandomPieces: options.initialRandomPieces ?? 4,
    sequential: false,
    urgent: [],
  };
}

/** @throws PickerError `ERR_PICKER_HAVE` if a set is not over exactly the torrent's pieces. */
export function checkSize(geometry: PieceGeometry, have: Bitfield): void {
  if (have.length === geometry.pieceCount) return;
  throw new PickerError(
    "ERR_PICKER_HAVE",
    `expected a set over ${geometry.pieceCount} pieces, got one over ${have.length}`,
  );
}

/** The slot of a piece in progress; {@link NO_SLOT} for others, and for what is no piece. */
export function slotOf({ geometry, partials }: PickerState, piece: number): number {
  return geometry.isPiece(piece) ? partials.slotOf(piece) : NO_SLOT;
}

/** Whether a peer that has the piece could be asked for a block of it. */
export function isOpen(state: PickerState, piece: number): boolean {
  const { partials, order, wanted } = state;
  const slot = slotOf(state, piece);
  return slot === NO_SLOT ? order.isListed(piece) : wanted.has(piece) && partials.open(slot) > 0;
}
