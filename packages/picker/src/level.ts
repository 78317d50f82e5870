// The unopened pieces of one priority: one array, rarest first, in random order among equals.
import { type Rng, randomInt } from "@shoal/core";

/**
 * An array of pieces partitioned by availability. `#start[a]` is where the pieces with
 * availability a begin, and `#start[#top + 1]` is the size. A piece changes its bucket by swaps at
 * the boundaries it crosses, so ±1 costs the same for any number of pieces.
 */
export class Level {
  #items: Int32Array = new Int32Array(0);
  #size = 0;
  #start: Int32Array = new Int32Array(2);
  #top = 0;
  readonly #place: Int32Array;
  readonly #rng: Rng;

  /** @param place Where each piece stands in its level; one array serves all levels. */
  constructor(place: Int32Array, rng: Rng) {
    this.#place = place;
    this.#rng = rng;
  }

  /** How many pieces the level has. */
  get size(): number {
    return this.#size;
  }

  /** The piece at a position, 0…size−1; lower positions are rarer. */
  at(position: number): number {
    return this.#items[position] as number;
  }

  /** The first position whose piece has at least this availability; `size` if there is none. */
  startOf(availability: number): number {
    return availability > this.#top ? this.#size : (this.#start[availability] as number);
  }

  /** Adds a piece at a random place among those of its availability. */
  insert(piece: number, availability: number): void {
    this.#reach(availability);
    this.#grow(this.#size + 1);
    const start = this.#start;
    let hole = this.#size++;
    start[this.#top + 1] = this.#size;
    for (let bucket = this.#top; bucket > availability; bucket--) {
      const first = start[bucket] as number;
      this.#move(first, hole);
      hole = first;
      start[bucket] = first + 1;
    }
    this.#settle(piece, hole, start[availability] as number, hole);
  }

  /** Takes a piece out. Only pieces at later positions change place, and only to earlier ones. */
  remove(piece: number, availability: number): void {
    const start = this.#start;
    let hole = this.#place[piece] as number;
    for (let bucket = availability; bucket <= this.#top; bucket++) {
      const last = (start[bucket + 1] as number) - 1;
      this.#move(last, hole);
      hole = last;
      start[bucket + 1] = last;
    }
    this.#size--;
  }

  /** Moves a piece whose availability grew by one to `availability`. */
  raise(piece: number, availability: number): void {
    this.#reach(availability);
    const start = this.#start;
    const last = (start[availability] as number) - 1;
    this.#move(last, this.#place[piece] as number);
    start[availability] = last;
    this.#settle(piece, last, last, (start[availability + 1] as number) - 1);
  }

  /** Moves a piece whose availability fell by one to `availability`. */
  lower(piece: number, availability: number): void {
    const start = this.#start;
    const first = start[availability + 1] as number;
    this.#move(first, this.#place[piece] as number);
    start[availability + 1] = first + 1;
    this.#settle(piece, first, start[availability] as number, first);
  }

  /** Empties the level. */
  clear(): void {
    this.#size = 0;
    this.#top = 0;
    this.#start.fill(0);
  }

  /** Adds a piece without order; {@link sort} must follow. */
  append(piece: number): void {
    this.#grow(this.#size + 1);
    this.#items[this.#size++] = piece;
  }

  /** Orders everything that was appended since {@link clear}: counting sort, then a shuffle each. */
  sort(availability: Int32Array): void {
    const items = this.#items.slice(0, this.#size);
    let top = 0;
    for (const piece of items) top = Math.max(top, availability[piece] as number);
    this.#reach(top);
    const start = this.#start.fill(0);
    for (const piece of items) {
      const next = (availability[piece] as number) + 1;
      start[next] = (start[next] as number) + 1;
    }
    for (let a = 1; a <= top + 1; a++) start[a] = (start[a] as number) + (start[a - 1] as number);
    // Filling moves each start to its bucket's end, which is the next one's start: shift back after.
    for (const piece of items) {
      const a = availability[piece] as number;
      const position = start[a] as number;
      start[a] = position + 1;
      this.#items[position] = piece;
    }
    start.copyWithin(1, 0, top + 1);
    start[0] = 0;
    for (let a = 0; a <= top; a++) this.#shuffle(start[a] as number, start[a + 1] as number);
    for (let i = 0; i < this.#size; i++) this.#place[this.#items[i] as number] = i;
  }

  #shuffle(from: number, to: number): void {
    const items = this.#items;
    for (let i = to - 1; i > from; i--) {
      const j = from + randomInt(this.#rng, i - from + 1);
      const held = items[i] as number;
      items[i] = items[j] as number;
      items[j] = held;
    }
  }

  /** Puts a piece that belongs into the free position `at` to a random one of `from`…`to`. */
  #settle(piece: number, at: number, from: number, to: number): void {
    const other = from + randomInt(this.#rng, to - from + 1);
    this.#move(other, at);
    this.#put(piece, other);
  }

  /** Fills a free position; one that is free itself (an empty bucket's) holds nothing to move. */
  #move(from: number, to: number): void {
    if (from !== to) this.#put(this.#items[from] as number, to);
  }

  #put(piece: number, position: number): void {
    this.#items[position] = piece;
    this.#place[piece] = position;
  }

  /** Makes sure that there is a bucket for this availability. */
  #reach(availability: number): void {
    if (availability <= this.#top) return;
    if (this.#start.length < availability + 2) {
      const larger = new Int32Array(Math.max(availability + 2, this.#start.length * 2));
      larger.set(this.#start);
      this.#start = larger;
    }
    this.#start.fill(this.#size, this.#top + 1, availability + 2);
    this.#top = availability;
  }

  #grow(size: number): void {
    if (size <= this.#items.length) return;
    const larger = new Int32Array(Math.max(16, size, this.#items.length * 2));
    larger.set(this.#items);
    this.#items = larger;
  }
}
