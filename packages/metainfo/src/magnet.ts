// Magnet links (BEP 9, BEP 53).
import { type Endpoint, formatEndpoint, fromHex, parseEndpoint, toHex } from "@shoal/core";
import { hostPort } from "./announce.ts";
import { fromBase32 } from "./base32.ts";
import { MetainfoError } from "./error.ts";
import type { HostPort, InfoHashes } from "./metainfo.ts";
import { percentEncode, trackerUrl, webSeedUrl } from "./url.ts";

/** What a magnet link says. */
export interface Magnet {
  /** At least one of both. */
  readonly infoHashes: InfoHashes;
  /** `dn`: a name to show until the real one is known. Not sanitised: no name of a file. */
  readonly name?: string | undefined;
  /** `tr`: tracker URLs, each a tier of its own. */
  readonly trackers: readonly (readonly string[])[];
  /** `ws`: BEP 19 web seeds. */
  readonly webSeeds: readonly string[];
  /** `x.pe`: addresses of peers. Host names are left out. */
  readonly peers: readonly Endpoint[];
  /** `dht`: nodes of the DHT. */
  readonly nodes: readonly HostPort[];
  /** `xs`, `as`: http or https URLs of the torrent file. */
  readonly exactSources: readonly string[];
  /**
   * `so` (BEP 53): ranges of indices of the files to download, both ends included; absent if all.
   * They may name files that do not exist.
   */
  readonly selectOnly?: readonly FileRange[] | undefined;
}

/** Indices of files from `first` to `last`. */
export interface FileRange {
  readonly first: number;
  readonly last: number;
}

/** What {@link formatMagnet} needs: a magnet link's data, or a torrent. */
export type MagnetSource = Pick<Magnet, "infoHashes"> & Partial<Omit<Magnet, "infoHashes">>;

/**
 * Reads a magnet link. Parameters that are malformed or unknown are left out.
 *
 * @throws MetainfoError if it is none, or has no BitTorrent info-hash, or a malformed one.
 */
export function parseMagnet(uri: string): Magnet {
  const query = /^magnet:\?(.*)$/is.exec(uri.trim())?.[1];
  if (query === undefined) {
    throw new MetainfoError("ERR_METAINFO_NOT_A_MAGNET", "expected a link that begins 'magnet:?'");
  }
  const parameters = readQuery(query);
  const all = (...names: string[]): string[] =>
    parameters.filter(({ name }) => names.includes(name)).map(({ value }) => value);
  const hashes = all("xt").map(readHash);
  const infoHashes: InfoHashes = {
    v1: hashes.find((hash) => hash?.length === 20),
    v2: hashes.find((hash) => hash?.length === 32),
  };
  if (infoHashes.v1 === undefined && infoHashes.v2 === undefined) {
    throw new MetainfoError(
      "ERR_METAINFO_MAGNET_NO_HASH",
      "expected a parameter 'xt=urn:btih:…' or 'xt=urn:btmh:…'",
    );
  }
  return {
    infoHashes,
    name: all("dn")[0],
    trackers: distinct(all("tr").map(trackerUrl)).map((url) => [url]),
    webSeeds: distinct(all("ws").map(webSeedUrl)),
    peers: all("x.pe")
      .map(parseEndpoint)
      .filter(isDefined)
      .filter(({ port }) => port > 0),
    nodes: all("dht").map(readNode).filter(isDefined),
    exactSources: distinct(all("xs", "as").map(webSeedUrl)),
    selectOnly: readRanges(all("so")),
  };
}

/** Writes a magnet link of a torrent, or of a parsed link. */
export function formatMagnet(source: MagnetSource): string {
  const parts: string[] = [];
  const add = (name: string, value: string): number => parts.push(`${name}=${value}`);
  const { v1, v2 } = source.infoHashes;
  if (v1) add("xt", `urn:btih:${toHex(v1)}`);
  if (v2) add("xt", `urn:btmh:${SHA256_PREFIX}${toHex(v2)}`);
  if (source.name !== undefined) add("dn", percentEncode(source.name));
  for (const url of source.trackers?.flat() ?? []) add("tr", percentEncode(url));
  for (const url of source.webSeeds ?? []) add("ws", percentEncode(url));
  for (const url of source.exactSources ?? []) add("xs", percentEncode(url));
  for (const peer of source.peers ?? []) add("x.pe", formatEndpoint(peer));
  for (const { host, port } of source.nodes ?? []) add("dht", `${percentEncode(host)}:${port}`);
  if (source.selectOnly) add("so", source.selectOnly.map(formatRange).join(","));
  return `magnet:?${parts.join("&")}`;
}

/** Multihash: code of SHA-256 and its length. */
const SHA256_PREFIX = "1220";

/** The parameters in their order; a number behind a name (`xt.1`) has no meaning. */
function readQuery(query: string): { name: string; value: string }[] {
  return query.split("&").map((parameter) => {
    const [key = "", ...rest] = parameter.split("=");
    const name = key.toLowerCase().replace(/\.\d+$/, "");
    const text = rest.join("=");
    // Web forms write spaces as plus signs; in URLs a plus sign is one.
    return { name, value: percentDecode(name === "dn" ? text.replaceAll("+", " ") : text) };
  });
}

/** An info-hash of 20 or 32 bytes; `undefined` for names of other networks. */
function readHash(name: string): Uint8Array | undefined {
  const [, kind, text = ""] = /^urn:(btih|btmh):(.*)$/is.exec(name) ?? [];
  if (kind === undefined) return undefined;
  const hash =
    kind.toLowerCase() === "btih"
      ? (text.length === 40 && fromHex(text)) || (text.length === 32 && fromBase32(text))
      : text.length === 68 && text.startsWith(SHA256_PREFIX) && fromHex(text.slice(4));
  if (hash instanceof Uint8Array) return hash;
  throw new MetainfoError(
    "ERR_METAINFO_MAGNET_HASH",
    `expected 40 hex or 32 base-32 digits after 'urn:btih:', or '1220' and 64 hex digits after 'urn:btmh:', got '${name.slice(0, 100)}'`,
  );
}

function readNode(text: string): HostPort | undefined {
  const [, host = "", port] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(text) ?? [];
  return hostPort(host, Number(port));
}

function readRanges(values: readonly string[]): FileRange[] | undefined {
  const ranges = values
    .flatMap((value) => value.split(","))
    .map((text) => {
      const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
      return { first: Number(first), last: Number(last) };
    })
    .filter(({ first, last }) => first <= last);
  return ranges.length > 0 ? ranges : undefined;
}

function formatRange({ first, last }: FileRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** Replaces `%` escapes; what is malformed stays, bytes that are not UTF-8 become U+FFFD. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    decoder.decode(fromHex(escapes.replaceAll("%", ""))),
  );
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function distinct(urls: readonly (string | undefined)[]): string[] {
  return [...new Set(urls.filter(isDefined))];
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
