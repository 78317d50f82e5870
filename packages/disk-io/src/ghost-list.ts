// Pieces that were evicted lately: their names, not their bytes.
import type { PolicyPiece } from "./cache-policy.ts";

/** What is remembered of an evicted piece. */
export interface Ghost {
  readonly blockCount: number;
  /** Who had used it last. */
  readonly user: number | undefined;
}

/** Remembers the latest evicted pieces, together no larger than the cache. */
export class GhostList {
  readonly #limit: number;
  readonly #ghosts = new Map<number, Ghost>();
  #size = 0;

  /** @param limit How many blocks the remembered pieces may have together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many blocks the remembered pieces had. */
  get size(): number {
    return this.#size;
  }

  /** Remembers a piece that is not in the list; forgets the oldest ones beyond the limit. */
  add({ key, blockCount, user }: PolicyPiece): void {
    this.#ghosts.set(key, { blockCount, user });
    this.#size += blockCount;
    for (const oldest of this.#ghosts.keys()) {
      if (this.#size <= this.#limit) return;
      this.remove(oldest);
    }
  }

  /** Forgets a piece. @returns what was known of it, if it was in the list. */
  remove(key: number): Ghost | undefined {
    const ghost = this.#ghosts.get(key);
    if (ghost === undefined) return undefined;
    this.#ghosts.delete(key);
    this.#size -= ghost.blockCount;
    return ghost;
  }
}
