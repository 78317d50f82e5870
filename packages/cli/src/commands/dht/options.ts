// What all DHT commands are told: where to begin, which sockets, how long.
import { fromHex } from "@shoal/core";
import { parseMagnet } from "@shoal/metainfo";
import type { PeerName } from "../../arguments.ts";
import { UsageError } from "../../error.ts";

/** What the user chose for the node that does the work. */
export interface NodeOptions {
  /** Instead of the well-known nodes. */
  readonly bootstrap?: readonly PeerName[];
  /** UDP port of the node; any free one by default. */
  readonly port?: number;
  /** Only this family. */
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

/** Seconds above 0, such as `30` or `0.5`. @throws UsageError */
export function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= 1_000_000) return seconds;
  throw new UsageError(`expected a number of seconds above 0, got '${text}'`);
}

/** A whole number of at least 1. @throws UsageError */
export function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && Number.isSafeInteger(count)) return count;
  throw new UsageError(`expected a whole number of at least 1, got '${text}'`);
}

/** The port of a peer, which others are to connect to. @throws UsageError */
export function parsePeerPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new UsageError(`expected a port of 1–65535, got '${text}'`);
}

/**
 * The 20 bytes by which the DHT knows a torrent, of 40 hexadecimal digits or a magnet link. A v2
 * info-hash is cut (BEP 52).
 *
 * @throws UsageError; MetainfoError for a bad magnet link.
 */
export function parseInfoHash(text: string): Uint8Array {
  if (/^magnet:/i.test(text)) {
    const { v1, v2 } = parseMagnet(text).infoHashes;
    const hash = v1 ?? v2?.subarray(0, 20);
    if (hash !== undefined) return hash;
  }
  const bytes = fromHex(text);
  if (bytes?.length === 20) return bytes;
  throw new UsageError(`expected an info-hash of 40 hex digits or a magnet link, got '${text}'`);
}

/** Where an item lies: its target (20 bytes) or the public key of its owner (32 bytes). */
export type ItemName = { readonly target: Uint8Array } | { readonly publicKey: Uint8Array };

/** 40 hexadecimal digits, or 64 of a public key. @throws UsageError */
export function parseItemName(text: string): ItemName {
  const bytes = fromHex(text);
  if (bytes?.length === 20) return { target: bytes };
  if (bytes?.length === 32) return { publicKey: bytes };
  throw new UsageError(
    `expected a target of 40 hex digits or a public key of 64, as 'shoal dht put' prints them, got '${text}'`,
  );
}

/** A version of a mutable item, 0 to 2^63 − 1 (BEP 44). @throws UsageError */
export function parseSeq(text: string): bigint {
  if (/^\d{1,19}$/.test(text) && BigInt(text) < 2n ** 63n) return BigInt(text);
  throw new UsageError(`expected a version number of 0 to 2^63 − 1, got '${text}'`);
}
