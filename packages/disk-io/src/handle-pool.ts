// A bounded pool of open files, shared by all stores of a thread.
import { closeSync, constants, openSync } from "node:fs";
import { Lru } from "./lru.ts";

/** Files kept open in one thread. */
const LIMIT = 40;

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

/** One store's part of the pool: files by a number of its own. */
export class Handles {
  readonly #open = new Map<number, Handle>();

  /**
   * The file's descriptor, valid until the next call of any store in this thread.
   *
   * @param key What the store calls the file.
   * @param mode `undefined` to read; permission bits to write, creating it if it is missing. A file to
   *   be written must not be a symbolic link.
   * @throws Node's errors of `open`.
   */
  get(key: number, path: string, mode: number | undefined): number {
    const writable = mode !== undefined;
    const known = this.#open.get(key);
    if (known !== undefined && (known.writable || !writable)) {
      all.touch(known);
      return known.fd;
    }
    if (known !== undefined) shut(known);
    while (all.size >= LIMIT) shutOldest();
    // Windows has no O_NOFOLLOW.
    const noFollow = constants.O_NOFOLLOW ?? 0;
    const flags = writable ? constants.O_RDWR | constants.O_CREAT | noFollow : constants.O_RDONLY;
    const handle: Handle = { fd: open(path, flags, mode), writable, pool: this.#open, key };
    this.#open.set(key, handle);
    all.touch(handle);
    return handle.fd;
  }

  /** Closes every file of the store. */
  close(): void {
    for (const handle of this.#open.values()) shut(handle);
  }
}

function open(path: string, flags: number, mode: number | undefined): number {
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
