// Blocklists as they are published: CIDR lines, PeerGuardian's p2p, eMule's DAT, also mixed.
import { parseIp } from "@shoal/core";
import { IpFilter } from "./ip-filter.ts";
import { IpTablesBuilder, NOT_V4, v4Number } from "./ip-tables.ts";

/** A blocklist that was read. */
export interface Blocklist {
  readonly filter: IpFilter;
  /** Lines that name a range to block; the filter may have fewer, as it joins them. */
  readonly ranges: number;
  readonly faults: BlocklistFaults;
}

/** Lines that could not be read, and block nothing. */
export interface BlocklistFaults {
  readonly count: number;
  /** The first ten of them. `line` counts from 1, `text` is cut at 100 characters. */
  readonly first: readonly { readonly line: number; readonly text: string }[];
}

/**
 * Reads a blocklist of text lines:
 * - `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1`; what follows a space, `#` or `;` is a comment;
 * - `a name:192.0.2.0-192.0.2.255` (PeerGuardian), also without the name, and with IPv6;
 * - `192.000.002.000 - 192.000.002.255 , 100 , a name` (eMule), where a level of 128 or more allows;
 * - nothing, or a comment after `#`, `;` or `//`.
 *
 * @param bytes ASCII, UTF-8 or Latin-1: names are not looked at. Compressed lists must be unpacked.
 */
export function parseBlocklist(bytes: Uint8Array): Blocklist {
  const builder = new IpTablesBuilder();
  const latin1 = new TextDecoder("latin1");
  const first: { line: number; text: string }[] = [];
  let faults = 0;
  let line = 0;
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  for (let start = hasMark ? 3 : 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const text = latin1.decode(bytes.subarray(start, Math.min(end, start + MAX_LINE))).trim();
    line++;
    if (end - start > MAX_LINE || !readLine(text, builder)) {
      faults++;
      if (first.length < MAX_SHOWN) first.push({ line, text: text.slice(0, 100) });
    }
    start = end + 1;
  }
  const ranges = builder.count;
  return { filter: new IpFilter(builder.build()), ranges, faults: { count: faults, first } };
}

const NEWLINE = 10;
/** Bytes of a line that is looked at; real ones have at most some 200. */
const MAX_LINE = 1024;
const MAX_SHOWN = 10;
/** eMule: lines of this level or above do not block. */
const ALLOWED = 128;

/** @returns whether it could be read. */
function readLine(text: string, builder: IpTablesBuilder): boolean {
  if (text === "" || /^(?:[#;]|\/\/)/.test(text)) return true;
  const range = /^([\d.]+|[\da-f:.]+) *- *([\da-f:.]+) *, *(\d{1,3}) *(?:,|$)/i.exec(text);
  if (range !== null) {
    const [, from = "", to = "", level] = range;
    return Number(level) >= ALLOWED || readRange(from, to, builder);
  }
  const dash = text.lastIndexOf("-");
  if (
    dash >= 0 &&
    readNamed(text.slice(0, dash).trimEnd(), text.slice(dash + 1).trimStart(), builder)
  ) {
    return true;
  }
  return readBlock(text.replace(/[\s#;].*$/, ""), builder);
}

/** @param left `name:address`, or the address alone. */
function readNamed(left: string, to: string, builder: IpTablesBuilder): boolean {
  if (v4Number(to, 0, to.length) !== NOT_V4) {
    return readRange(left.slice(left.lastIndexOf(":") + 1).trimStart(), to, builder);
  }
  return readRange(left, to, builder) || readRange(left.slice(left.indexOf(":") + 1), to, builder);
}

function readRange(from: string, to: string, builder: IpTablesBuilder): boolean {
  const first = v4Number(from, 0, from.length);
  const last = v4Number(to, 0, to.length);
  if (first !== NOT_V4 && last !== NOT_V4) return builder.addV4(first, last);
  const [low, high] = [parseIp(from), parseIp(to)];
  return low !== undefined && high !== undefined && builder.add(low, high);
}

/** An address, or a CIDR block of RFC 4632. */
function readBlock(text: string, builder: IpTablesBuilder): boolean {
  const [address = "", suffix, ...more] = text.split("/");
  if (more.length > 0 || (suffix !== undefined && !/^\d{1,3}$/.test(suffix))) return false;
  const bits = suffix === undefined ? undefined : Number(suffix);
  const number = v4Number(address, 0, address.length);
  if (number !== NOT_V4) {
    if (bits !== undefined && bits > 32) return false;
    const size = 2 ** (32 - (bits ?? 32));
    const first = number - (number % size);
    return builder.addV4(first, first + size - 1);
  }
  const ip = parseIp(address);
  if (ip === undefined || (bits ?? 0) > 128) return false;
  const masks = ip.map((_, i) => 0xff >> Math.min(8, Math.max(0, (bits ?? 128) - 8 * i)));
  return builder.add(
    ip.map((byte, i) => byte & ~(masks[i] ?? 0)),
    ip.map((byte, i) => byte | (masks[i] ?? 0)),
  );
}
