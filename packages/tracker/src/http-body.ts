// What HTTP announces and scrapes have in common: bytes in URLs, dictionaries, failures (BEP 3, 31).
import { BencodeDict, decodePrefix } from "@shoal/bencode";
import { toCount } from "./announce.ts";
import { printable, TrackerError } from "./error.ts";

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

/**
 * The dictionary that an answer is. Bytes behind it, such as a line's end, are tolerated: real
 * trackers send them.
 *
 * @throws TrackerError `ERR_TRACKER_REFUSED` if the tracker gives a failure reason,
 *   `ERR_TRACKER_MALFORMED` if the body is no answer of a tracker.
 */
export function readAnswer(body: Uint8Array): BencodeDict {
  const answer = decode(body);
  const failure = answer.bytes("failure reason");
  if (failure === undefined) return answer;
  throw new TrackerError("ERR_TRACKER_REFUSED", `it refused: '${printable(failure)}'`, {
    retryAfter: retryAfter(answer),
  });
}

/** An integer of any size, inexact beyond 2^53: what is read so is brought into range anyway. */
export function readInteger(answer: BencodeDict, key: string): number | undefined {
  const value = answer.big(key);
  return value === undefined ? undefined : Number(value);
}

/** A number of peers: a non-negative safe integer. */
export function readCount(answer: BencodeDict, key: string): number | undefined {
  const value = readInteger(answer, key);
  return value === undefined ? undefined : toCount(value);
}

/** Values in an answer; 1,000 peers as dictionaries are some 8,000. */
const MAX_TOKENS = 200_000;

function decode(body: Uint8Array): BencodeDict {
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
