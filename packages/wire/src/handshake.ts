// The 68 bytes that open a connection in both directions (BEP 3).
import { WireError } from "./error.ts";

/** Bytes of a whole handshake. */
export const HANDSHAKE_LENGTH = 68;

/** What a side says it can do, one reserved bit each. */
export interface HandshakeFeatures {
  /** The Fast extension (BEP 6): in use when both sides set it. */
  readonly fast: boolean;
  /** The extension protocol (BEP 10): in use when both sides set it. */
  readonly extended: boolean;
  /** The sender runs a DHT node and may send `port` (BEP 5). */
  readonly dht: boolean;
  /** The sender of a hybrid torrent's v1 info-hash can go on with its v2 side (BEP 52). */
  readonly v2: boolean;
}

export interface Handshake {
  /** 20 bytes; for v2 torrents the truncated SHA-256 (BEP 52). */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly features: HandshakeFeatures;
}

/**
 * The handshake as bytes.
 *
 * @throws RangeError unless info-hash and peer id have 20 bytes each.
 */
export function encodeHandshake({ infoHash, peerId, features }: Handshake): Uint8Array {
  if (infoHash.length !== 20 || peerId.length !== 20) {
    throw new RangeError(
      `info-hash and peer id must have 20 bytes, not ${infoHash.length} and ${peerId.length}`,
    );
  }
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  bytes.set(PREFIX);
  if (features.extended) bytes[RESERVED + 5] = EXTENDED;
  bytes[RESERVED + 7] =
    (features.dht ? DHT : 0) | (features.fast ? FAST : 0) | (features.v2 ? V2 : 0);
  bytes.set(infoHash, INFO_HASH);
  bytes.set(peerId, PEER_ID);
  return bytes;
}

/**
 * Reads the handshake from the start of a stream, however the stream is cut.
 *
 * The info-hash comes 20 bytes before the end, and one who answers needs it first: see
 * {@link HandshakeDecoder.infoHash}.
 */
export class HandshakeDecoder {
  readonly #bytes = new Uint8Array(HANDSHAKE_LENGTH);
  #length = 0;
  #result: Handshake | undefined;

  /**
   * Takes in what belongs to the handshake.
   *
   * @returns how many bytes of `chunk` that was: the rest are messages.
   * @throws WireError `ERR_WIRE_PROTOCOL` at the first byte that differs from the protocol string.
   */
  receive(chunk: Uint8Array): number {
    const taken = Math.min(chunk.length, HANDSHAKE_LENGTH - this.#length);
    for (let i = 0; i < taken; i++, this.#length++) {
      const byte = chunk[i] ?? 0;
      if (this.#length < PREFIX.length && byte !== PREFIX[this.#length]) {
        throw new WireError(
          "ERR_WIRE_PROTOCOL",
          `expected a BitTorrent handshake, got byte ${byte} at ${this.#length}; the peer speaks another protocol or encrypts`,
        );
      }
      this.#bytes[this.#length] = byte;
    }
    if (this.#length === HANDSHAKE_LENGTH) this.#result ??= this.#parse();
    return taken;
  }

  /** The info-hash, known before the peer id has arrived. */
  get infoHash(): Uint8Array | undefined {
    return this.#length >= PEER_ID ? this.#bytes.slice(INFO_HASH, PEER_ID) : undefined;
  }

  /** The whole handshake, once it has arrived. */
  get result(): Handshake | undefined {
    return this.#result;
  }

  #parse(): Handshake {
    const extended = this.#bytes[RESERVED + 5] ?? 0;
    const last = this.#bytes[RESERVED + 7] ?? 0;
    return {
      infoHash: this.#bytes.slice(INFO_HASH, PEER_ID),
      peerId: this.#bytes.slice(PEER_ID),
      features: {
        fast: (last & FAST) !== 0,
        extended: (extended & EXTENDED) !== 0,
        dht: (last & DHT) !== 0,
        v2: (last & V2) !== 0,
      },
    };
  }
}

/** Length byte and protocol string. */
const PREFIX: Uint8Array = new TextEncoder().encode("\x13BitTorrent protocol");

// Where the fields begin.
const RESERVED = 20;
const INFO_HASH = 28;
const PEER_ID = 48;

/** Bit of reserved byte 5. */
const EXTENDED = 0x10;
// Bits of reserved byte 7.
const DHT = 0x01;
const FAST = 0x04;
const V2 = 0x10;
