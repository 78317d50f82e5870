// The payloads that travel between clients, and the proof that they arrived.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { createTorrent } from "@shoal/session";
import { LIBTORRENT_PROGRAM, PYTHON } from "./libtorrent.ts";

/**
 * `single`: one file; `multi`: 200 files of odd sizes, some empty, nested, with Unicode names; `odd`:
 * files whose names would mean something else in a URL.
 */
export type PayloadKind = "single" | "multi" | "odd";

/** What a torrent is made of. */
export interface Payload {
  readonly kind: PayloadKind;
  /** The file or folder; its last segment is the torrent's name. */
  readonly root: string;
}

const ROOTS: Readonly<Record<PayloadKind, string>> = {
  single: "single file ü.bin",
  multi: "multi",
  odd: "odd #1, 100% [+]",
};

interface PayloadFile {
  /** Below the root; none if the root is the file. */
  readonly path: readonly string[];
  readonly size: number;
}

const FILES: Readonly<Record<PayloadKind, () => readonly PayloadFile[]>> = {
  single: () => [{ path: [], size: SINGLE_BYTES }],
  multi: () =>
    Array.from({ length: MULTI_FILES }, (_, index) => ({
      path: multiPath(index),
      size: multiSize(index),
    })),
  odd: () =>
    ODD_NAMES.map((name, index) => ({ path: name.split("/"), size: multiSize(index + 1) })),
};

const SINGLE_BYTES = 10 * 1024 * 1024 + 12_345;
const MULTI_FILES = 200;

const ODD_NAMES = [
  "query?a=b&c=d.bin",
  "fragment #2.bin",
  "50%.bin",
  "%41%2e%2E.bin",
  "plus+plus and space.bin",
  "semi;colon:comma,at@.bin",
  "~tilde 'single' \"double\" `back`.bin",
  "pipe|caret^<brackets>{braces}.bin",
  "...dots/..a/b../#/?/%/file",
  "http:/example/a.bin",
  "ümlaut 深い/u\u0308mlaut 🐟.bin",
];

/** Writes the payload into `dir`; the same kind has the same bytes always. */
export async function makePayload(kind: PayloadKind, dir: string): Promise<Payload> {
  const root = join(dir, ROOTS[kind]);
  for (const { path, size } of FILES[kind]()) {
    const file = join(root, ...path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes([kind, ...path].join("/"), size));
  }
  return { kind, root };
}

/** Who makes the torrent file: libtorrent, the reference, or Shoal's `createTorrent`. */
export type TorrentMaker = "libtorrent" | "shoal";

/** Web servers that a torrent names. */
export interface WebSeeds {
  /** Base URLs of files (BEP 19). */
  readonly webSeeds?: readonly string[];
  /** URLs of scripts that serve pieces (BEP 17); libtorrent's torrents only. */
  readonly httpSeeds?: readonly string[];
}

/** Makes a v1 torrent of the payload. `pieceLength` is a power of two ≥ 16,384. */
export async function makeTorrent(
  { root }: Payload,
  pieceLength: number,
  maker: TorrentMaker,
  torrentFile: string,
  { webSeeds = [], httpSeeds = [] }: WebSeeds = {},
): Promise<void> {
  if (maker === "shoal") {
    await writeFile(torrentFile, await createTorrent(root, { pieceLength, webSeeds }));
  } else {
    const options = JSON.stringify({ root, pieceLength, torrentFile, webSeeds, httpSeeds });
    await promisify(execFile)(PYTHON, [LIBTORRENT_PROGRAM, "create", options]);
  }
}

/**
 * Compares a download with its source, byte by byte: one line per file that is missing, different
 * or too many, so that equal payloads give an empty array.
 */
export async function differences(
  source: string,
  copy: string,
  { emptyFiles }: { readonly emptyFiles: boolean },
): Promise<string[]> {
  const [wanted, found] = await Promise.all([filesBelow(source), filesBelow(copy)]);
  const found_ = new Set(found);
  const problems: string[] = [];
  for (const name of wanted) {
    const want = await readFile(join(source, name));
    if (!found_.delete(name)) {
      if (emptyFiles || want.length > 0) problems.push(`missing: '${name}'`);
    } else if (!want.equals(await readFile(join(copy, name)))) {
      problems.push(`different: '${name}'`);
    }
  }
  for (const name of found_) problems.push(`unexpected: '${name}'`);
  return problems;
}

/** Relative paths of all files; the root itself (`""`) if it is a file; none if nothing is there. */
async function filesBelow(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .sort();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code === "ENOTDIR") return [""];
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function multiPath(index: number): string[] {
  if (index % 50 === 0) return [`empty-${index}`];
  if (index % 9 === 0) return ["深い", "フォルダ", `ファイル ${index}.txt`];
  if (index % 7 === 0) return ["emoji 🐟", `Grüße, ${index}.dat`];
  if (index % 5 === 0) return ["a", "b", "c", "d", `${index}`];
  if (index % 3 === 0) return [`decomposed e\u0301 ${index}`];
  return [`file ${index} (odd) [name] & more.bin`];
}

/** Empty, one byte, about a block, about the small piece lengths, and up to 200 kB. */
function multiSize(index: number): number {
  if (index % 50 === 0) return 0;
  const sizes = [1, 16_383, 16_384, 16_385, 262_143, 4_095, 77_777, 199_999];
  return (sizes[index % sizes.length] ?? 1) + (index % 3);
}

/** Bytes that look random and depend on `seed` alone. */
function bytes(seed: string, length: number): Uint8Array {
  return createHash("shake256", { outputLength: length }).update(seed).digest();
}
