// A torrent's data as files in a folder.
import {
  closeSync,
  fsync,
  fsyncSync,
  openSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { promisify } from "node:util";
import type { FileFact, StoreFactory, StoreFile, StoreLayout, TorrentStore } from "./contract.ts";
import { FilePlan } from "./file-plan.ts";
import { Root } from "./folders.ts";
import { Handles } from "./handle-pool.ts";
import { exists, moveFiles } from "./move-files.ts";
import { Cursor, lengthOf, readAt, writeAt, zeros } from "./vectored.ts";

/**
 * Keeps data in files below `path`, opened when they are needed. Folders and files are made by the
 * first write; files that exist are extended as needed and never truncated. Runs in disk threads.
 */
export function fsStore(options: { path: string }): StoreFactory {
  const path = resolve(options.path);
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const module = new URL(`./fs-store.${extension}`, import.meta.url).href;
  return {
    open: (layout) => openStore(layout, { path }),
    thread: { module, options: { path } },
  };
}

/** What disk threads call; see `StoreFactory.thread`. */
export function openStore(layout: StoreLayout, options: { path: string }): TorrentStore {
  return new FsStore(layout, options.path);
}

class FsStore implements TorrentStore {
  readonly #plan: FilePlan;
  readonly #handles = new Handles();
  /** Files written since the last flush, and folders that got new entries. */
  readonly #unsynced = new Set<number>();
  #root: Root;

  constructor(layout: StoreLayout, path: string) {
    this.#plan = new FilePlan(layout);
    this.#root = new Root(path);
  }

  read(piece: number, begin: number, into: readonly Uint8Array[]): number {
    const cursor = new Cursor(into);
    let total = 0;
    this.#plan.visit(piece, begin, lengthOf(into), (index, position, length) => {
      const file = this.#file(index);
      const count = file.pad
        ? zeros(cursor, length)
        : this.#readFile(index, file, position, length, cursor);
      total += count;
      return count === length;
    });
    return total;
  }

  write(piece: number, begin: number, from: readonly Uint8Array[]): void {
    const cursor = new Cursor(from);
    this.#plan.visit(piece, begin, lengthOf(from), (index, position, length) => {
      const file = this.#file(index);
      if (file.pad) {
        cursor.advance(length);
        return true;
      }
      const fd = this.#openToWrite(index, file);
      this.#unsynced.add(index);
      writeAt(fd, position, length, cursor);
      return true;
    });
  }

  async flush(found: readonly number[] = []): Promise<void> {
    const { pieceLength } = this.#plan;
    for (const piece of found) {
      this.#plan.visit(piece, 0, pieceLength, (index) => {
        if (!this.#file(index).pad) this.#unsynced.add(index);
        return true;
      });
    }
    const paths = [...this.#unsynced].map((index) => this.#root.locate(this.#file(index).path));
    // Also if it fails: what a device lost it does not report again.
    this.#unsynced.clear();
    for (const path of paths) await syncFile(path);
    for (const folder of new Set(paths.map((path) => dirname(path)))) syncFolder(folder);
  }

  fileFacts(): FileFact[] {
    // A file that was replaced since it was opened would go on showing its old self.
    this.#handles.close();
    return this.#plan.files.map(({ path, pad }) => {
      const stats = pad ? undefined : this.#stat(path);
      return { size: stats?.size ?? 0, mtimeMs: stats?.mtimeMs ?? 0 };
    });
  }

  close(): void {
    this.#handles.close();
  }

  isEmpty(): boolean {
    return !this.#stored().some(
      ({ path, length }) => length > 0 && (this.#stat(path)?.size ?? 0) > 0,
    );
  }

  finish(): void {
    for (const [index, file] of this.#plan.files.entries()) {
      if (file.pad) continue;
      if (file.symlink !== undefined) this.#link(file, file.symlink);
      else if (file.length === 0 && !exists(this.#root.locate(file.path))) {
        this.#openToWrite(index, file);
      }
    }
  }

  move(path: string): void {
    const target = resolve(path);
    if (target === this.#root.path) return;
    this.#handles.close();
    const root = new Root(target);
    moveFiles(
      this.#stored().map((file) => file.path),
      this.#root,
      root,
    );
    this.#root = root;
  }

  remove(): void {
    this.#handles.close();
    const files = this.#stored().map((file) => file.path);
    for (const file of files) {
      const path = this.#root.locate(file);
      if (this.#root.holds(file) && exists(path)) unlinkSync(path);
    }
    this.#root.prune(files);
    this.#unsynced.clear();
  }

  #stat(path: readonly string[]): Stats | undefined {
    return statSync(this.#root.locate(path), { throwIfNoEntry: false });
  }

  #stored(): StoreFile[] {
    return this.#plan.files.filter((file) => !file.pad);
  }

  #file(index: number): StoreFile {
    const file = this.#plan.files[index];
    if (file === undefined) throw new RangeError(`the torrent has no file ${index}`);
    return file;
  }

  #readFile(index: number, file: StoreFile, at: number, length: number, into: Cursor): number {
    try {
      const fd = this.#handles.get(index, this.#root.locate(file.path), undefined);
      return readAt(fd, at, length, into);
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  }

  #openToWrite(index: number, file: StoreFile): number {
    const mode = file.executable ? 0o777 : 0o666;
    try {
      return this.#handles.get(index, this.#root.prepare(file.path), mode);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // A folder that was there is gone.
      this.#root = new Root(this.#root.path);
      return this.#handles.get(index, this.#root.prepare(file.path), mode);
    }
  }

  #link(file: StoreFile, target: readonly string[]): void {
    const path = this.#root.prepare(file.path);
    if (!exists(path)) symlinkSync(relative(dirname(path), this.#root.locate(target)), path);
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

const syncing = promisify(fsync);

/**
 * Makes a file durable, on a thread of its own: it may take seconds, in which other torrents' jobs go
 * on. Not by a handle of the pool, for those jobs may close it.
 */
async function syncFile(path: string): Promise<void> {
  // Windows flushes only what may be written.
  const fd = openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    await syncing(fd);
  } finally {
    closeSync(fd);
  }
}

/** New entries of a folder are durable only after this; Windows neither needs nor allows it. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
