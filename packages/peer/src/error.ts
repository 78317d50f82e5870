// Why a connection is ended by us: typed errors with stable codes.
import { ShoalError } from "@shoal/core";

/**
 * The remote broke the protocol, or the connection is of no use.
 *
 * Codes: `ERR_PEER_PROTOCOL` (forbidden message or value), `ERR_PEER_FLOOD` (more than any honest
 * peer sends), `ERR_PEER_TIMEOUT` (silent too long), `ERR_PEER_HANDSHAKE` (wrong or no torrent),
 * `ERR_PEER_SELF` (we dialled ourselves), `ERR_PEER_REDUNDANT` (neither side can use the other),
 * `ERR_PEER_USELESS` (nobody wanted anything for long, and others wait for the place),
 * `ERR_PEER_DOUBLE` (there is another connection with it), `ERR_PEER_BAD_DATA` (it sent data that
 * failed the hash check).
 */
export class PeerError extends ShoalError {
  override readonly name: string = "PeerError";
}
