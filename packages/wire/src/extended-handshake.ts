// The dictionary that both sides send once the extension protocol is agreed on (BEP 10).

import { BencodeDict, type BencodeInput, decodePrefix, encode } from "@shoal/bencode";
import { copyBytes } from "@shoal/core";
import { WireError } from "./error.ts";

/**
 * What the other side has told in its extended handshakes so far. Members that are missing or make
 * no sense are `undefined`.
 */
export interface ExtendedHandshake {
  /** Which extensions it takes, by name, with the id (1…255) that it wants to see on each. */
  readonly messages: ReadonlyMap<string, number>;
  /** `v`: client name and version, at most 128 characters, as the peer chose to write them. */
  readonly client?: string | undefined;
  /** `p`: its TCP port, 1…65535. */
  readonly listenPort?: number | undefined;
  /** `yourip`: our address as it sees it, 4 or 16 bytes. */
  readonly yourIp?: Uint8Array | undefined;
  /** `reqq`: how many outstanding requests it holds, ≥ 1. */
  readonly requestQueue?: number | undefined;
  /** It does not download (BEP 21). */
  readonly uploadOnly?: boolean | undefined;
  /** `metadata_size`: bytes of the info dictionary (BEP 9), ≥ 1; a claim. */
  readonly metadataSize?: number | undefined;
  /** Its IPv4 address, 4 bytes. */
  readonly ipv4?: Uint8Array | undefined;
  /** Its IPv6 address, 16 bytes. */
  readonly ipv6?: Uint8Array | undefined;
  /** The newest handshake as it came, for members that only an extension knows. */
  readonly raw: BencodeDict;
}

/** What we tell of ourselves; leave out what others need not know. */
export interface OwnHandshake {
  /** `v`: name and version, such as `Shoal 0.1`. */
  readonly client?: string | undefined;
  /** `p`: our TCP port; needless on connections that others dialled. */
  readonly listenPort?: number | undefined;
  /** `reqq`: how many outstanding requests we hold. */
  readonly requestQueue?: number | undefined;
  /** We don't download (BEP 21). */
  readonly uploadOnly?: boolean | undefined;
  /** `yourip`: the address that we see the other side at, 4 or 16 bytes. */
  readonly yourIp?: Uint8Array | undefined;
  /** Our IPv4 address, 4 bytes. */
  readonly ipv4?: Uint8Array | undefined;
  /** Our IPv6 address, 16 bytes. */
  readonly ipv6?: Uint8Array | undefined;
}

/**
 * Reads an extended handshake.
 *
 * @param payload What follows the id; not kept.
 * @param before What the other side told earlier: handshakes are additive, id 0 withdraws a name.
 * @throws WireError `ERR_WIRE_EXTENDED_HANDSHAKE` if it is not a dictionary, or beyond 16 KiB,
 *   10 levels or 1000 tokens.
 */
export function parseExtendedHandshake(
  payload: Uint8Array,
  before: ExtendedHandshake | undefined,
): ExtendedHandshake {
  const raw = parseDict(payload);
  const uploadOnly = raw.int("upload_only");
  return {
    messages: mergeMessages(raw.dict("m"), before?.messages),
    client: raw.text("v")?.slice(0, MAX_CLIENT_LENGTH) ?? before?.client,
    listenPort: within(raw.int("p"), 65_535) ?? before?.listenPort,
    yourIp: sized(raw.bytes("yourip"), 4, 16) ?? before?.yourIp,
    requestQueue: within(raw.int("reqq")) ?? before?.requestQueue,
    uploadOnly: uploadOnly === undefined ? before?.uploadOnly : uploadOnly !== 0,
    metadataSize: within(raw.int("metadata_size")) ?? before?.metadataSize,
    ipv4: sized(raw.bytes("ipv4"), 4) ?? before?.ipv4,
    ipv6: sized(raw.bytes("ipv6"), 16) ?? before?.ipv6,
    raw,
  };
}

/**
 * Writes our extended handshake.
 *
 * @param messages Our ids by extension name; 0 for an extension that we have given up.
 * @param extra Members that extensions add; those of `own` prevail.
 */
export function encodeExtendedHandshake(
  own: OwnHandshake,
  messages: ReadonlyMap<string, number>,
  extra: Readonly<Record<string, BencodeInput>>,
): Uint8Array {
  const { client, listenPort, requestQueue, uploadOnly, yourIp, ipv4, ipv6 } = own;
  const members = new Map<string, BencodeInput | undefined>(Object.entries(extra));
  const set = (key: string, value: BencodeInput | undefined): void => {
    if (value !== undefined) members.set(key, value);
  };
  set("m", messages);
  set("v", client);
  set("p", listenPort);
  set("reqq", requestQueue);
  set("upload_only", uploadOnly === undefined ? undefined : Number(uploadOnly));
  set("yourip", yourIp);
  set("ipv4", ipv4);
  set("ipv6", ipv6);
  return encode(members);
}

/** Real handshakes have some hundred bytes; what came is kept as long as the connection lives. */
const MAX_LENGTH = 16_384;
const MAX_DEPTH = 10;
const MAX_TOKENS = 1000;
const MAX_CLIENT_LENGTH = 128;
/** As many as there are ids. */
const MAX_MESSAGES = 255;

function parseDict(payload: Uint8Array): BencodeDict {
  if (payload.length > MAX_LENGTH) {
    throw malformed(`at most ${MAX_LENGTH} bytes, got ${payload.length}`);
  }
  let value: unknown;
  try {
    // A copy, as values are views of the input. Some clients send bytes behind the dictionary.
    ({ value } = decodePrefix(copyBytes(payload), { maxDepth: MAX_DEPTH, maxTokens: MAX_TOKENS }));
  } catch (error) {
    throw malformed("a bencoded dictionary", error);
  }
  if (value instanceof BencodeDict) return value;
  throw malformed("a dictionary, got another bencoded value");
}

function malformed(expected: string, cause?: unknown): WireError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new WireError(
    "ERR_WIRE_EXTENDED_HANDSHAKE",
    `expected the extended handshake to be ${expected}${reason}`,
    { cause },
  );
}

function mergeMessages(
  m: BencodeDict | undefined,
  before: ReadonlyMap<string, number> | undefined,
): ReadonlyMap<string, number> {
  const messages = new Map(before);
  for (const [name, id] of m?.entries() ?? []) {
    if (id === 0) messages.delete(name);
    else if (typeof id === "number" && id > 0 && id <= 255) {
      if (messages.has(name) || messages.size < MAX_MESSAGES) messages.set(name, id);
    }
  }
  return messages;
}

/** The number if it is 1…max. */
function within(value: number | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  return value !== undefined && value >= 1 && value <= max ? value : undefined;
}

/** The bytes if there is one of these numbers of them. */
function sized(bytes: Uint8Array | undefined, ...lengths: number[]): Uint8Array | undefined {
  return bytes !== undefined && lengths.includes(bytes.length) ? bytes : undefined;
}
