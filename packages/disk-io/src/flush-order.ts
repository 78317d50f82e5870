// The order in which partial pieces are written when their space is needed.
import type { PolicyPiece } from "./cache-policy.ts";
import { GROUP } from "./group.ts";
import { Lru } from "./lru.ts";

/** Streaks from here on, in groups, count as equally long: 16 MiB. */
const LONGEST = 64;

/**
 * Complete pieces never stand here: they are hashed and written at once. Of the others those come first
 * whose start came without a gap, the longest stretch first: a stretch is written with one long call,
 * and should it be evicted, it is read back with one long call when the piece is hashed from its start.
 * Stretches are told apart by groups of 16 blocks; equally long ones, and what has no stretch of a
 * whole group, follow in the order of their last update.
 */
export class FlushOrder<P extends PolicyPiece> {
  /** By groups in the streak. */
  readonly #orders: Lru<P>[] = [new Lru()];
  /** Where pieces stand that don't stand in the first. */
  readonly #places = new Map<P, number>();

  /** A block of it came. */
  touch(piece: P): void {
    const place = this.#settle(piece);
    this.#orders[place]?.touch(piece);
  }

  /** Puts it where its streak belongs, last, unless it is there. */
  add(piece: P): void {
    const place = this.#settle(piece);
    this.#orders[place]?.add(piece);
  }

  remove(piece: P): void {
    const place = this.#places.get(piece) ?? 0;
    if (place > 0) this.#places.delete(piece);
    this.#orders[place]?.remove(piece);
  }

  *[Symbol.iterator](): IterableIterator<P> {
    for (let place = this.#orders.length - 1; place >= 0; place--) {
      yield* this.#orders[place] ?? [];
    }
  }

  #settle(piece: P): number {
    const place = Math.min(LONGEST, Math.floor(piece.streak / GROUP));
    const before = this.#places.get(piece) ?? 0;
    if (before === place) return place;
    this.remove(piece);
    if (place > 0) this.#places.set(piece, place);
    while (this.#orders.length <= place) this.#orders.push(new Lru());
    return place;
  }
}
