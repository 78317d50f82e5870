// What can go wrong with a session: typed errors with stable codes.
import { ShoalError } from "@shoal/core";

/**
 * Codes: `ERR_SESSION_BLOCKLIST` (none that can be used; says why), `ERR_SESSION_CLOSED` (used after
 * close), `ERR_SESSION_DUPLICATE` (the torrent is there already), `ERR_SESSION_SETTING` (a value out
 * of range), `ERR_SESSION_SOURCE` (not a torrent that can be added; says why), `ERR_SESSION_STATE` (a
 * file is no saved state), `ERR_SESSION_UNKNOWN` (the torrent is not of this session).
 */
export class SessionError extends ShoalError {
  override readonly name: string = "SessionError";
}
