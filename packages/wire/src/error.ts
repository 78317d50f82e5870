// The error that everything in this package throws for what the other side sent.
import { ShoalError } from "@shoal/core";

/**
 * What a {@link WireError} says went wrong:
 * - `ERR_WIRE_PROTOCOL`: the stream does not begin with BitTorrent's protocol string (BEP 3)
 * - `ERR_WIRE_MESSAGE_LENGTH`: a message's length is impossible for its kind
 * - `ERR_WIRE_MESSAGE_TOO_LONG`: a message is longer than the limits allow
 * - `ERR_WIRE_EXTENDED_HANDSHAKE`: an extended handshake (BEP 10) is not a bencoded dictionary
 */
export type WireErrorCode =
  | "ERR_WIRE_PROTOCOL"
  | "ERR_WIRE_MESSAGE_LENGTH"
  | "ERR_WIRE_MESSAGE_TOO_LONG"
  | "ERR_WIRE_EXTENDED_HANDSHAKE";

/** The remote breaks the peer wire protocol: close the connection. */
export class WireError extends ShoalError {
  override readonly name: string = "WireError";
  declare readonly code: WireErrorCode;

  constructor(code: WireErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
