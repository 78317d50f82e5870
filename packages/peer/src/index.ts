/**
 * One BitTorrent connection: handshake, choke and interest, a request pipeline that keeps the
 * remote busy, and uploads served from a block cache. Pure: sockets, disk, picker and time come
 * through a narrow host.
 *
 * @packageDocumentation
 */
export { PeerError } from "./error.ts";
export { type HandshakeHost, shakeHands } from "./handshaker.ts";
export {
  type BlockSink,
  type BlockSource,
  NO_SLOT,
  type PeerHost,
  type PeerView,
  type Picked,
  type SwarmEvents,
} from "./host.ts";
export { REQUEST_QUEUE_LIMIT } from "./limits.ts";
export { PAUSE_DISK, PAUSE_RATE, Peer, type PeerInit } from "./peer.ts";
