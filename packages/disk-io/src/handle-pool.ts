// A bounded pool of open files, shared by all stores of a thread.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { Lru } from "./lru.ts";

/** Files kept open in one thread, where the process may have many. */
const MOST = 40;
const FEWEST = 4;
/** One thread takes no more than this part of what the process may have: sockets need the most. */
const SHARE = 1 / 16;

let limit: number | undefined;

/** An open file. */
interface Handle {
  readonly fd: number;
  readonly writable: boolean;
  readonly pool: Map<number, Handle>;
  readonly key: number;
}

const all = new Lru<Handle>();

/** How many files this thread holds open. */
export function openHandles(): number {
  return all.size;
}

/** Has this thread hold no more files open than it must, for it is one of as many as there are cores. */
export function keepFewHandles(): void {
  limit = FEWEST;
}

/** One store's part of the pool: files by a number of its own. */
export class Handles {
  #open: Map<number, Handle> | undefined;

  /**
   * The file's descriptor, valid until the next call of any store in this thread.
   *
   * @param key What the store calls the file.
   * @param mode `undefined` to read; permission bits to write, creating it if it is missing. A file to
   *   be written must not be a symbolic link.
   * @throws Node's errors of `open`; with the code `EEXIST` if it is no regular file.
   */
  get(key: number, path: string, mode: number | undefined): number {
    const writable = mode !== undefined;
    const known = this.#open?.get(key);
    if (known !== undefined && (known.writable || !writable)) {
      all.touch(known);
      return known.fd;
    }
    if (known !== undefined) shut(known);
    limit ??= handleLimit();
    while (all.size >= limit) shutOldest();
    const fd = open(path, writable ? TO_WRITE : TO_READ, mode);
    this.#open ??= new Map();
    const handle: Handle = { fd, writable, pool: this.#open, key };
    this.#open.set(key, handle);
    all.touch(handle);
    return handle.fd;
  }

  /** Closes one file, if it is open. */
  closeOne(key: number): void {
    const handle = this.#open?.get(key);
    if (handle !== undefined) shut(handle);
  }

  /** Closes every file of the store. */
  close(): void {
    for (const handle of this.#open?.values() ?? []) shut(handle);
    this.#open = undefined;
  }
}

/** Where a pipe stands instead of a file, opening it must not wait for its other end. */
const NO_WAIT: number = constants.O_NONBLOCK ?? 0;
const TO_READ: number = constants.O_RDONLY | NO_WAIT;
const TO_WRITE: number =
  constants.O_RDWR | constants.O_CREAT | NO_WAIT | (constants.O_NOFOLLOW ?? 0);

/** How many files one thread may hold open, so that the process stays within its limit. */
function handleLimit(): number {
  let allowed = Number.POSITIVE_INFINITY;
  if (process.platform === "linux") {
    const [, soft] =
      /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    allowed = Number(soft ?? allowed);
  }
  return Math.min(MOST, Math.max(FEWEST, Math.floor(allowed * SHARE)));
}

function open(path: string, flags: number, mode: number | undefined): number {
  // Windows has no O_NOFOLLOW.
  if (constants.O_NOFOLLOW === undefined && mode !== undefined && isLink(path)) {
    throw Object.assign(new Error("a symbolic link stands there"), { code: "ELOOP", path });
  }
  const fd = openPatiently(path, flags, mode);
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw Object.assign(new Error("it is no regular file"), { code: "EEXIST", path });
  }
  return fd;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function openPatiently(path: string, flags: number, mode: number | undefined): number {
  for (;;) {
    try {
      return openSync(path, flags, mode);
    } catch (error) {
      // The process may have fewer descriptors than the pool would like.
      const code = (error as NodeJS.ErrnoException).code;
      if ((code !== "EMFILE" && code !== "ENFILE") || all.size === 0) throw error;
      shutOldest();
    }
  }
}

function shutOldest(): void {
  const oldest = all.oldest();
  if (oldest !== undefined) shut(oldest);
}

function shut(handle: Handle): void {
  all.remove(handle);
  handle.pool.delete(handle.key);
  closeSync(handle.fd);
}
