// The HTTP announce: the URL that asks (BEP 3, 7, 23) and the answer (BEP 3, 7, 23, 24, 31).
import { BencodeDict, decodePrefix } from "@shoal/bencode";
import { decodeCompact, type Endpoint, formatIp, normalizeIp } from "@shoal/core";
import {
  type AnnounceAnswer,
  type AnnounceRequest,
  clampIntervals,
  dialable,
  MAX_PEERS,
  toCount,
  UNKNOWN_LEFT,
} from "./announce.ts";
import { printable, TrackerError } from "./error.ts";
import type { TrackerUrl } from "./tracker-url.ts";

/** The URL to get. The tracker's own query is kept as it is. */
export function buildAnnounceUrl(tracker: TrackerUrl, request: AnnounceRequest): string {
  const query = [
    `info_hash=${percentEncode(request.infoHash)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${toCount(request.uploaded)}`,
    `downloaded=${toCount(request.downloaded)}`,
    `left=${toCount(request.left ?? UNKNOWN_LEFT)}`,
    `key=${(request.key >>> 0).toString(16).padStart(8, "0")}`,
    `numwant=${request.numWant}`,
    "compact=1",
    "no_peer_id=1",
  ];
  if (request.event !== undefined) query.push(`event=${request.event}`);
  if (request.trackerId !== undefined) query.push(`trackerid=${percentEncode(request.trackerId)}`);
  const joint = !tracker.href.includes("?") ? "?" : /[?&]$/.test(tracker.href) ? "" : "&";
  return `${tracker.href}${joint}${query.join("&")}`;
}

/**
 * Reads the body of an answer. At most {@link MAX_PEERS} peers are taken; peers that are named by a
 * host name are left out, since resolving a stranger's names is work and a risk.
 *
 * @throws TrackerError `ERR_TRACKER_REFUSED` if the tracker gives a failure reason,
 *   `ERR_TRACKER_MALFORMED` if the body is no answer of a tracker.
 */
export function parseHttpAnnounce(body: Uint8Array): AnnounceAnswer {
  const answer = decodeAnswer(body);
  const failure = answer.bytes("failure reason");
  if (failure !== undefined) {
    throw new TrackerError("ERR_TRACKER_REFUSED", `it refused: '${printable(failure)}'`, {
      retryAfter: retryAfter(answer),
    });
  }
  const warning = answer.bytes("warning message");
  const externalIp = answer.bytes("external ip");
  return {
    ...clampIntervals(integer(answer, "interval"), integer(answer, "min interval")),
    seeders: count(answer, "complete"),
    leechers: count(answer, "incomplete"),
    peers: dialable([...readPeers(answer), ...readPeers6(answer)].slice(0, MAX_PEERS)),
    trackerId: answer.bytes("tracker id")?.slice(0, MAX_TRACKER_ID),
    warning: warning && printable(warning),
    externalIp:
      externalIp?.length === 4 || externalIp?.length === 16 ? formatIp(externalIp) : undefined,
  };
}

/** Each byte as it may stand in a query: unreserved characters (RFC 3986 §2.3) as they are. */
export function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[\w.~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** Bytes of a tracker id that are kept and sent back. */
const MAX_TRACKER_ID = 256;
/** Values in an answer; 1,000 peers as dictionaries are some 8,000. */
const MAX_TOKENS = 200_000;

/** Bytes behind the dictionary, such as a line's end, are tolerated: real trackers send them. */
function decodeAnswer(body: Uint8Array): BencodeDict {
  let cause: unknown;
  try {
    const { value } = decodePrefix(body, { maxDepth: 10, maxTokens: MAX_TOKENS });
    if (value instanceof BencodeDict) return value;
  } catch (thrown) {
    cause = thrown;
  }
  const start = printable(body.subarray(0, 24));
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  throw new TrackerError(
    "ERR_TRACKER_MALFORMED",
    `expected a bencoded dictionary, got ${body.length} bytes '${start}'${reason}`,
    { cause },
  );
}

/** `retry in` of BEP 31: minutes as text or integer, or `never`. In seconds. */
function retryAfter(answer: BencodeDict): number | undefined {
  const text = answer.text("retry in")?.trim();
  if (text === "never") return Number.POSITIVE_INFINITY;
  const minutes = text === undefined ? answer.int("retry in") : Number.parseInt(text, 10);
  return minutes !== undefined && minutes > 0 ? minutes * 60 : undefined;
}

/** An integer of any size, inexact beyond 2^53: what is read so is brought into range anyway. */
function integer(answer: BencodeDict, key: string): number | undefined {
  const value = answer.big(key);
  return value === undefined ? undefined : Number(value);
}

function count(answer: BencodeDict, key: string): number | undefined {
  const value = integer(answer, key);
  return value === undefined ? undefined : toCount(value);
}

function readPeers(answer: BencodeDict): Endpoint[] {
  const compact = answer.bytes("peers");
  if (compact !== undefined) return decodeCompact(compact.subarray(0, 6 * MAX_PEERS), 4);
  const found: Endpoint[] = [];
  for (const peer of answer.list("peers")?.slice(0, MAX_PEERS) ?? []) {
    if (!(peer instanceof BencodeDict)) continue;
    const address = normalizeIp(peer.text("ip") ?? "");
    const port = peer.int("port") ?? 0;
    if (address !== undefined && port > 0 && port < 0x1_0000) found.push({ address, port });
  }
  return found;
}

function readPeers6(answer: BencodeDict): Endpoint[] {
  const compact = answer.bytes("peers6");
  return compact === undefined ? [] : decodeCompact(compact.subarray(0, 18 * MAX_PEERS), 6);
}
