// The files of a v1 info dictionary.
import { BencodeDict, type BencodeValue } from "@shoal/bencode";
import { renameDuplicates } from "./duplicates.ts";
import { MetainfoError } from "./error.ts";
import type { FaultList } from "./faults.ts";
import type { PathPlatform, TorrentFile } from "./metainfo.ts";
import { sanitizePath } from "./path.ts";
import { resolveLinks } from "./symlinks.ts";

/** Lengths of files and torrents must be smaller. */
const LENGTH_LIMIT = 2 ** 48;
/** Elements that a path may have, the torrent's name not counted. */
const MAX_PATH_ELEMENTS = 100;

/** The files of a torrent. */
export interface FileList {
  readonly files: readonly TorrentFile[];
  /** Their paths as they stood, without the torrent's name unless that is all. */
  readonly rawPaths: readonly (readonly Uint8Array[])[];
}

/**
 * Reads `files` (BEP 3), with the attributes of BEP 47.
 *
 * @param name The torrent's sanitised name, the folder of all files.
 * @throws MetainfoError
 */
export function readFiles(
  list: readonly BencodeValue[],
  name: string,
  platform: PathPlatform,
  faults: FaultList,
): FileList {
  if (list.length === 0) fail("ERR_METAINFO_NO_FILES", "expected at least one file");
  const files: TorrentFile[] = [];
  const rawPaths: Uint8Array[][] = [];
  let offset = 0;
  for (const entry of list) {
    if (!(entry instanceof BencodeDict)) {
      fail("ERR_METAINFO_INVALID_FILE", "expected every file to be a dictionary");
    }
    const rawPath = readPath(entry.list("path.utf-8") ?? entry.list("path") ?? []);
    const file = readFile(entry, name, rawPath, offset, platform);
    offset += file.length;
    if (offset >= LENGTH_LIMIT) {
      fail("ERR_METAINFO_TOTAL_LENGTH", "expected all files to have less than 2^48 bytes together");
    }
    files.push(file);
    rawPaths.push(rawPath);
  }
  return { files: withLinksInside(withUniquePaths(files, faults), faults), rawPaths };
}

/**
 * Reads the one file of a torrent without `files`.
 *
 * @throws MetainfoError
 */
export function readSingleFile(info: BencodeDict, name: string, rawName: Uint8Array): FileList {
  const attributes = info.text("attr") ?? "";
  const file: TorrentFile = {
    path: [name],
    length: readLength(info),
    offset: 0,
    pad: false,
    executable: attributes.includes("x"),
    hidden: attributes.includes("h"),
    symlink: undefined,
    piecesRoot: undefined,
  };
  return { files: [file], rawPaths: [[rawName]] };
}

function readFile(
  entry: BencodeDict,
  name: string,
  rawPath: readonly Uint8Array[],
  offset: number,
  platform: PathPlatform,
): TorrentFile {
  const attributes = entry.text("attr") ?? "";
  const target = attributes.includes("l") ? entry.list("symlink path") : undefined;
  const length = target === undefined ? readLength(entry) : 0;
  const marked = attributes.includes("p");
  if (rawPath.length === 0 && !marked) {
    fail("ERR_METAINFO_MISSING_PATH", "expected a path for every file");
  }
  const path = rawPath.length === 0 ? [".pad", String(length)] : sanitizePath(rawPath, platform);
  return {
    path: [name, ...path],
    length,
    offset,
    // The name is BitComet's mark of pad files, from before BEP 47.
    pad: marked || path.some((element) => element.includes("_____padding_file_")),
    executable: attributes.includes("x"),
    hidden: attributes.includes("h"),
    symlink: target && [name, ...sanitizePath(readPath(target), platform)],
    piecesRoot: undefined,
  };
}

function readLength(entry: BencodeDict): number {
  const length = entry.int("length");
  if (length === undefined || length < 0 || length >= LENGTH_LIMIT) {
    const got = entry.get("length");
    const shown = typeof got === "number" || typeof got === "bigint" ? String(got) : "none";
    fail("ERR_METAINFO_FILE_LENGTH", `expected a file length of 0 to 2^48 - 1, got ${shown}`);
  }
  return length;
}

function readPath(elements: readonly BencodeValue[]): Uint8Array[] {
  if (elements.length > MAX_PATH_ELEMENTS) {
    fail(
      "ERR_METAINFO_PATH_TOO_DEEP",
      `expected at most ${MAX_PATH_ELEMENTS} elements in a path, got ${elements.length}`,
    );
  }
  const path = elements.filter((element) => element instanceof Uint8Array);
  if (path.length < elements.length) {
    fail("ERR_METAINFO_INVALID_PATH", "expected every element of a path to be a string");
  }
  return path;
}

/** Pad files are never created, so their paths neither matter nor take those of others. */
function withUniquePaths(files: readonly TorrentFile[], faults: FaultList): TorrentFile[] {
  const created = files.flatMap(({ pad }, index) => (pad ? [] : [index]));
  const renamed = renameDuplicates(created.map((index) => files[index]?.path ?? []));
  const paths = new Map([...renamed].map(([at, path]) => [created[at], path]));
  return files.map((file, index) => {
    const path = paths.get(index);
    if (path === undefined) return file;
    faults.add(`file '${file.path.join("/")}' is renamed to '${path.at(-1)}': the name is taken`);
    return { ...file, path };
  });
}

/** A pad file is nothing that a link could name: it has no path here. */
function withLinksInside(files: readonly TorrentFile[], faults: FaultList): TorrentFile[] {
  const targets = resolveLinks(
    files.map(({ pad, path, symlink }) => ({ path: pad ? [] : path, symlink })),
  );
  return files.map((file, index) => {
    if (file.symlink === undefined) return file;
    const symlink = targets[index];
    if (symlink === undefined) {
      faults.add(
        `link '${file.path.join("/")}' leads to nothing in the torrent: it will be a file`,
      );
    }
    return { ...file, symlink };
  });
}

function fail(code: MetainfoError["code"], message: string): never {
  throw new MetainfoError(code, message);
}
