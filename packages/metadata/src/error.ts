// The error by which peers that break the rules of metadata exchange are turned away.
import { ShoalError } from "@shoal/core";

/**
 * What a {@link MetadataError} says of a peer:
 * - `ERR_METADATA_MESSAGE`: a message is malformed, or too long
 * - `ERR_METADATA_FLOOD`: it goes on asking for what it can't have, or sending what nobody asked for
 * - `ERR_METADATA_FORGED`: an info dictionary that came from it alone has another hash
 */
export type MetadataErrorCode =
  | "ERR_METADATA_MESSAGE"
  | "ERR_METADATA_FLOOD"
  | "ERR_METADATA_FORGED";

/**
 * A peer breaks the rules of `ut_metadata`. The extension goes out of use on its connection, or the
 * connection is closed with this as reason.
 */
export class MetadataError extends ShoalError {
  override readonly name: string = "MetadataError";
  declare readonly code: MetadataErrorCode;

  constructor(code: MetadataErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
