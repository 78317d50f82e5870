// Gathers outgoing peer wire messages into chunks for one vectored write.
import { HASHES_HEADER, PIECE_HEADER } from "./limits.ts";
import { type HashRange, MessageId } from "./messages.ts";
import { writeUint32 } from "./uint32.ts";

/**
 * Encodes messages one behind the other. Messages are packed into memory of the encoder, neighbours
 * into one chunk; only the payload of `piece` messages is passed through as it is.
 *
 * Numbers are written as unsigned 32-bit integers; the caller keeps them in that range.
 */
export class MessageEncoder {
  #chunks: Uint8Array[] = [];
  #pendingBytes = 0;
  #arena: Uint8Array = EMPTY;
  /** The arena's bytes from here to `#end` are not yet among the chunks. */
  #start = 0;
  #end = 0;

  /** Bytes that the next `take` returns. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * The chunks encoded since the last call, in order. Their memory is never written again, so they
   * can wait in a socket as long as they must.
   */
  take(): Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#pendingBytes = 0;
    return chunks;
  }

  keepAlive(): void {
    const at = this.#reserve(4);
    writeUint32(this.#arena, at, 0);
  }

  choke(): void {
    this.#message(MessageId.choke, 1);
  }

  unchoke(): void {
    this.#message(MessageId.unchoke, 1);
  }

  interested(): void {
    this.#message(MessageId.interested, 1);
  }

  notInterested(): void {
    this.#message(MessageId.notInterested, 1);
  }

  have(piece: number): void {
    this.#message1(MessageId.have, piece);
  }

  /** @param bits as {@link Bitfield.bytes} of core gives them; copied. */
  bitfield(bits: Uint8Array): void {
    const at = this.#message(MessageId.bitfield, 1 + bits.length);
    this.#arena.set(bits, at);
  }

  request(piece: number, begin: number, length: number): void {
    this.#message3(MessageId.request, piece, begin, length);
  }

  cancel(piece: number, begin: number, length: number): void {
    this.#message3(MessageId.cancel, piece, begin, length);
  }

  /** BEP 6. */
  reject(piece: number, begin: number, length: number): void {
    this.#message3(MessageId.reject, piece, begin, length);
  }

  /**
   * @param first the block's bytes, or their first part; not copied, so they must not change until
   *   they have been written.
   * @param second the rest of a block that lies in two places.
   */
  piece(piece: number, begin: number, first: Uint8Array, second?: Uint8Array): void {
    const length = first.length + (second?.length ?? 0);
    const at = this.#reserve(PIECE_HEADER);
    writeUint32(this.#arena, at, PIECE_HEADER - 4 + length);
    this.#arena[at + 4] = MessageId.piece;
    writeUint32(this.#arena, at + 5, piece);
    writeUint32(this.#arena, at + 9, begin);
    this.#seal();
    this.#chunks.push(first);
    if (second !== undefined) this.#chunks.push(second);
    this.#pendingBytes += length;
  }

  /** BEP 5: the UDP port of our DHT node. */
  port(port: number): void {
    const at = this.#message(MessageId.port, 3);
    this.#arena[at] = port >>> 8;
    this.#arena[at + 1] = port;
  }

  /** BEP 6. */
  suggest(piece: number): void {
    this.#message1(MessageId.suggest, piece);
  }

  /** BEP 6. */
  haveAll(): void {
    this.#message(MessageId.haveAll, 1);
  }

  /** BEP 6. */
  haveNone(): void {
    this.#message(MessageId.haveNone, 1);
  }

  /** BEP 6. */
  allowedFast(piece: number): void {
    this.#message1(MessageId.allowedFast, piece);
  }

  /** BEP 10. @param id 0 for the handshake, else what the other side chose. @param payload copied. */
  extended(id: number, payload: Uint8Array): void {
    const at = this.#message(MessageId.extended, 2 + payload.length);
    this.#arena[at] = id;
    this.#arena.set(payload, at + 1);
  }

  /** BEP 52. */
  hashRequest(range: HashRange): void {
    this.#range(MessageId.hashRequest, range, EMPTY);
  }

  /** BEP 52. @param hashes base layer first, then uncles; 32 bytes each; copied. */
  hashes(range: HashRange, hashes: Uint8Array): void {
    this.#range(MessageId.hashes, range, hashes);
  }

  /** BEP 52. */
  hashReject(range: HashRange): void {
    this.#range(MessageId.hashReject, range, EMPTY);
  }

  #range(id: number, range: HashRange, hashes: Uint8Array): void {
    const at = this.#message(id, HASHES_HEADER - 4 + hashes.length);
    this.#arena.set(range.piecesRoot, at);
    writeUint32(this.#arena, at + 32, range.baseLayer);
    writeUint32(this.#arena, at + 36, range.index);
    writeUint32(this.#arena, at + 40, range.length);
    writeUint32(this.#arena, at + 44, range.proofLayers);
    this.#arena.set(hashes, at + 48);
  }

  #message1(id: number, value: number): void {
    const at = this.#message(id, 5);
    writeUint32(this.#arena, at, value);
  }

  #message3(id: number, piece: number, begin: number, length: number): void {
    const at = this.#message(id, 13);
    writeUint32(this.#arena, at, piece);
    writeUint32(this.#arena, at + 4, begin);
    writeUint32(this.#arena, at + 8, length);
  }

  /** Begins a message of this length prefix; returns where in the arena its body goes. */
  #message(id: number, length: number): number {
    const at = this.#reserve(4 + length);
    writeUint32(this.#arena, at, length);
    this.#arena[at + 4] = id;
    return at + 5;
  }

  /** Makes room for bytes that lie together; returns where in the arena they go. */
  #reserve(bytes: number): number {
    if (this.#end + bytes > this.#arena.length) {
      this.#seal();
      this.#arena = new Uint8Array(Math.max(ARENA_BYTES, bytes));
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += bytes;
    this.#pendingBytes += bytes;
    return at;
  }

  /** Makes a chunk of what was written to the arena since the last one. */
  #seal(): void {
    if (this.#start === this.#end) return;
    this.#chunks.push(this.#arena.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** Enough for the headers of 2 MiB of blocks, and small beside a thousand idle connections. */
const ARENA_BYTES = 2048;

const EMPTY: Uint8Array = new Uint8Array(0);
