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

/** What is kept always. */
interface Kept {
  readonly geometry: PieceGeometry;
  readonly rng: Rng;
  readonly have: Bitfield;
  /** Pieces with a priority that we have not. */
  readonly wanted: Bitfield;
  readonly initialRandomPieces: number;
  sequential: boolean;
  urgent: readonly PieceIndex[];
}

/** What there is only while peers are known or pieces in progress: the rest follows from what is kept. */
interface Active {
  /** 0…7 for each piece; also at rest, unless every one is {@link DEFAULT_PRIORITY}. */
  priority: Uint8Array;
  order: PieceOrder;
  partials: Partials;
  roster: Roster;
}

/** Shared by the facade, the blocks' life and the strategy, while peers or pieces are at work. */
export interface PickerState extends Kept, Active {}

/** Either {@link PickerState}, or at rest: nothing but what is kept. */
export type MaybeActive = Kept & { [Name in keyof Active]: Active[Name] | undefined };

/** What a piece's priority is until it is set. */
export const DEFAULT_PRIORITY = 4;

/**
 * A state at rest.
 *
 * @throws PickerError `ERR_PICKER_HAVE` if `have` is not over exactly the torrent's pieces.
 */
export function createState(options: PickerOptions): MaybeActive {
  const { geometry, rng } = options;
  const have = options.have?.clone() ?? new Bitfield(geometry.pieceCount);
  checkSize(geometry, have);
  const wanted = Bitfield.full(geometry.pieceCount);
  for (const piece of have) wanted.delete(piece);
  return {
    geometry,
    rng,
    have,
    wanted,
    initialRandomPieces: options.initialRandomPieces ?? 4,
    sequential: false,
    urgent: NOTHING,
    priority: undefined,
    order: undefined,
    partials: undefined,
    roster: undefined,
  };
}

const NOTHING: readonly PieceIndex[] = [];

/** Whether peers are known or pieces in progress. */
export function isActive(state: MaybeActive): state is PickerState {
  return state.roster !== undefined;
}

/** The priority of each piece, to be changed. */
export function prioritiesOf(state: MaybeActive): Uint8Array {
  state.priority ??= new Uint8Array(state.geometry.pieceCount).fill(DEFAULT_PRIORITY);
  return state.priority;
}

/** Makes what peers and pieces in progress need, unless it is there. */
export function activate(state: MaybeActive): PickerState {
  if (isActive(state)) return state;
  const { geometry, rng, wanted } = state;
  const priority = prioritiesOf(state);
  const order = new PieceOrder(priority, rng);
  order.listAll(wanted);
  return Object.assign(state, {
    priority,
    order,
    partials: new Partials(geometry),
    roster: new Roster(),
  });
}

/** Lets go of that, if the last peer has gone and no piece is in progress. */
export function rest(state: MaybeActive): void {
  if (!isActive(state) || state.roster.size > 0 || state.partials.size > 0) return;
  const isDefault = state.priority.every((priority) => priority === DEFAULT_PRIORITY);
  const priority = isDefault ? undefined : state.priority;
  Object.assign(state, { priority, order: undefined, partials: undefined, roster: undefined });
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
export function slotOf({ geometry, partials }: MaybeActive, piece: number): number {
  return partials !== undefined && geometry.isPiece(piece) ? partials.slotOf(piece) : NO_SLOT;
}

/** Whether a peer that has the piece could be asked for a block of it. */
export function isOpen(state: PickerState, piece: number): boolean {
  const { partials, order, wanted } = state;
  const slot = slotOf(state, piece);
  return slot === NO_SLOT ? order.isListed(piece) : wanted.has(piece) && partials.open(slot) > 0;
}
