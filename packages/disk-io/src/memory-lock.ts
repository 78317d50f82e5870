// Locks the slab into RAM, so that blocks are never swapped out.
import { setImmediate as nextTurn } from "node:timers/promises";
import { DiskError } from "./error.ts";
import { loadNative, type Native } from "./native.ts";

/** Locked at a time: a few milliseconds, then the event loop gets its turn. */
const STEP = 16 * 1024 * 1024;

/** Holds memory in RAM from `lock` to `unlock`. */
export class MemoryLock {
  readonly #memory: Uint8Array;
  readonly #load: () => Promise<Native | undefined>;
  #native: Native | undefined;
  #lockedBytes = 0;
  #locking: Promise<DiskError | undefined> | undefined;

  constructor(memory: Uint8Array, load: () => Promise<Native | undefined> = loadNative) {
    this.#memory = memory;
    this.#load = load;
  }

  /** Either nothing or, after `lock` succeeded, all of the memory. */
  get lockedBytes(): number {
    return this.#lockedBytes;
  }

  /**
   * Locks all of the memory or nothing; only the first call does.
   *
   * @returns why it could not be done, if so; only to the first caller.
   */
  async lock(): Promise<DiskError | undefined> {
    if (this.#locking !== undefined) {
      await this.#locking;
      return undefined;
    }
    this.#locking = this.#lock();
    return this.#locking;
  }

  async unlock(): Promise<void> {
    await this.#locking;
    this.#unlock(this.#lockedBytes);
    this.#lockedBytes = 0;
  }

  async #lock(): Promise<DiskError | undefined> {
    this.#native = await this.#load();
    const { length } = this.#memory;
    if (this.#native?.lock === undefined) {
      return refused("the optional package 'koffi' is not there or doesn't work: install it");
    }
    for (let at = 0; at < length; at += STEP) {
      const code = this.#native.lock(this.#memory.subarray(at, at + STEP));
      if (code !== undefined) {
        this.#unlock(at);
        const advice = "raise the limit of locked memory (ulimit -l) or make the cache smaller";
        return refused(`the system refused ${length} bytes (${code}): ${advice}`);
      }
      await nextTurn();
    }
    this.#lockedBytes = length;
    return undefined;
  }

  #unlock(end: number): void {
    for (let at = 0; at < end; at += STEP) {
      this.#native?.unlock?.(this.#memory.subarray(at, Math.min(end, at + STEP)));
    }
  }
}

function refused(why: string): DiskError {
  return new DiskError(
    "ERR_DISK_UNSUPPORTED",
    `the cache could not be locked into memory, it goes on without; ${why}`,
  );
}
