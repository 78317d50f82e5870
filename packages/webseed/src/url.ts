// The URLs of web seeds: which may be asked, and for what (BEP 19, BEP 17).
import { isLocal } from "@shoal/core";
import { WebSeedError } from "./error.ts";

/** A web seed that may be asked. */
export interface SeedUrl {
  /** `files`: they lie on a server (BEP 19). `script`: a program cuts out pieces (BEP 17). */
  readonly kind: "files" | "script";
  /** Without credentials and fragment: for users. */
  readonly name: string;
  /** Whom penalties are for: host and port. */
  readonly host: string;
  /** Everything before the query, credentials included. */
  readonly base: string;
  /** With its `?`; empty if there is none. */
  readonly query: string;
  /**
   * Never to be asked at an address of this machine or network. A torrent may name servers there,
   * but no query of its own choice: programs there may obey it.
   */
  readonly publicOnly: boolean;
}

/** @throws WebSeedError `ERR_WEBSEED_URL`. */
export function parseSeedUrl(text: string, kind: SeedUrl["kind"]): SeedUrl {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new WebSeedError("ERR_WEBSEED_URL", "expected the http or https URL of a web seed");
  }
  const publicOnly = url.search !== "";
  const credentials = /^https?:\/\/([^/?#]*@)?/.exec(url.href)?.[1] ?? "";
  const base = `${url.protocol}//${credentials}${url.host}${url.pathname}`;
  const name = `${url.origin}${url.pathname}${url.search}`;
  if (publicOnly && isLocal(url.hostname.replace(/^\[|\]$/g, ""))) {
    throw new WebSeedError("ERR_WEBSEED_URL", `${name} has a query, and is at a local address`);
  }
  return { kind, name, host: url.host, base, query: url.search, publicOnly };
}

/**
 * Where one file of a torrent is.
 *
 * @param path Of `webPaths` of `@shoal/metainfo`.
 */
export function fileUrl(
  { base, query }: SeedUrl,
  path: readonly Uint8Array[],
  isSingleFile: boolean,
): string {
  if (isSingleFile && !base.endsWith("/")) return base + query;
  // Elements that name no file would be resolved away, and lead elsewhere.
  const elements = path.map(escapeBytes).filter((element) => !/^\.{0,2}$/.test(element));
  return `${base}${base.endsWith("/") ? "" : "/"}${elements.join("/")}${query}`;
}

/**
 * Where some bytes of a piece are.
 *
 * @param range First and last byte in the piece; absent for all of it.
 */
export function pieceUrl(
  { base, query }: SeedUrl,
  infoHash: Uint8Array,
  piece: number,
  range: readonly [first: number, last: number] | undefined,
): string {
  const start = query === "" ? "?" : `${query}&`;
  const ranges = range === undefined ? "" : `&ranges=${range.join("-")}`;
  return `${base}${start}info_hash=${escapeBytes(infoHash)}&piece=${piece}${ranges}`;
}

/** Percent-encodes all but what RFC 3986 §2.3 calls unreserved. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const isPlain = /[\w.~-]/.test(character);
    text += isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}
