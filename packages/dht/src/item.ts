// Items that anybody can store in the DHT: immutable by hash, mutable by key (BEP 44, BEP 46).
import { type BencodeValue, decode, encode } from "@shoal/bencode";
import { concatBytes, copyBytes } from "@shoal/core";
import type { DhtCrypto } from "./crypto.ts";

/** Bytes of the largest bencoded value that nodes store. */
export const MAX_VALUE = 1000;
/** Bytes of the longest salt. */
export const MAX_SALT = 64;
const KEY_LENGTH = 32;
const SIGNATURE_LENGTH = 64;

/** A stored value as it travels: immutable if it has no signature. */
export interface Item {
  /** The bencoded value, at most 1000 bytes. */
  readonly encoded: Uint8Array;
  readonly signed: SignedPart | undefined;
}

/** What makes an item mutable. */
export interface SignedPart {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 0–64 bytes. */
  readonly salt: Uint8Array;
  /** 0…2^63−1. */
  readonly seq: bigint;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** Where an immutable item lies. */
export function immutableTarget(suite: DhtCrypto, encoded: Uint8Array): Uint8Array {
  return suite.sha1(encoded);
}

/** Where a mutable item lies. */
export function mutableTarget(
  suite: DhtCrypto,
  publicKey: Uint8Array,
  salt: Uint8Array,
): Uint8Array {
  return suite.sha1(concatBytes([publicKey, salt]));
}

/** Where the item lies. */
export function itemTarget(suite: DhtCrypto, { encoded, signed }: Item): Uint8Array {
  return signed === undefined
    ? immutableTarget(suite, encoded)
    : mutableTarget(suite, signed.publicKey, signed.salt);
}

/** The bytes that a mutable item's signature is of. */
export function signedBytes(encoded: Uint8Array, salt: Uint8Array, seq: bigint): Uint8Array {
  const parts: Uint8Array[] = [];
  if (salt.length > 0) parts.push(ascii("4:salt"), encode(salt));
  parts.push(ascii(`3:seqi${seq}e1:v`), encoded);
  return concatBytes(parts);
}

/** Whether a mutable item's parts have their sizes and its signature is true. */
export function isGenuine(suite: DhtCrypto, encoded: Uint8Array, signed: SignedPart): boolean {
  const { publicKey, salt, seq, signature } = signed;
  if (publicKey.length !== KEY_LENGTH || signature.length !== SIGNATURE_LENGTH) return false;
  if (salt.length > MAX_SALT || seq < 0n || seq >= 2n ** 63n) return false;
  return suite.verify(signature, signedBytes(encoded, salt, seq), publicKey);
}

/** Whether the bytes are one value in canonical bencoding, as storing nodes must check. */
export function isCanonical(encoded: Uint8Array): boolean {
  try {
    decode(encoded, { mode: "strict", maxDepth: 10, maxTokens: 500 });
    return true;
  } catch {
    return false;
  }
}

/** The value of an item, which has been checked before. */
export function itemValue({ encoded }: Item): BencodeValue {
  return decode(encoded);
}

/** The info-hash that a mutable torrent's item names (BEP 46), if it names one. */
export function torrentOf(value: BencodeValue): Uint8Array | undefined {
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
    return undefined;
  }
  const infoHash = value.bytes("ih");
  return infoHash?.length === 20 ? copyBytes(infoHash) : undefined;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
