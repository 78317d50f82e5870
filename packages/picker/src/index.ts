/**
 * Which block to request next: rarest first, priorities, sequential, end-game. Pure: no I/O, clock
 * or randomness of its own.
 *
 * @packageDocumentation
 */

export type { Reception } from "./block-life.ts";
export { BlockList, type PickedBlocks } from "./block-list.ts";
export { PickerError, type PickerErrorCode } from "./error.ts";
export { PiecePicker } from "./picker.ts";
export type { PickingPeer } from "./roster.ts";
export type { PickerOptions } from "./state.ts";
export type { PartialPiece } from "./statistics.ts";
