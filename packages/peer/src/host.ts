// What one connection needs from the swarm that it belongs to.
import type { Bitfield, BlockIndex, PieceGeometry, PieceIndex } from "@shoal/core";

/** Requests that a picker chose, as parallel lists. */
export interface Picked {
  readonly length: number;
  piece(index: number): PieceIndex;
  block(index: number): BlockIndex;
}

/** Instead of a slot: drop the block, or wait for the read. */
export const NO_SLOT = -1;

/** A connection as its swarm and its own two sides see it. */
export interface PeerView {
  /** A small integer, unique among the swarm's connections; may be used again later. */
  readonly id: number;
  /** Pieces that the remote has, as far as it said. Kept by the connection; others only read. */
  readonly have: Bitfield;
  /** The remote has said which pieces it has. */
  readonly isKnown: boolean;
  /** Both ends speak the Fast extension (BEP 6). */
  readonly fast: boolean;
  /** How many requests the remote queues (`reqq`, BEP 10); undefined if it did not say. */
  readonly remoteQueueLimit: number | undefined;
  readonly download: {
    /** The remote does not serve us, but for `allowedFast`. */
    readonly choked: boolean;
    readonly interested: boolean;
    /** Pieces that we may request while choked (BEP 6). */
    readonly allowedFast: Bitfield | undefined;
  };
  readonly incoming: boolean;
  /** Asks for more, serves more, writes what was gathered. */
  turnEnded(): void;
}

/** What a connection tells its swarm about the remote's side. */
export interface SwarmEvents {
  /** It runs a DHT node on this UDP port (BEP 5). */
  dhtNode(peer: PeerView, port: number): void;
  /** Its pieces are known for the first time: `peer.have` is complete. Called once, before `gained`. */
  piecesKnown(peer: PeerView): void;
  /** It has one piece more. */
  gained(peer: PeerView, piece: PieceIndex): void;
  /** It has this piece no more. */
  lost(peer: PeerView, piece: PieceIndex): void;
  /** It wants our data, or no more. */
  interestChanged(peer: PeerView): void;
  /** It lets us download, or no more. */
  chokeChanged(peer: PeerView): void;
  /** Nothing could be picked for this idle peer, though we are interested in it. */
  ranDry(peer: PeerView): void;
  /** The peer waits for a rate limit: look at it again soon, with `payDebt` or `turnEnded`. */
  rateLimited(peer: PeerView): void;
  /** The connection is over and every request and slot has been given back. */
  peerClosed(peer: PeerView, error: Error | undefined): void;
}

/** The download side: where requests come from and blocks go to. */
export interface BlockSink {
  /**
   * Chooses up to `count` blocks for this peer and marks them requested.
   *
   * @param contiguous How many neighbouring blocks suit the peer's speed.
   * @returns a list that is valid until the next call.
   */
  pick(peer: PeerView, count: number, contiguous: number): Picked;
  /** A block begins to arrive. @returns a slot, or {@link NO_SLOT} to drop it. */
  blockBegins(peer: PeerView, piece: PieceIndex, block: BlockIndex): number;
  /** Part of the block's bytes: `chunk[start…end)` belongs at `offset` in the block. */
  blockBytes(slot: number, offset: number, chunk: Uint8Array, start: number, end: number): void;
  /** The block is whole. */
  blockEnds(peer: PeerView, piece: PieceIndex, block: BlockIndex, slot: number): void;
  /** The connection ended inside the block. */
  blockTorn(slot: number): void;
  /** A request of ours will not be answered: refused, timed out, choked, or the peer is gone. */
  requestLost(peer: PeerView, piece: PieceIndex, block: BlockIndex): void;
  /** Charges bytes that came to the rate limits. @returns how many are not paid for yet. */
  payDownload(peer: PeerView, bytes: number, now: number): number;
}

/** The upload side: where blocks come from. */
export interface BlockSource {
  /** Whether the piece is verified and stored. */
  hasPiece(piece: PieceIndex): boolean;
  /** Holds a block in the cache. @returns its slot, or {@link NO_SLOT}: `peer.blocksReady` follows. */
  pin(peer: PeerView, piece: PieceIndex, block: BlockIndex): number;
  /** The block will be asked for soon: begins to read it if it is not cached. */
  prefetch(peer: PeerView, piece: PieceIndex, block: BlockIndex): void;
  view(slot: number, start: number, end: number): Uint8Array;
  unpin(slot: number): void;
  /** Payload is sent: counts it and charges the rate limits. @returns how much is not paid for yet. */
  sent(peer: PeerView, bytes: number, now: number): number;
  /** Charges what `sent` or an earlier call left over. @returns how much is still not paid for. */
  payUpload(peer: PeerView, bytes: number, now: number): number;
}

/** Everything that a connection asks of its surroundings. */
export interface PeerHost extends SwarmEvents {
  readonly sink: BlockSink;
  readonly source: BlockSource;
  /** Of no pieces while the metadata is not known. */
  readonly geometry: PieceGeometry;
  /** Whether `geometry` is the torrent's. When it becomes so, `Peer.piecesLearned` must be called. */
  readonly hasMetadata: boolean;
  /** UDP port of our DHT node, for remotes that have one too; undefined without a node. */
  readonly dhtPort: number | undefined;
  /** Monotonic ms. */
  now(): number;
  /** Calls `peer.turnEnded` at the end of this turn of the event loop: batches small messages. */
  wake(peer: PeerView): void;
}
