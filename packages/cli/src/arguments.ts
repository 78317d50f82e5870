// What users write on the command line, read into values; every refusal says what is expected.
import { ipFamily } from "@shoal/core";
import type { FileRange } from "@shoal/metainfo";
import { UsageError } from "./error.ts";

/** A peer as the user names it. */
export interface PeerName {
  /** An IP address or a name to be resolved. */
  readonly host: string;
  readonly port: number;
}

/** Parses an option that can be given several times, as commander calls it. */
export function repeated<T>(
  parse: (text: string) => T,
): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => [...before, parse(text)];
}

/**
 * A number of bytes: `500`, `64K`, `2M`, `1.5MiB`, `10MB`. K, M, G (with or without `iB`) are powers
 * of 1024, kB, MB, GB powers of 1000.
 *
 * @returns at least 1.
 * @throws UsageError
 */
export function parseSize(text: string): number {
  const [, number, prefix = "", unit = ""] =
    /^(\d{1,15}(?:\.\d{1,6})?) ?(?:([kmgt])(i?b)?|b)?$/i.exec(text.trim()) ?? [];
  const base = unit.toLowerCase() === "b" ? 1000 : 1024;
  const bytes = Math.round(Number(number) * base ** "_kmgt".indexOf(prefix.toLowerCase() || "_"));
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new UsageError(`expected a size above 0 like 500K, 2M or 1.5MiB, got '${text}'`);
}

/** Bytes per second; `/s` may follow the size. @throws UsageError */
export function parseRate(text: string): number {
  return parseSize(text.replace(/\/s$/i, ""));
}

/** A power of two of 16 KiB to 256 MiB. @throws UsageError */
export function parsePieceLength(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= 16_384 && bytes <= 2 ** 28 && Number.isInteger(Math.log2(bytes))) return bytes;
  throw new UsageError(
    `expected a piece length that is a power of two of 16K to 256M, got '${text}'`,
  );
}

/** @throws UsageError */
export function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`expected a port of 0–65535 (0 takes any free one), got '${text}'`);
}

/** `host:port`, `192.0.2.1:6881`, `[2001:db8::1]:6881`. @throws UsageError */
export function parsePeer(text: string): PeerName {
  return parseHost(text, "a peer");
}

/** The same for a DHT node. @throws UsageError */
export function parseNode(text: string): PeerName {
  return parseHost(text, "a DHT node");
}

function parseHost(text: string, what: string): PeerName {
  const [, v6, name, digits = ""] = /^(?:\[([^\]]*)\]|([^:\s/@[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name ?? "";
  const port = Number(digits);
  const isHost = v6 === undefined ? host !== "" : ipFamily(v6) === 6;
  if (isHost && port >= 1 && port <= 65_535) return { host, port };
  throw new UsageError(
    `expected ${what} as HOST:PORT or [IPV6]:PORT with a port of 1–65535, got '${text}'`,
  );
}

/** An IP address, or the name of a network interface. @throws UsageError */
export function parseBind(text: string): string {
  if (ipFamily(text) !== undefined || /^[^\s/:]{1,15}$/.test(text)) return text;
  throw new UsageError(`expected an IP address or the name of an interface, got '${text}'`);
}

/** Indices of files: `0,2-5`. @throws UsageError */
export function parseFiles(text: string): FileRange[] {
  return text.split(",").map((part) => {
    const [, first, last = first] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part) ?? [];
    if (Number(first) <= Number(last)) return { first: Number(first), last: Number(last) };
    throw new UsageError(`expected numbers of files like 0,2-5 (see 'shoal info'), got '${text}'`);
  });
}

/**
 * The files that ranges name.
 *
 * @param count How many files the torrent has.
 * @throws UsageError if a range goes beyond.
 */
export function selectedFiles(ranges: readonly FileRange[], count: number): Set<number> {
  const selected = new Set<number>();
  for (const { first, last } of ranges) {
    if (last >= count) {
      throw new UsageError(
        `--files names file ${last}; the torrent's files are 0–${count - 1} (see 'shoal info')`,
      );
    }
    for (let file = first; file <= last; file++) selected.add(file);
  }
  return selected;
}

/** @throws UsageError */
export function parseTrackerUrl(text: string): string {
  return url(text, /^(?:https?|udp|wss?):\/\/[^/?#]/i, "udp://, http:// or https://");
}

/** @throws UsageError */
export function parseWebSeedUrl(text: string): string {
  return url(text, /^https?:\/\/[^/?#]/i, "http:// or https://");
}

function url(text: string, scheme: RegExp, expected: string): string {
  const trimmed = text.trim();
  if (scheme.test(trimmed) && URL.canParse(trimmed)) return trimmed;
  throw new UsageError(`expected a URL that begins ${expected}, got '${text}'`);
}
