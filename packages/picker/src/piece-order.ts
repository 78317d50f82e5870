// The pieces that we want and have not begun, by priority and rarity, and how many peers have each.
import { Bitfield, type Rng } from "@shoal/core";
import { nextCommon } from "./bits.ts";
import { Level } from "./level.ts";

/** The lowest priority that is picked, and the highest. 0 means unwanted. */
export const MIN_PRIORITY = 1;
export const MAX_PRIORITY = 7;

/** From this many changed pieces on, one counting sort is cheaper than a move for each. */
const BULK = 256;

/**
 * Availability and priority of every piece, and the order of the unopened ones.
 *
 * Bulk changes only set `#dirty`: the order is built anew when it is next asked for. Seeds are one
 * number, for they move no piece relative to another.
 */
export class PieceOrder {
  /** How many connected peers that are not counted in `seeds` have each piece. */
  readonly availability: Int32Array;
  /** 0…7 for each piece. */
  readonly priority: Uint8Array;
  /** Peers that joined with every piece. */
  seeds = 0;
  readonly #levels: readonly Level[];
  /** For each priority, the same pieces as in its level; kept while the levels are dirty. */
  readonly #sets: readonly Bitfield[];
  readonly #place: Int32Array;
  /** For each priority: no listed piece of it is below this index. */
  readonly #cursors: Int32Array = new Int32Array(MAX_PRIORITY + 1);
  #dirty = false;

  /** @param priority See `priority`; of listed pieces only `relist` changes it. */
  constructor(priority: Uint8Array, rng: Rng) {
    const pieceCount = priority.length;
    this.availability = new Int32Array(pieceCount);
    this.priority = priority;
    this.#sets = Array.from({ length: MAX_PRIORITY + 1 }, () => new Bitfield(pieceCount));
    const place = new Int32Array(pieceCount);
    this.#place = place;
    this.#levels = Array.from({ length: MAX_PRIORITY + 1 }, () => new Level(place, rng));
  }

  /** The unopened pieces of one priority, in order. */
  level(priority: number): Level {
    if (this.#dirty) this.#rebuild();
    return this.#levels[priority] as Level;
  }

  /** The unopened pieces of one priority, as a set. Read only. */
  set(priority: number): Bitfield {
    return this.#sets[priority] as Bitfield;
  }

  /** Whether a piece is wanted and unopened. */
  isListed(piece: number): boolean {
    return this.#sets[this.priority[piece] ?? 0]?.has(piece) ?? false;
  }

  /** Where a listed piece stands in its level. */
  position(piece: number): number {
    return this.#place[piece] as number;
  }

  /** Adds a piece to the unopened ones. */
  list(piece: number): void {
    const priority = this.priority[piece] as number;
    if (!this.set(priority).add(piece)) return;
    this.#cursors[priority] = Math.min(this.#cursors[priority] as number, piece);
    if (!this.#dirty) this.#levels[priority]?.insert(piece, this.availability[piece] as number);
  }

  /** Takes a piece out: begun, stored or unwanted. */
  unlist(piece: number): void {
    const priority = this.priority[piece] as number;
    if (!this.set(priority).delete(piece) || this.#dirty) return;
    this.#levels[priority]?.remove(piece, this.availability[piece] as number);
  }

  /** Lists every piece of a set. */
  listAll(pieces: Bitfield): void {
    this.#dirty = true;
    const bits = pieces.bytes;
    for (let p = nextCommon(bits, bits, 0); p >= 0; p = nextCommon(bits, bits, p + 1)) this.list(p);
  }

  /** Moves a listed piece to another priority of 1…7. Users do that to many at once: hence lazily. */
  relist(piece: number, priority: number): void {
    this.#dirty = true;
    this.set(this.priority[piece] as number).delete(piece);
    this.priority[piece] = priority;
    this.list(piece);
  }

  /** One peer more has the piece. */
  raise(piece: number): void {
    const availability = (this.availability[piece] as number) + 1;
    this.availability[piece] = availability;
    if (this.#dirty || !this.isListed(piece)) return;
    this.#levels[this.priority[piece] as number]?.raise(piece, availability);
  }

  /** One peer less has the piece. */
  lower(piece: number): void {
    const availability = (this.availability[piece] as number) - 1;
    this.availability[piece] = availability;
    if (this.#dirty || !this.isListed(piece)) return;
    this.#levels[this.priority[piece] as number]?.lower(piece, availability);
  }

  /** One peer more has every piece of a set. */
  raiseAll(pieces: Bitfield): void {
    if (pieces.count >= BULK) this.#dirty = true;
    const bits = pieces.bytes;
    for (let p = nextCommon(bits, bits, 0); p >= 0; p = nextCommon(bits, bits, p + 1))
      this.raise(p);
  }

  /** One peer less has every piece of a set. */
  lowerAll(pieces: Bitfield): void {
    if (pieces.count >= BULK) this.#dirty = true;
    const bits = pieces.bytes;
    for (let p = nextCommon(bits, bits, 0); p >= 0; p = nextCommon(bits, bits, p + 1))
      this.lower(p);
  }

  /** The first unopened piece of a priority, by index, that is in a set; −1 if there is none. */
  firstOf(priority: number, pieces: Bitfield): number {
    const listed = this.set(priority).bytes;
    const first = nextCommon(listed, listed, this.#cursors[priority] as number);
    this.#cursors[priority] = first < 0 ? this.priority.length : first;
    return first < 0 ? -1 : nextCommon(listed, pieces.bytes, first);
  }

  /** Whether an unopened piece exists that a connected peer has. */
  get anyAvailable(): boolean {
    const lowest = this.seeds > 0 ? 0 : 1;
    for (let priority = MIN_PRIORITY; priority <= MAX_PRIORITY; priority++) {
      const level = this.level(priority);
      if (level.startOf(lowest) < level.size) return true;
    }
    return false;
  }

  #rebuild(): void {
    for (let priority = MIN_PRIORITY; priority <= MAX_PRIORITY; priority++) {
      const level = this.#levels[priority] as Level;
      const bits = this.set(priority).bytes;
      level.clear();
      for (let p = nextCommon(bits, bits, 0); p >= 0; p = nextCommon(bits, bits, p + 1)) {
        level.append(p);
      }
      level.sort(this.availability);
    }
    this.#dirty = false;
  }
}
