// What one connection needs from the swarm that it belongs to.
import type { BlockIndex, PieceGeometry, PieceIndex } from "@shoal/core";
import type { Peer } from "./peer.ts";

/** Requests that a picker chose, as parallel lists. */
export interface Picked {
  readonly length: number;
  piece(index: number): PieceIndex;
  block(index: number): BlockIndex;
}

/** Instead of a slot: drop the block, or wait for the read. */
export const NO_SLOT = -1;

/** What a connection tells its swarm about the remote's side. */
export interface SwarmEvents {
  /** Its pieces are known for the first time: `peer.have` is complete. Called once, before `gained`. */
  piecesKnown(peer: Peer): void;
  /** It has one piece more. */
  gained(peer: Peer, piece: PieceIndex): void;
  /** It has this piece no more. */
  lost(peer: Peer, piece: PieceIndex): void;
  /** It wants our data, or no more. */
  interestChanged(peer: Peer): void;
  /** It lets us download, or no more. */
  chokeChanged(peer: Peer): void;
  /** Nothing could be picked for this idle peer, though we are interested in it. */
  ranDry(peer: Peer): void;
  /** The peer waits for a rate limit: look at it again soon, with `payDebt` or `turnEnded`. */
  rateLimited(peer: Peer): void;
  /** The connection is over and every request and slot has been given back. */
  peerClosed(peer: Peer, error: Error | undefined): void;
}

/** The download side: where requests come from and blocks go to. */
export interface BlockSink {
  /**
   * Chooses up to `count` blocks for this peer and marks them requested.
   *
   * @param contiguous How many neighbouring blocks suit the peer's speed.
   * @returns a list that is valid until the next call.
   */
  pick(peer: Peer, count: number, contiguous: number): Picked;
  /** A block begins to arrive. @returns a slot, or {@link NO_SLOT} to drop it. */
  blockBegins(peer: Peer, piece: PieceIndex, block: BlockIndex): number;
  /** Part of the block's bytes: `chunk[start…end)` belongs at `offset` in the block. */
  blockBytes(slot: number, offset: number, chunk: Uint8Array, start: number, end: number): void;
  /** The block is whole. */
  blockEnds(peer: Peer, piece: PieceIndex, block: BlockIndex, slot: number): void;
  /** The connection ended inside the block. */
  blockTorn(slot: number): void;
  /** A request of ours will not be answered: refused, timed out, choked, or the peer is gone. */
  requestLost(peer: Peer, piece: PieceIndex, block: BlockIndex): void;
  /** Charges bytes that came to the rate limits. @returns how many are not paid for yet. */
  payDownload(peer: Peer, bytes: number, now: number): number;
}

/** The upload side: where blocks come from. */
export interface BlockSource {
  /** Whether the piece is verified and stored. */
  hasPiece(piece: PieceIndex): boolean;
  /** Holds a block in the cache. @returns its slot, or {@link NO_SLOT}: `peer.blocksReady` follows. */
  pin(peer: Peer, piece: PieceIndex, block: BlockIndex): number;
  view(slot: number, start: number, end: number): Uint8Array;
  unpin(slot: number): void;
  /** Payload is sent: counts it and charges the rate limits. @returns how much is not paid for yet. */
  sent(peer: Peer, bytes: number, now: number): number;
  /** Charges what `sent` or an earlier call left over. @returns how much is still not paid for. */
  payUpload(peer: Peer, bytes: number, now: number): number;
}

/** Everything that a {@link Peer} asks of its surroundings. */
export interface PeerHost extends SwarmEvents {
  readonly sink: BlockSink;
  readonly source: BlockSource;
  readonly geometry: PieceGeometry;
  /** Monotonic ms. */
  now(): number;
  /** Calls `peer.turnEnded` at the end of this turn of the event loop: batches small messages. */
  wake(peer: Peer): void;
}
