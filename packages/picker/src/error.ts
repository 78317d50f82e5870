// The errors that misuse of a picker throws; nothing that a remote peer sends can cause one.
import { ShoalError } from "@shoal/core";

/** What went wrong: see the members' names. */
export type PickerErrorCode =
  | "ERR_PICKER_PIECE"
  | "ERR_PICKER_PRIORITY"
  | "ERR_PICKER_HAVE"
  | "ERR_PICKER_PEER"
  | "ERR_PICKER_INVARIANT";

/** A mistake of the caller, or of the picker itself (`ERR_PICKER_INVARIANT`). */
export class PickerError extends ShoalError {
  override readonly name: string = "PickerError";

  constructor(code: PickerErrorCode, message: string) {
    super(code, message);
  }
}
