// What goes wrong at gateways, with stable codes.
import { ShoalError } from "@shoal/core";

/** Codes of {@link PortMapError}. */
export type PortMapErrorCode =
  | "ERR_PORTMAP_UNANSWERED"
  | "ERR_PORTMAP_REFUSED"
  | "ERR_PORTMAP_BAD_ANSWER";

/**
 * A failure to map a port; what was asked goes on being tried. Codes:
 * - `ERR_PORTMAP_UNANSWERED`: nobody answers to the protocol.
 * - `ERR_PORTMAP_REFUSED`: the gateway said no.
 * - `ERR_PORTMAP_BAD_ANSWER`: what came makes no sense.
 */
export class PortMapError extends ShoalError {
  override readonly name: string = "PortMapError";
  declare readonly code: PortMapErrorCode;
  /** Seconds for which the gateway wants no further attempt; 0 if it did not say. */
  readonly retryAfter: number;

  constructor(
    code: PortMapErrorCode,
    message: string,
    options: { cause?: unknown; retryAfter?: number } = {},
  ) {
    super(code, message, options);
    this.retryAfter = options.retryAfter ?? 0;
  }
}
