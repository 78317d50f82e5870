// The message `ut_pex`: bytes to peers and back (BEP 11).
import { type BencodeDict, decodeDict, encode } from "@shoal/bencode";
import {
  concatBytes,
  decodeCompact,
  type Endpoint,
  encodeCompact,
  endpointFamily,
} from "@shoal/core";
import { PexError } from "./error.ts";

/** Bits of {@link PexContact.flags}. */
export const PexFlag = {
  /** Prefers encrypted connections. */
  Encryption: 0x01,
  /** Has everything, or wants nothing. */
  UploadOnly: 0x02,
  /** Takes connections over uTP. */
  Utp: 0x04,
  /** Can be introduced by hole punching (BEP 55). */
  Holepunch: 0x08,
  /** Was dialled, so it can be reached. */
  Reachable: 0x10,
} as const;

/** A peer as a message names it. */
export interface PexContact extends Endpoint {
  /** {@link PexFlag} bits; 0…255. */
  readonly flags: number;
}

/** What one message says of the sender's connections since the one before. */
export interface PexMessage {
  readonly added: readonly PexContact[];
  readonly dropped: readonly Endpoint[];
}

/**
 * The payload of a message.
 *
 * @throws RangeError if an address is not an IP address.
 */
export function encodePex({ added, dropped }: PexMessage): Uint8Array {
  const [added4, added6] = byFamily(added);
  const [dropped4, dropped6] = byFamily(dropped);
  return encode({
    added: compact(added4),
    "added.f": flags(added4),
    added6: compact(added6),
    "added6.f": flags(added6),
    dropped: compact(dropped4),
    dropped6: compact(dropped6),
  });
}

/**
 * Reads a message. Contacts without flags get none; a list whose flags are not one for each contact
 * is left out.
 *
 * @param payload Not kept.
 * @throws PexError `ERR_PEX_MALFORMED`; `ERR_PEX_OVERSIZE` beyond 64 KiB, 500 peers added or 2000
 *   dropped, which is ten and more times what BEP 11 allows and what clients send.
 */
export function decodePex(payload: Uint8Array): PexMessage {
  const dict = parse(payload);
  const added = [...contacts(dict, "added", 4), ...contacts(dict, "added6", 6)];
  const dropped = [...endpoints(dict, "dropped", 4), ...endpoints(dict, "dropped6", 6)];
  if (added.length > MAX_ADDED) throw oversize(`${MAX_ADDED} peers added, got ${added.length}`);
  if (dropped.length > MAX_DROPPED) {
    throw oversize(`${MAX_DROPPED} peers dropped, got ${dropped.length}`);
  }
  return { added, dropped };
}

const MAX_PAYLOAD = 65_536;
const MAX_ADDED = 500;
const MAX_DROPPED = 2000;
/** Room for members that later versions may add. */
const MAX_DEPTH = 8;
const MAX_TOKENS = 500;

type Family = 4 | 6;

function parse(payload: Uint8Array): BencodeDict {
  if (payload.length > MAX_PAYLOAD) throw oversize(`${MAX_PAYLOAD} bytes, got ${payload.length}`);
  try {
    return decodeDict(payload, { maxDepth: MAX_DEPTH, maxTokens: MAX_TOKENS });
  } catch (cause) {
    throw malformed("the message to be a bencoded dictionary", cause);
  }
}

function contacts(dict: BencodeDict, key: string, family: Family): PexContact[] {
  const found = endpoints(dict, key, family);
  const bits = dict.bytes(`${key}.f`);
  if (bits !== undefined && bits.length !== found.length) return [];
  return found.map(({ address, port }, i) => ({ address, port, flags: bits?.[i] ?? 0 }));
}

function endpoints(dict: BencodeDict, key: string, family: Family): Endpoint[] {
  const bytes = dict.bytes(key) ?? new Uint8Array(0);
  const size = family === 4 ? 6 : 18;
  if (bytes.length % size !== 0) {
    throw malformed(`'${key}' to have ${size} bytes for each peer, got ${bytes.length} in all`);
  }
  return decodeCompact(bytes, family);
}

function byFamily<T extends Endpoint>(peers: readonly T[]): [v4: T[], v6: T[]] {
  const v4 = peers.filter((peer) => endpointFamily(peer) === 4);
  return [v4, peers.filter((peer) => endpointFamily(peer) === 6)];
}

function compact(peers: readonly Endpoint[]): Uint8Array | undefined {
  return peers.length === 0 ? undefined : concatBytes(peers.map(encodeCompact));
}

function flags(peers: readonly PexContact[]): Uint8Array | undefined {
  return peers.length === 0 ? undefined : Uint8Array.from(peers, (peer) => peer.flags);
}

function malformed(expected: string, cause?: unknown): PexError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new PexError("ERR_PEX_MALFORMED", `expected ${expected}${reason}`, { cause });
}

function oversize(expected: string): PexError {
  return new PexError("ERR_PEX_OVERSIZE", `expected at most ${expected}`);
}
