// The announce `BT-SEARCH` (BEP 14): text in the manner of HTTP.
import { type Endpoint, formatEndpoint } from "@shoal/core";

/** What an announce says. */
export interface LsdAnnounce {
  /** Where the sender accepts peers: 1…65535. The address is the datagram's. */
  readonly port: number;
  /** Torrents that it takes part in, each 40 lower-case hexadecimal digits. */
  readonly infoHashes: readonly string[];
  /** Chosen by the sender to know its own announces by; not all send one. */
  readonly cookie: string | undefined;
}

/** Info-hashes that fit into one announce with a cookie of up to 32 characters. */
export const MAX_INFO_HASHES = 24;

/**
 * An announce to a group. With up to {@link MAX_INFO_HASHES} it keeps below the 1400 bytes of BEP 14.
 */
export function encodeLsd(group: Endpoint, { port, infoHashes, cookie }: LsdAnnounce): Uint8Array {
  const lines = [
    "BT-SEARCH * HTTP/1.1",
    `Host: ${formatEndpoint(group)}`,
    `Port: ${port}`,
    ...infoHashes.map((hash) => `Infohash: ${hash}`),
    ...(cookie === undefined ? [] : [`cookie: ${cookie}`]),
    "\r\n\r\n",
  ];
  return new TextEncoder().encode(lines.join("\r\n"));
}

/**
 * Reads an announce. Takes any order and case of header fields, bare line feeds, and fields that it
 * does not know; what is no info-hash is skipped.
 *
 * @returns `undefined` for anything else, without a port or an info-hash, and beyond 4 KiB.
 */
export function parseLsd(bytes: Uint8Array): LsdAnnounce | undefined {
  if (bytes.length > MAX_LENGTH) return undefined;
  const [first = "", ...lines] = new TextDecoder().decode(bytes).split(/\r?\n/, MAX_LINES);
  if (!/^BT-SEARCH \* HTTP\/\d\.\d$/i.test(first.trim())) return undefined;
  let port: number | undefined;
  let cookie: string | undefined;
  const infoHashes = new Set<string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) break;
    const value = line.slice(colon + 1).trim();
    const name = line.slice(0, colon).trim().toLowerCase();
    if (name === "port") port ??= parsePort(value);
    else if (name === "cookie") cookie ??= value;
    else if (name === "infohash" && /^[0-9a-f]{40}$/i.test(value)) {
      infoHashes.add(value.toLowerCase());
    }
  }
  if (port === undefined || infoHashes.size === 0) return undefined;
  return { port, infoHashes: [...infoHashes], cookie };
}

const MAX_LENGTH = 4096;
const MAX_LINES = 128;

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port <= 65_535 ? port : undefined;
}
