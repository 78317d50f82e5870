// Questions for the addresses of a name, and their answers, as DNS writes them (RFC 1035 §4).
import { concatBytes, formatIp } from "@shoal/core";

/** What an answer says. */
export interface DnsAnswer {
  /** 0 for an answer, 3 if there is no such name, else the server's trouble (RFC 1035 §4.1.1). */
  readonly code: number;
  /** Canonical text, in the server's order. */
  readonly addresses: readonly string[];
}

/**
 * Asks a recursive server for a name's addresses of one family.
 *
 * @param id 0–65535.
 * @returns undefined if the name is none that DNS can hold.
 */
export function encodeQuestion(id: number, name: string, family: 4 | 6): Uint8Array | undefined {
  const labels = name.replace(/\.$/, "").split(".");
  const isSound = labels.every((label) => /^[\x21-\x7e]{1,63}$/.test(label));
  if (!isSound || labels.join(".").length > 253) return undefined;
  const header = Uint8Array.of(id >> 8, id & 0xff, RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  const text = new TextEncoder();
  const parts = labels.flatMap((label) => [Uint8Array.of(label.length), text.encode(label)]);
  return concatBytes([header, ...parts, Uint8Array.of(0, 0, TYPES[family], 0, INTERNET)]);
}

/**
 * Reads the answer to a question. A truncated one counts for what it holds.
 *
 * Aliases (CNAME) are not followed: a recursive server has done so, and its answer holds the addresses
 * of the last. Names in it are skipped, never followed, so nothing in it can be a loop.
 *
 * @param question As {@link encodeQuestion} made it.
 * @returns undefined if the bytes are no answer to it.
 */
export function decodeAnswer(bytes: Uint8Array, question: Uint8Array): DnsAnswer | undefined {
  const isAnswer = ((bytes[2] ?? 0) & RESPONSE) !== 0 && bytes[4] === 0 && bytes[5] === 1;
  if (!isAnswer || bytes[0] !== question[0] || bytes[1] !== question[1]) return undefined;
  for (let i = HEADER; i < question.length; i++) {
    if (lowerCase(bytes[i]) !== lowerCase(question[i])) return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = question[question.length - 3];
  const addresses: string[] = [];
  let at = question.length;
  for (let left = view.getUint16(6); left > 0; left--) {
    at = skipName(bytes, at);
    if (at + 10 > bytes.length) break;
    const length = view.getUint16(at + 8);
    const data = bytes.subarray(at + 10, at + 10 + length);
    const isAddress = view.getUint16(at) === type && view.getUint16(at + 2) === INTERNET;
    if (isAddress && data.length === (type === TYPES[4] ? 4 : 16)) addresses.push(formatIp(data));
    at += 10 + length;
  }
  return { code: (bytes[3] ?? 0) & 0x0f, addresses };
}

const HEADER = 12;
const RECURSE = 1;
const RESPONSE = 0x80;
const INTERNET = 1;
/** A and AAAA. */
const TYPES = { 4: 1, 6: 28 } as const;

/** Where what follows a name begins; past the end if it is torn. */
function skipName(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let length = bytes[at]; length !== undefined; length = bytes[at]) {
    // Two set bits make it a pointer of two bytes, which ends the name.
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
    if (length === 0) return at;
  }
  return bytes.length;
}

/** Servers may change the case of names in what they repeat; lengths lie below the letters. */
function lowerCase(byte: number | undefined): number | undefined {
  return byte !== undefined && byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}
