// The messages of the peer wire: their numbers, and what a receiver of them looks like.

/** The byte that follows the length of every message but keep-alive. */
export const MessageId = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  /** BEP 5. */
  port: 9,
  /** BEP 6, as are the next four. */
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  /** BEP 10. */
  extended: 20,
  /** BEP 52, as are the next two. */
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const;

/**
 * Which hashes of a file's merkle tree are meant (BEP 52). All numbers are as the wire says, 0…2^32−1:
 * whether they make sense for a torrent is for its owner to check.
 */
export interface HashRange {
  /** 32 bytes: names the file. */
  readonly piecesRoot: Uint8Array;
  /** Layers above the leaves. */
  readonly baseLayer: number;
  /** The first hash, counted in the base layer; a multiple of `length`. */
  readonly index: number;
  /** How many hashes of the base layer; a power of two, at least 2. */
  readonly length: number;
  /** How many layers above are wanted as proof. */
  readonly proofLayers: number;
}

/**
 * Receives what a {@link MessageDecoder} finds; one method for each message.
 *
 * Numbers are as the wire says, 0…2^32−1: that a piece exists, a block was asked for or an extension
 * is in use is for the handler to check. A method may throw, which ends the decoder, or call
 * `stop()` of the decoder.
 */
export interface MessageHandler {
  keepAlive(): void;
  choke(): void;
  unchoke(): void;
  interested(): void;
  notInterested(): void;
  have(piece: number): void;
  /** @param bits valid during the call; the length may be wrong for the torrent. */
  bitfield(bits: Uint8Array): void;
  request(piece: number, begin: number, length: number): void;
  cancel(piece: number, begin: number, length: number): void;
  /** BEP 6: the request will not be served. */
  reject(piece: number, begin: number, length: number): void;
  /** A block begins to arrive; `length` ≥ 1 bytes of it follow in calls of `pieceData`. */
  pieceStart(piece: number, begin: number, length: number): void;
  /** The next bytes of the block: `chunk[start…end)`, at least one, valid during the call. */
  pieceData(chunk: Uint8Array, start: number, end: number): void;
  /** All bytes of the block have come. */
  pieceEnd(): void;
  /** BEP 5: the sender's DHT node listens on this UDP port, 0…65535. */
  port(port: number): void;
  /** BEP 6. */
  suggest(piece: number): void;
  /** BEP 6. */
  haveAll(): void;
  /** BEP 6. */
  haveNone(): void;
  /** BEP 6. */
  allowedFast(piece: number): void;
  /**
   * BEP 10.
   *
   * @param id 0 for the handshake, else one of the numbers that we chose; 0…255.
   * @param payload what follows the id; valid during the call.
   */
  extended(id: number, payload: Uint8Array): void;
  /** BEP 52. */
  hashRequest(range: HashRange): void;
  /** BEP 52. @param hashes base layer first, then uncles; 32 bytes each; valid during the call. */
  hashes(range: HashRange, hashes: Uint8Array): void;
  /** BEP 52. */
  hashReject(range: HashRange): void;
  /** A message that nobody knows; its `length` bytes after the id are skipped. */
  unknown(id: number, length: number): void;
}
