// A torrent's data as files in a folder.
import { fstatSync, fsyncSync, type Stats, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Allocator, makeAllocator } from "./allocator.ts";
import type {
  FileFact,
  MaybePromise,
  StoreFactory,
  StoreFile,
  StoreLayout,
  TorrentStore,
} from "./contract.ts";
import { FilePlan } from "./file-plan.ts";
import { exists, Root } from "./folders.ts";
import { Handles } from "./handle-pool.ts";
import { moduleUrl } from "./module-url.ts";
import { moveFiles, renameFile } from "./move-files.ts";
import { loadNative, type Native } from "./native.ts";
import { PartFile } from "./part-file.ts";
import { checkPath, checkPaths } from "./paths.ts";
import { presentPieces } from "./present-pieces.ts";
import { syncFile } from "./sync.ts";
import { Cursor, lengthOf, readAt, writeAt, zeros } from "./vectored.ts";

/** How files are kept. */
export interface FsStoreOptions {
  /** The folder to put the torrent's file or folder into. */
  readonly path: string;
  /**
   * `sparse`, the default: files take the space of what was written. `full`: they take all of it with
   * the first write, so that a full disk is found out then. On Linux this needs the optional package
   * `koffi`; where it can't be done, a warning tells, and files are sparse.
   */
  readonly allocate?: "sparse" | "full";
  /**
   * Lets the system forget what was read or made durable, for data is cached here already; false by
   * default. Linux only, needs the optional package `koffi`; elsewhere it does nothing.
   */
  readonly dropBehind?: boolean;
}

/**
 * Keeps data in files below `path`, opened when they are needed. Folders and files are made by the
 * first write; files that exist are extended as needed and never truncated. Files that are not wanted
 * are not made: their share of pieces goes to a part file, `.<id>.parts`. Runs in disk threads.
 */
export function fsStore(options: FsStoreOptions): StoreFactory {
  const absolute = { ...options, path: resolve(options.path) };
  return {
    open: (layout) => openStore(layout, absolute),
    thread: { module: MODULE, options: absolute },
  };
}

const MODULE = moduleUrl(import.meta.url, "fs-store");

/** What disk threads call; see `StoreFactory.thread`. */
export async function openStore(
  layout: StoreLayout,
  options: FsStoreOptions,
): Promise<TorrentStore> {
  const needsNative = options.allocate === "full" || options.dropBehind === true;
  return new FsStore(layout, options, needsNative ? await loadNative() : undefined);
}

/** The part file's number among the open files. */
const PARTS = -1;

const NO_ALLOCATION =
  "no space was reserved, files are sparse; reserving needs Linux and the optional package 'koffi', or Windows";

class FsStore implements TorrentStore {
  readonly warning: string | undefined;
  readonly calls = { reads: 0, writes: 0 };
  readonly #plan: FilePlan;
  /** The layout's files, with the paths that they have now. */
  #files: readonly StoreFile[];
  readonly #handles = new Handles();
  readonly #allocator: Allocator | undefined;
  readonly #dropCached: Native["dropCached"];
  /** Undefined while there is none. */
  #parts: PartFile | undefined;
  readonly #partsPath: readonly string[];
  /** Files to be flushed, `PARTS` too, and the inode that each had when it was written. */
  #unsynced: Map<number, number | undefined> | undefined;
  /** All of them while nobody said anything else. */
  #wanted: readonly boolean[] | undefined;
  /** Files that are neither wanted nor there: they are not to be made. */
  #apart: ReadonlySet<number> | undefined;
  #root: Root;

