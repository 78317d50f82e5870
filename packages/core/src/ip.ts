// IP addresses: text to bytes and back, and which ranges are special. No name resolution.

/** 4 for dotted quads, 6 for IPv6 text, `undefined` for anything else, such as host names. */
export function ipFamily(text: string): 4 | 6 | undefined {
  const bytes = parseIp(text);
  return bytes === undefined ? undefined : bytes.length === 4 ? 4 : 6;
}

/**
 * Parses an IP address.
 *
 * @param text `192.0.2.1` (four decimal octets, no leading zeros) or IPv6 text of RFC 4291 §2.2,
 *   an embedded dotted quad included; no brackets. Link-local IPv6 may have a zone (`fe80::1%eth0`,
 *   RFC 4007 §11), which is no part of the bytes.
 * @returns 4 or 16 bytes in network order, or `undefined` if the text is not an IP address.
 */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

/** The zone of a link-local address, as `eth0` in `fe80::1%eth0`; `undefined` if it has none. */
export function zoneOf(address: string): string | undefined {
  const at = address.indexOf("%");
  return at < 0 ? undefined : address.slice(at + 1);
}

/**
 * Formats 4 or 16 bytes as text; IPv6 in the canonical form of RFC 5952, IPv4-mapped addresses
 * (`::ffff:0:0/96`) as the dotted quad that they stand for.
 *
 * @throws RangeError for any other number of bytes.
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  if (isMapped(bytes)) return bytes.subarray(12).join(".");
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((byteAt(bytes, i) << 8) | byteAt(bytes, i + 1));
  const gap = longestZeroRun(groups);
  if (gap === undefined) return groups.map(hex).join(":");
  const head = groups.slice(0, gap.start).map(hex).join(":");
  const tail = groups
    .slice(gap.start + gap.length)
    .map(hex)
    .join(":");
  return `${head}::${tail}`;
}

/**
 * The canonical text of an address, so that equal addresses are equal strings. Refuses zones, which
 * name interfaces of this machine: no text of a stranger may choose one.
 */
export function normalizeIp(text: string): string | undefined {
  return zoneOf(text) === undefined ? canonicalAddress(text) : undefined;
}

/** As {@link normalizeIp}, and takes zones too: for what this machine's sockets and users say. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseIp(text);
  if (bytes === undefined) return undefined;
  const zone = zoneOf(text);
  return zone === undefined ? formatIp(bytes) : `${formatIp(bytes)}%${zone}`;
}

/**
 * Whether a peer can be at this address: unicast, specified, and if it is IPv6 link-local, with the
 * zone without which it means nothing.
 */
export function isDialable(text: string): boolean {
  const bytes = parseIp(text);
  if (bytes === undefined) return false;
  const first = byteAt(bytes, 0);
  if (bytes.length === 4) return first !== 0 && first < 224;
  if (isMapped(bytes)) return isDialable(formatIp(bytes));
  if (bytes.every((byte) => byte === 0)) return false;
  return first !== 0xff && (!isLinkLocal(bytes) || zoneOf(text) !== undefined);
}

/**
 * Whether the address belongs to this machine or its own network: loopback, private (RFC 1918),
 * carrier NAT (RFC 6598), link-local, unique local (RFC 4193), site-local, or unspecified.
 */
export function isLocal(text: string): boolean {
  const bytes = parseIp(text);
  if (bytes === undefined) return false;
  const [a = 0, b = 0] = bytes;
  if (bytes.length === 4) {
    return (
      a === 10 ||
      a === 127 ||
      a === 0 ||
      (a === 172 && (b & 0xf0) === 16) ||
      (a === 192 && b === 168) ||
      (a === 169 && b === 254) ||
      (a === 100 && (b & 0xc0) === 64)
    );
  }
  if (isMapped(bytes)) return isLocal(formatIp(bytes));
  if (bytes.subarray(0, 15).every((byte) => byte === 0)) return byteAt(bytes, 15) <= 1;
  return (a & 0xfe) === 0xfc || (a === 0xfe && (b & 0x80) === 0x80);
}

function parseV4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let places = 0;
  let value = NO_DIGIT;
  // Character by character: nodes of a DHT and trackers do this for every datagram.
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : CODE_DOT;
    if (code === CODE_DOT) {
      if (value === NO_DIGIT || places === 4) return undefined;
      bytes[places++] = value;
      value = NO_DIGIT;
      continue;
    }
    const digit = code - CODE_0;
    if (digit < 0 || digit > 9 || value === 0) return undefined;
    value = value === NO_DIGIT ? digit : 10 * value + digit;
    if (value > 255) return undefined;
  }
  return places === 4 ? bytes : undefined;
}

const NO_DIGIT = -1;
const CODE_0 = 0x30;
const CODE_DOT = 0x2e;

function parseV6(text: string): Uint8Array | undefined {
  const zone = zoneOf(text);
  if (zone === undefined) return parseUnzoned(text);
  const bytes = parseUnzoned(text.slice(0, -zone.length - 1));
  return bytes !== undefined && isLinkLocal(bytes) && ZONE.test(zone) ? bytes : undefined;
}

function parseUnzoned(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  /** Bytes that are written, and how many of them come before `::`. */
  let size = 0;
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text, at); digit >= 0; digit = hexDigit(text, at)) {
      group = 16 * group + digit;
      at++;
    }
    if (at === start || at > start + 4 || size > 14) return undefined;
    if (text[at] === ".") {
      const quad = parseV4(text.slice(start));
      if (quad === undefined || size > 12) return undefined;
      bytes.set(quad, size);
      size += 4;
      break;
    }
    bytes[size++] = group >> 8;
    bytes[size++] = group & 0xff;
    if (at === text.length) break;
    if (text[at] !== ":" || at + 1 === text.length) return undefined;
    at++;
    if (text[at] === ":") {
      if (gap >= 0) return undefined;
      gap = size;
      at++;
    }
  }
  if (gap < 0) return size === 16 ? bytes : undefined;
  if (size === 16) return undefined;
  const tail = 16 - (size - gap);
  bytes.copyWithin(tail, gap, size);
  return bytes.fill(0, gap, tail);
}

/** The value of the digit at a place of the text, or -1. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } | undefined {
  let best: { start: number; length: number } | undefined;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i >= 2 && end - i > (best?.length ?? 0)) best = { start: i, length: end - i };
    i = Math.max(i, end - 1);
  }
  return best;
}

/** Names of interfaces on Unix, their numbers on Windows. */
const ZONE = /^[\w.~-]{1,31}$/;

/** fe80::/10 (RFC 4291 §2.5.6). */
function isLinkLocal(bytes: Uint8Array): boolean {
  return byteAt(bytes, 0) === 0xfe && (byteAt(bytes, 1) & 0xc0) === 0x80;
}

function isMapped(bytes: Uint8Array): boolean {
  return (
    bytes.length === 16 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff
  );
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function hex(group: number): string {
  return group.toString(16);
}
