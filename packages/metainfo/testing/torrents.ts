// What the tests share: torrents with one thing changed.
import { type BencodeInput, encode } from "@shoal/bencode";
import { type Metainfo, MetainfoError, parseTorrent } from "../src/index.ts";

type Members = Record<string, BencodeInput | undefined>;

/** The info dictionary of a single file of 30,000 bytes in two pieces, with changes. */
export function singleInfo(changes: Members = {}): Members {
  return {
    length: 30_000,
    name: "file.bin",
    "piece length": 16_384,
    pieces: new Uint8Array(40).fill(7),
    ...changes,
  };
}

/** The info dictionary of such files in the folder `temp`, with as many hashes as they need. */
export function multiInfo(files: readonly BencodeInput[], changes: Members = {}): Members {
  const length = files.reduce<number>((sum, file) => sum + lengthOf(file), 0);
  return {
    files,
    name: "temp",
    "piece length": 16_384,
    pieces: new Uint8Array(20 * Math.min(1000, Math.max(0, Math.ceil(length / 16_384)))),
    ...changes,
  };
}

/** A member of `files`. */
export function file(length: number, path: readonly BencodeInput[], more: Members = {}): Members {
  return { length, path, ...more };
}

export function torrent(info: BencodeInput, more: Members = {}): Uint8Array {
  return encode({ info, ...more });
}

/** Paths of a torrent with these files, joined by slashes. */
export function pathsOf(files: readonly BencodeInput[], changes: Members = {}): string[] {
  return parseTorrent(torrent(multiInfo(files, changes))).files.map(({ path }) => path.join("/"));
}

/** The code of the refusal without its prefix, or "accepted". */
export function verdict(parse: () => unknown): string {
  try {
    parse();
    return "accepted";
  } catch (error) {
    if (error instanceof MetainfoError) return error.code.replace("ERR_METAINFO_", "");
    throw error;
  }
}

/** What must hold of every torrent that is accepted. */
export function invariantFailures(metainfo: Metainfo): string[] {
  const failures: string[] = [];
  const { files, geometry, pieceHashes } = metainfo;
  let offset = 0;
  const seen = new Set<string>();
  for (const { path, length, offset: at, pad, symlink } of files) {
    if (at !== offset) failures.push(`a gap at ${at}`);
    offset += length;
    for (const element of [...path, ...(symlink ?? [])]) {
      if (!isSafe(element)) failures.push(`unsafe element '${element}'`);
    }
    const key = path.join("/").toLowerCase();
    if (!pad && seen.has(key)) failures.push(`a second '${key}'`);
    if (!pad) seen.add(key);
  }
  for (const key of seen) {
    for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
      if (seen.has(key.slice(0, at))) failures.push(`'${key.slice(0, at)}' is a file and a folder`);
    }
  }
  if (offset !== geometry.totalLength) failures.push("lengths do not add up");
  if (pieceHashes.length !== 20 * geometry.pieceCount) failures.push("not a hash for each piece");
  return failures;
}

/** Whether a path element can neither leave its folder nor be refused by a file system. */
export function isSafe(element: string): boolean {
  return (
    element !== "" &&
    element !== "." &&
    element !== ".." &&
    !/[/\\\p{Cc}\u202e]/u.test(element) &&
    element.isWellFormed() &&
    new TextEncoder().encode(element).length <= 255
  );
}

function lengthOf(file: BencodeInput): number {
  const isMembers = typeof file === "object" && "length" in file;
  return isMembers && typeof file.length === "number" ? file.length : 0;
}