  constructor(layout: StoreLayout, options: FsStoreOptions, native: Native | undefined) {
    checkPaths(layout.files);
    this.#partsPath = [`.${layout.id}.parts`];
    checkPath(this.#partsPath);
    this.#plan = new FilePlan(layout);
    this.#files = layout.files;
    this.#root = new Root(options.path);
    if (options.allocate === "full") {
      this.#allocator = makeAllocator(native);
      if (this.#allocator === undefined) this.warning = NO_ALLOCATION;
    }
    this.#dropCached = options.dropBehind === true ? native?.dropCached : undefined;
    if (this.#stat(this.#partsPath) !== undefined) this.#partFile();
  }

  read(piece: number, begin: number, into: readonly Uint8Array[]): number {
    const cursor = new Cursor(into);
    let total = 0;
    this.#plan.visit(piece, begin, lengthOf(into), (index, position, length) => {
      let count: number;
      if (this.#file(index).pad) count = zeros(cursor, length);
      else if (this.#parts !== undefined && this.#isInParts(index, piece)) {
        count = this.#parts.read(piece, begin + total, length, cursor);
      } else count = this.#readFile(index, position, length, cursor);
      total += count;
      return count === length;
    });
    this.calls.reads += cursor.calls;
    return total;
  }

  write(piece: number, begin: number, from: readonly Uint8Array[]): void {
    const cursor = new Cursor(from);
    let at = begin;
    this.#plan.visit(piece, begin, lengthOf(from), (index, position, length) => {
      if (this.#file(index).pad) cursor.advance(length);
      else if (this.#apart?.has(index) || this.#isInParts(index, piece)) {
        this.#partFile().write(index, piece, at, length, cursor);
        this.#wrote(PARTS, this.#openToWrite(PARTS, this.#partsPath, 0o666));
      } else {
        const fd = this.#openFile(index);
        this.#wrote(index, fd);
        writeAt(fd, position, length, cursor);
      }
      at += length;
      return true;
    });
    this.calls.writes += cursor.calls;
  }

  async flush(found: readonly number[] = []): Promise<void> {
    const { pieceLength } = this.#plan;
    for (const piece of found) {
      this.#plan.visit(piece, 0, pieceLength, (index) => {
        const key = this.#isInParts(index, piece) ? PARTS : index;
        const isStored = key === PARTS || !this.#file(index).pad;
        if (isStored && !this.#unsynced?.has(key)) this.#note(key, undefined);
        return true;
      });
    }
    const files = [...(this.#unsynced ?? [])];
    const paths = files.map(([index]) => this.#pathOf(index));
    // Also if it fails: what a device lost it does not report again.
    this.#unsynced = undefined;
    for (const [i, path] of paths.entries()) {
      await syncFile(this.#root.locate(path), files[i]?.[1], this.#dropCached);
    }
    this.#root.sync(paths);
  }

  fileFacts(): FileFact[] {
    // Who asks wants to know what is there now: files that were replaced are opened anew.
    this.#handles.close();
    return this.#files.map(({ path, pad }, index) => {
      const place = this.#parts?.hasFile(index) ? this.#partsPath : path;
      const stats = pad ? undefined : this.#stat(place);
      return { size: stats?.size ?? 0, mtimeMs: stats?.mtimeMs ?? 0 };
    });
  }

  present(): MaybePromise<number[]> {
    const files = [...this.#files.entries()]
      .filter(([index, { pad }]) => !pad && this.#parts?.hasFile(index) !== true)
      .map(([index, { path, offset, length }]) => ({
        offset,
        length,
        stats: this.#stat(path),
        open: () => this.#openToRead(index, path),
      }));
    return presentPieces(this.#plan, files);
  }

  capacity(): number {
    for (let path = this.#root.path; ; path = dirname(path)) {
      if (!exists(path) && path !== dirname(path)) continue;
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    }
  }

  close(): void {
    this.#handles.close();
  }

  isEmpty(): boolean {
    if (this.#parts?.isEmpty === false) return false;
    return !this.#stored().some(
      ({ path, length }) => length > 0 && (this.#stat(path)?.size ?? 0) > 0,
    );
  }

  finish(): void {
    // What an earlier selection, or a crash, has left there.
    this.#bringHome();
    for (const [index, file] of this.#files.entries()) {
      if (file.pad || this.#wanted?.[index] === false) continue;
      if (file.symlink !== undefined) this.#root.link(file.path, file.symlink);
      else if (file.length === 0 && !exists(this.#root.locate(file.path))) this.#openFile(index);
    }
    // A whole torrent may lie idle for long; whoever reads opens again.
    this.#handles.close();
  }

  setWanted(wanted: readonly boolean[]): void {
    this.#wanted = wanted;
    const apart = new Set<number>();
    for (const [index, { path, length, pad }] of this.#files.entries()) {
      const isWanted = wanted[index] !== false;
      if (isWanted || pad || length === 0 || exists(this.#root.locate(path))) continue;
      apart.add(index);
    }
    this.#apart = apart;
    this.#bringHome();
  }

  move(path: string): void {
    const target = resolve(path);
    if (target === this.#root.path) return;
    this.#handles.close();
    const root = new Root(target);
    moveFiles(this.#ownPaths(), this.#root, root);
    this.#root = root;
    for (const index of [PARTS, ...this.#files.keys()]) this.#placed(index);
  }

  rename(index: number, to: readonly string[]): void {
    checkPath(to);
    const file = this.#file(index);
    const files = this.#files.with(index, { ...file, path: to });
    checkPaths(files);
    this.#handles.close();
    renameFile(this.#root, file.path, to);
    this.#files = files;
    this.#placed(index);
  }

  remove(): void {
    this.#handles.close();
    const paths = this.#ownPaths();
    for (const path of paths) this.#root.unlink(path);
    this.#root.prune(paths);
    this.#unsynced = undefined;
    this.#parts = undefined;
  }

  /** Moves bytes out of the part file whose files are wanted now. */
  #bringHome(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    const files = new Set<number>();
    for (const index of this.#files.keys()) {
      if (this.#wanted?.[index] !== false && parts.hasFile(index)) files.add(index);
    }
    if (files.size === 0) return;
    for (const piece of parts.pieces) {
      let begin = 0;
      this.#plan.visit(piece, 0, this.#plan.pieceLength, (index, position, length) => {
        if (files.has(index)) {
          parts.copyOut(piece, begin, length, position, () => this.#openFile(index));
        }
        begin += length;
        return true;
      });
    }
    for (const index of files) fsyncSync(this.#openFile(index));
    this.#root.sync([...files].map((index) => this.#pathOf(index)));
    parts.release(files, (piece) => this.#plan.filesOf(piece));
  }

  /** Whether the file's bytes of that piece are in the part file. */
  #isInParts(index: number, piece: number): boolean {
    return this.#parts?.hasFile(index) === true && this.#parts.hasPiece(piece);
  }

  /** The part file, which is made by the first write to it. */
  #partFile(): PartFile {
    const { pieceLength, pieceCount } = this.#plan;
    this.#parts ??= new PartFile(
      { pieceLength, pieceCount, fileCount: this.#files.length },
      {
        read: () => this.#openToRead(PARTS, this.#partsPath),
        write: () => this.#openToWrite(PARTS, this.#partsPath, 0o666),
        remove: () => {
          this.#handles.closeOne(PARTS);
          this.#unsynced?.delete(PARTS);
          this.#root.unlink(this.#partsPath);
        },
      },
    );
    return this.#parts;
  }

  #stat(path: readonly string[]): Stats | undefined {
    return statSync(this.#root.locate(path), { throwIfNoEntry: false });
  }

  #stored(): StoreFile[] {
    return this.#files.filter((file) => !file.pad);
  }

  /** Paths of all that the torrent may have made. */
  #ownPaths(): (readonly string[])[] {
    const paths = this.#stored().map((file) => file.path);
    return this.#parts?.isForeign ? paths : [...paths, this.#partsPath];
  }

  #file(index: number): StoreFile {
    const file = this.#files[index];
    if (file === undefined) throw new RangeError(`the torrent has no file ${index}`);
    return file;
  }

  /** Notes that the file is to be flushed, and which one it is: another may take its place. */
  #wrote(index: number, fd: number): void {
    if (this.#unsynced?.get(index) === undefined) this.#note(index, fstatSync(fd).ino);
  }

  /** Notes that the file is to be flushed, its place in a new folder too. */
  #placed(index: number): void {
    const isStored = index === PARTS || !this.#file(index).pad;
    const isThere = isStored && this.#stat(this.#pathOf(index))?.isFile() === true;
    if (isThere) this.#note(index, undefined);
    else this.#unsynced?.delete(index);
  }

  #note(index: number, inode: number | undefined): void {
    this.#unsynced ??= new Map();
    this.#unsynced.set(index, inode);
    if (inode === undefined) this.#root.doubt(this.#pathOf(index));
  }

  #pathOf(index: number): readonly string[] {
    return index === PARTS ? this.#partsPath : this.#file(index).path;
  }

  #readFile(index: number, at: number, length: number, into: Cursor): number {
    const fd = this.#openToRead(index, this.#pathOf(index));
    if (fd === undefined) return 0;
    const count = readAt(fd, at, length, into);
    this.#dropCached?.(fd, at, count);
    return count;
  }

  /** Opens a file of the torrent to be written. */
  #openFile(index: number): number {
    const { path, executable, length } = this.#file(index);
    const fd = this.#openToWrite(index, path, executable ? 0o777 : 0o666);
    this.#allocator?.allocate(index, fd, length);
    return fd;
  }

  /** @returns undefined if there is no such file. */
  #openToRead(key: number, path: readonly string[]): number | undefined {
    try {
      return this.#handles.get(key, this.#root.locate(path), undefined);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #openToWrite(key: number, path: readonly string[], mode: number): number {
    try {
      return this.#handles.get(key, this.#root.prepare(path), mode);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // A folder that was there is gone.
      this.#root = new Root(this.#root.path);
      return this.#handles.get(key, this.#root.prepare(path), mode);
    }
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}
