// An ordered set: what was touched longest ago comes first.

/** Least-recently-touched order over any things. All operations take constant time. */
export class Lru<T> {
  readonly #items = new Set<T>();
  #newest: T | undefined;

  get size(): number {
    return this.#items.size;
  }

  /** Adds the item or makes it the newest. */
  touch(item: T): void {
    if (this.#newest === item) return;
    this.#items.delete(item);
    this.#items.add(item);
    this.#newest = item;
  }

  /** Adds the item as the newest; leaves it where it is if it is in the set. */
  add(item: T): void {
    if (!this.#items.has(item)) this.touch(item);
  }

  remove(item: T): void {
    this.#items.delete(item);
    if (this.#newest === item) this.#newest = undefined;
  }

  has(item: T): boolean {
    return this.#items.has(item);
  }

  /** The item touched longest ago. */
  oldest(): T | undefined {
    for (const item of this.#items) return item;
    return undefined;
  }

  /** From the oldest to the newest. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
