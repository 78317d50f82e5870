// Cuts a stream into peer wire messages, at any split, without copying the payload of pieces.
import { copyBytes } from "@shoal/core";
import {
  checkLength,
  DEFAULT_LIMITS,
  longestMessage,
  PIECE_HEADER,
  tooLong,
  type WireLimits,
} from "./limits.ts";
import { type HashRange, type MessageHandler, MessageId } from "./messages.ts";
import { readUint32 } from "./uint32.ts";

/**
 * Decodes what follows the handshake.
 *
 * Only a message that lies in two chunks is copied, into a buffer that grows with what has arrived,
 * never with what is merely announced. Payloads of `piece` messages are not copied at all.
 */
export class MessageDecoder {
  readonly #handler: MessageHandler;
  readonly #limits: WireLimits;
  readonly #longest: number;
  #stopped = false;
  /** The beginning of a message that has not come whole. */
  #held: Uint8Array = new Uint8Array(SMALL);
  #heldLength = 0;
  /** Bytes of the current block that are still to come. */
  #blockLeft = 0;
  /** Bytes of the current unknown message that are still to come. */
  #skipLeft = 0;

  constructor(handler: MessageHandler, limits?: Partial<WireLimits>) {
    this.#handler = handler;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#longest = longestMessage(this.#limits);
  }

  /** Whether the stream stands between two messages. */
  get idle(): boolean {
    return this.#heldLength === 0 && this.#blockLeft === 0 && this.#skipLeft === 0;
  }

