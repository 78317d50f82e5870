// Piece hashes of files that a torrent is made from, computed on all cores.
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { ask } from "./ask.ts";
import type { StoreFile, StoreLayout } from "./contract.ts";
import { diskError, faultOf } from "./error.ts";
import { changed } from "./loose-files.ts";
import { spread } from "./spread.ts";
import { ThreadExecutor } from "./thread-executor.ts";

/** What to hash; see {@link hashFiles}. */
export interface HashFilesOptions {
  /** In the order of the torrent. Without a path: padding, zeros (BEP 47). */
  readonly files: readonly { readonly path?: string | undefined; readonly length: number }[];
  /** Bytes in a piece, ≥ 1. */
  readonly pieceLength: number;
  /** All cores by default. */
  readonly threads?: number | undefined;
  /** Called with the number of bytes hashed so far, at most once a turn of the event loop. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A thread pays for its start with this many bytes. */
const BYTES_PER_THREAD = 16 * 1024 * 1024;

/**
 * Reads files as one stream of bytes and hashes its pieces.
 *
 * @returns SHA-1 of each piece, 20 bytes each (BEP 3).
 * @throws the signal's reason; DiskError `ERR_DISK_CHANGED` if a file's length is not or does not
 *   stay what `files` says, other DiskErrors if one can't be read.
 */
export async function hashFiles(options: HashFilesOptions): Promise<Uint8Array> {
  const { files, pieceLength, onProgress, signal } = options;
  signal?.throwIfAborted();
  const layout = layoutOf(files, pieceLength);
  const paths = files.map(({ path }) => (path === undefined ? undefined : resolve(path)));
  const count = Math.ceil(layout.totalLength / pieceLength);
  const digests = new Uint8Array(count * 20);
  const wanted = Math.max(1, options.threads ?? availableParallelism());
  const threads = Math.min(wanted, Math.ceil(layout.totalLength / BYTES_PER_THREAD));
  const noSlab = new SharedArrayBuffer(0);
  const executors = Array.from({ length: threads }, () => new ThreadExecutor(noSlab));
  try {
    await spread({
      executors: executors.map(async (executor) => {
        await ask(executor, openJob(layout, paths));
        return executor;
      }),
      pieces: digests.subarray(0, count).keys(),
      pieceLength,
      work: async (executor, pieces) => {
        const value = await ask(executor, { kind: "digest", torrent: 0, pieces });
        if (value instanceof Uint8Array) digests.set(value, (pieces[0] ?? 0) * 20);
      },
      onProgress: (pieces) => onProgress?.(Math.min(pieces * pieceLength, layout.totalLength)),
      signal,
    });
  } finally {
    await Promise.all(executors.map((executor) => executor.close()));
  }
  for (const [i, path] of paths.entries()) if (path !== undefined) demand(path, files[i]?.length);
  return digests;
}

/** A file of zero bytes is never read, and one that was read may have grown since. */
function demand(path: string, length = 0): void {
  try {
    if (statSync(path).size !== length) throw changed(path, length);
  } catch (error) {
    throw diskError(faultOf(error), "hashing files");
  }
}

function openJob(layout: StoreLayout, paths: readonly (string | undefined)[]) {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const module = new URL(`./loose-files.${extension}`, import.meta.url).href;
  const pieceHashes = new Uint8Array(0);
  return { kind: "open", torrent: 0, layout, pieceHashes, module, options: { paths } } as const;
}

function layoutOf(files: HashFilesOptions["files"], pieceLength: number): StoreLayout {
  let offset = 0;
  const list: StoreFile[] = [];
  for (const [i, { path, length }] of files.entries()) {
    const pad = path === undefined;
    list.push({ path: [`${i}`], length, offset, pad, executable: false, symlink: undefined });
    offset += length;
  }
  return { id: "", pieceLength, totalLength: offset, files: list };
}
