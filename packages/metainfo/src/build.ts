// Writes torrents whose pieces have been hashed.
import { type BencodeInput, encode } from "@shoal/bencode";
import { MetainfoError } from "./error.ts";
import type { HostPort, ParseOptions } from "./metainfo.ts";
import { parseTorrent } from "./parse.ts";

/** A file to be published, in the form of a parsed torrent's. */
export interface BuildFile {
  /** Begins with the torrent's name; only that for a torrent of a single file. */
  readonly path: readonly string[];
  /** Bytes; 0 for symbolic links. */
  readonly length: number;
  readonly pad?: boolean;
  readonly executable?: boolean;
  readonly hidden?: boolean;
  /** The link's target in the form of `path`. */
  readonly symlink?: readonly string[] | undefined;
}

/** What a new torrent says. */
export interface BuildOptions {
  readonly name: string;
  /** In the order of their bytes in the pieces. */
  readonly files: readonly BuildFile[];
  /** See `choosePieceLength`. */
  readonly pieceLength: number;
  /** SHA-1 digests of all pieces, 20 bytes each. */
  readonly pieceHashes: Uint8Array;
  /** Tiers of tracker URLs (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  /** URLs of BEP 19 web seeds. */
  readonly webSeeds?: readonly string[];
  readonly nodes?: readonly HostPort[];
  /** BEP 27. */
  readonly isPrivate?: boolean;
  readonly source?: string | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate?: number | undefined;
}

/**
 * Builds a v1 torrent file. The torrent is read back, so that none is built that would be refused.
 *
 * @throws MetainfoError `ERR_METAINFO_BUILD_PATH`, and what `parseTorrent` throws.
 * @throws BencodeError if a number is no integer.
 */
export function buildTorrent(options: BuildOptions, parseOptions?: ParseOptions): Uint8Array {
  const urls = options.trackers?.flat() ?? [];
  const hasList = urls.length > 1;
  const bytes = encode({
    announce: urls[0],
    "announce-list": hasList ? options.trackers?.filter((tier) => tier.length > 0) : undefined,
    comment: options.comment,
    "created by": options.createdBy,
    "creation date": options.creationDate,
    info: infoOf(options),
    nodes: emptyToNone(options.nodes)?.map(({ host, port }) => [host, port]),
    "url-list": emptyToNone(options.webSeeds),
  });
  parseTorrent(bytes, parseOptions);
  return bytes;
}

function infoOf(options: BuildOptions): BencodeInput {
  const { name, files } = options;
  for (const { path, symlink } of files) {
    checkPath(path, name);
    if (symlink) checkPath(symlink, name);
  }
  const [only] = files;
  const isSingleFile = files.length === 1 && only?.path.length === 1;
  return {
    ...(isSingleFile
      ? { length: only?.length, attr: attributesOf(only) }
      : { files: files.map(entryOf) }),
    name,
    "piece length": options.pieceLength,
    pieces: options.pieceHashes,
    private: options.isPrivate === true ? 1 : undefined,
    source: options.source,
  };
}

function entryOf(file: BuildFile): BencodeInput {
  return {
    attr: attributesOf(file),
    length: file.length,
    path: file.path.slice(1),
    "symlink path": file.symlink?.slice(1),
  };
}

/** BEP 47. */
function attributesOf(file: BuildFile): string | undefined {
  const attributes = [
    file.symlink ? "l" : "",
    file.executable === true ? "x" : "",
    file.hidden === true ? "h" : "",
    file.pad === true ? "p" : "",
  ].join("");
  return attributes === "" ? undefined : attributes;
}

/** Refuses what other clients would have to rename. */
function checkPath(path: readonly string[], name: string): void {
  const isGood = path.every(
    (element) => /^[^/\0]+$/.test(element) && element !== "." && element !== "..",
  );
  if (!isGood || path[0] !== name) {
    throw new MetainfoError(
      "ERR_METAINFO_BUILD_PATH",
      `expected path elements without separators, the first being '${name}', got '${path.join("/")}'`,
    );
  }
}

function emptyToNone<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values?.length === 0 ? undefined : values;
}
