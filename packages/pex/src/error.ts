// The error of this package: what the other side did wrong.
import { ShoalError } from "@shoal/core";

/**
 * What a {@link PexError} says:
 * - `ERR_PEX_MALFORMED`: a message is no bencoded dictionary, or its lists have impossible lengths
 * - `ERR_PEX_OVERSIZE`: a message names far more peers than BEP 11 allows
 * - `ERR_PEX_FLOOD`: too many messages in a minute
 */
export type PexErrorCode = "ERR_PEX_MALFORMED" | "ERR_PEX_OVERSIZE" | "ERR_PEX_FLOOD";

/** The other side abuses peer exchange: nothing more is taken from it. */
export class PexError extends ShoalError {
  override readonly name: string = "PexError";
  declare readonly code: PexErrorCode;

  constructor(code: PexErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
