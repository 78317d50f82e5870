// Torrent files from files on disk, hashed on all cores.
import { lstat, readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { hashFiles } from "@shoal/disk-io";
import { buildTorrent, choosePieceLength } from "@shoal/metainfo";
import { SessionError } from "./error.ts";

/** What a new torrent says. */
export interface CreateTorrentOptions {
  /** Tiers of tracker URLs (BEP 12). */
  readonly trackers?: readonly (readonly string[])[];
  /** BEP 19. */
  readonly webSeeds?: readonly string[];
  /** A power of two ≥ 16 KiB, in bytes; chosen by size by default. */
  readonly pieceLength?: number | undefined;
  /** Peers come from its trackers only (BEP 27). */
  readonly isPrivate?: boolean;
  readonly comment?: string | undefined;
  /** Makes the info-hash differ from that of the same files elsewhere. */
  readonly source?: string | undefined;
  readonly name?: string | undefined;
  /** Seconds since 1970; now by default. */
  readonly creationDate?: number | undefined;
  /** Bytes hashed so far, of all. */
  readonly onProgress?: ((hashed: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A file of the payload. */
interface Found {
  readonly path: readonly string[];
  readonly file: string;
  readonly length: number;
  readonly executable: boolean;
}

/**
 * Reads and hashes a file or a folder and builds its torrent.
 *
 * Files are sorted by path; symbolic links and special files are left out.
 *
 * @returns the torrent file's bytes.
 * @throws SessionError `ERR_SESSION_SOURCE` if there is nothing to share; Node's file errors;
 *   DiskError if a file changes meanwhile; MetainfoError; the signal's reason.
 */
export async function createTorrent(
  path: string,
  options: CreateTorrentOptions = {},
): Promise<Uint8Array> {
  const root = resolve(path);
  const name = options.name ?? basename(root);
  const isFolder = (await lstat(root)).isDirectory();
  const found = await walk(root, []);
  const total = found.reduce((sum, { length }) => sum + length, 0);
  if (total === 0) {
    throw new SessionError("ERR_SESSION_SOURCE", `'${root}' holds no bytes that could be shared`);
  }
  const pieceLength = options.pieceLength ?? choosePieceLength(total);
  const pieceHashes = await hashFiles({
    files: found.map(({ file, length }) => ({ path: file, length })),
    pieceLength,
    ...(options.onProgress
      ? { onProgress: (hashed: number) => options.onProgress?.(hashed, total) }
      : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return buildTorrent({
    name,
    files: found.map(({ path: elements, length, executable }) => ({
      path: isFolder ? [name, ...elements] : [name],
      length,
      executable,
    })),
    pieceLength,
    pieceHashes,
    trackers: options.trackers ?? [],
    webSeeds: options.webSeeds ?? [],
    isPrivate: options.isPrivate ?? false,
    comment: options.comment,
    source: options.source,
    createdBy: "Shoal/0.1",
    creationDate: options.creationDate ?? Math.floor(Date.now() / 1000),
  });
}

async function walk(file: string, path: readonly string[]): Promise<Found[]> {
  const info = await lstat(file);
  if (info.isFile()) {
    return [{ path, file, length: info.size, executable: (info.mode & 0o100) !== 0 }];
  }
  if (!info.isDirectory()) return [];
  const names = (await readdir(file)).sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const found: Found[] = [];
  for (const name of names) found.push(...(await walk(join(file, name), [...path, name])));
  return found;
}