  /** Ends decoding for good: not even the rest of the current chunk is looked at. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Decodes the next bytes of the stream and calls the handler, which must not call this in turn.
   *
   * @param chunk Any number of bytes; not kept.
   * @throws WireError for lengths that are impossible or beyond the limits, and whatever the handler
   *   throws. Nothing is decoded after that.
   */
  receive(chunk: Uint8Array): void {
    try {
      let at = 0;
      while (at < chunk.length && !this.#stopped) {
        if (this.#blockLeft > 0) at = this.#passBlock(chunk, at);
        else if (this.#skipLeft > 0) at = this.#skip(chunk, at);
        else if (this.#heldLength > 0) at = this.#hold(chunk, at);
        else {
          const wanted = this.#wanted(chunk, at, chunk.length - at);
          if (at + wanted > chunk.length) at = this.#hold(chunk, at);
          else {
            at += wanted;
            this.#deliver(chunk, at - wanted, at);
          }
        }
      }
    } catch (error) {
      this.#stopped = true;
      throw error;
    }
  }

  #passBlock(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#blockLeft);
    this.#blockLeft -= end - start;
    this.#handler.pieceData(chunk, start, end);
    if (this.#blockLeft === 0 && !this.#stopped) this.#handler.pieceEnd();
    return end;
  }

  #skip(chunk: Uint8Array, start: number): number {
    const end = Math.min(chunk.length, start + this.#skipLeft);
    this.#skipLeft -= end - start;
    return end;
  }

  /** Adds to what is held until that can be delivered, or the chunk ends. */
  #hold(chunk: Uint8Array, start: number): number {
    for (let at = start; ; ) {
      const length = this.#heldLength;
      const wanted = this.#wanted(this.#held, 0, length);
      if (wanted <= length) {
        const message = this.#held;
        this.#heldLength = 0;
        if (message.length > SMALL) this.#held = new Uint8Array(SMALL);
        this.#deliver(message, 0, wanted);
        return at;
      }
      if (at === chunk.length) return at;
      const end = Math.min(chunk.length, at + wanted - length);
      this.#grow(length + end - at, wanted);
      this.#held.set(chunk.subarray(at, end), length);
      this.#heldLength += end - at;
      at = end;
    }
  }

  #grow(needed: number, wanted: number): void {
    if (needed <= this.#held.length) return;
    const larger = new Uint8Array(Math.min(wanted, Math.max(needed, 2 * this.#held.length)));
    larger.set(this.#held.subarray(0, this.#heldLength));
    this.#held = larger;
  }

  /**
   * How many bytes from the start of a message at `at` must lie together so that one can go on,
   * given that `available` are there. Checks the length as soon as that can be done.
   */
  #wanted(bytes: Uint8Array, at: number, available: number): number {
    if (available < 4) return 4;
    const length = readUint32(bytes, at);
    if (length === 0) return 4;
    if (length > this.#longest) throw tooLong(length, this.#longest);
    if (available < 5) return 5;
    const id = bytes[at + 4] ?? 0;
    checkLength(id, length, this.#limits);
    if (id === MessageId.piece) return PIECE_HEADER;
    return KNOWN.has(id) ? 4 + length : 5;
  }

  /** Calls the handler for the message `bytes[start…end)`, or for the head of a long one. */
  #deliver(bytes: Uint8Array, start: number, end: number): void {
    const id = end - start === 4 ? KEEP_ALIVE : (bytes[start + 4] ?? 0);
    if (id === MessageId.piece) {
      this.#blockLeft = readUint32(bytes, start) - (PIECE_HEADER - 4);
      const begin = readUint32(bytes, start + 9);
      this.#handler.pieceStart(readUint32(bytes, start + 5), begin, this.#blockLeft);
    } else if (KNOWN.has(id)) {
      deliverWhole(this.#handler, id, bytes, start + 5, end);
    } else {
      this.#skipLeft = readUint32(bytes, start) - 1;
      this.#handler.unknown(id, this.#skipLeft);
    }
  }
}

/** Holds every message but those with long bodies. */
const SMALL = 64;

/** Stands for the id of the message that has none. */
const KEEP_ALIVE = -1;

const KNOWN: ReadonlySet<number> = new Set([KEEP_ALIVE, ...Object.values(MessageId)]);

/** Calls the handler for a message whose body is `bytes[body…end)`. */
function deliverWhole(
  handler: MessageHandler,
  id: number,
  bytes: Uint8Array,
  body: number,
  end: number,
): void {
  switch (id) {
    case KEEP_ALIVE:
      handler.keepAlive();
      break;
    case MessageId.choke:
      handler.choke();
      break;
    case MessageId.unchoke:
      handler.unchoke();
      break;
    case MessageId.interested:
      handler.interested();
      break;
    case MessageId.notInterested:
      handler.notInterested();
      break;
    case MessageId.have:
      handler.have(readUint32(bytes, body));
      break;
    case MessageId.bitfield:
      handler.bitfield(bytes.subarray(body, end));
      break;
    case MessageId.request:
    case MessageId.cancel:
    case MessageId.reject:
      deliverBlock(handler, id, bytes, body);
      break;
    case MessageId.port:
      handler.port(((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0));
      break;
    case MessageId.suggest:
      handler.suggest(readUint32(bytes, body));
      break;
    case MessageId.haveAll:
      handler.haveAll();
      break;
    case MessageId.haveNone:
      handler.haveNone();
      break;
    case MessageId.allowedFast:
      handler.allowedFast(readUint32(bytes, body));
      break;
    case MessageId.extended:
      handler.extended(bytes[body] ?? 0, bytes.subarray(body + 1, end));
      break;
    case MessageId.hashRequest:
      handler.hashRequest(readRange(bytes, body));
      break;
    case MessageId.hashes:
      handler.hashes(readRange(bytes, body), bytes.subarray(body + RANGE_BYTES, end));
      break;
    case MessageId.hashReject:
      handler.hashReject(readRange(bytes, body));
      break;
  }
}

function deliverBlock(handler: MessageHandler, id: number, bytes: Uint8Array, body: number): void {
  const piece = readUint32(bytes, body);
  const begin = readUint32(bytes, body + 4);
  const length = readUint32(bytes, body + 8);
  if (id === MessageId.request) handler.request(piece, begin, length);
  else if (id === MessageId.cancel) handler.cancel(piece, begin, length);
  else handler.reject(piece, begin, length);
}

/** Bytes of a hash range on the wire. */
const RANGE_BYTES = 48;

function readRange(bytes: Uint8Array, at: number): HashRange {
  return {
    piecesRoot: copyBytes(bytes.subarray(at, at + 32)),
    baseLayer: readUint32(bytes, at + 32),
    index: readUint32(bytes, at + 36),
    length: readUint32(bytes, at + 40),
    proofLayers: readUint32(bytes, at + 44),
  };
}
