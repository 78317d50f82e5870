// One try at an info dictionary: the pieces of a given size, and who sent each.
import { copyBytes } from "@shoal/core";
import { countPieces, PIECE_LENGTH } from "./message.ts";

/** After so many ms a piece that was asked for may be asked of another as well. */
const ASK_AGAIN_AFTER = 3000;

/**
 * Gathers an info dictionary of one size, as some peers say it has. Memory is taken for what has
 * come, not for the size, and only while it is open.
 *
 * @typeParam Source whoever sends pieces, compared by identity.
 */
export class Attempt<Source> {
  /** Bytes. */
  readonly size: number;
  readonly pieceCount: number;
  /** The only one whose pieces are taken; `undefined` if all that claim the size may contribute. */
  readonly only: Source | undefined;
  /** Those that can be asked. */
  readonly supporters: Set<Source> = new Set();
  readonly #parts = new Map<number, Part<Source>>();
  readonly #asks = new Map<number, Ask>();
  #isOpen = false;

  constructor(size: number, only?: Source) {
    this.size = size;
    this.pieceCount = countPieces(size);
    this.only = only;
  }

  /** Whether every piece has come. */
  get isComplete(): boolean {
    return this.#parts.size === this.pieceCount;
  }

  /** Whether it asks for pieces and takes them. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How many pieces are held. */
  get held(): number {
    return this.#parts.size;
  }

  /** Whether a piece of that length is one of this dictionary. */
  fits(piece: number, length: number): boolean {
    return length === Math.min(PIECE_LENGTH, this.size - piece * PIECE_LENGTH) && length > 0;
  }

  /**
   * The piece to ask for next: of those that are missing the one that was asked for least, unless
   * somebody has been asked just now. `undefined` if there is none, and while it is not open.
   *
   * @param asked pieces that whoever will be asked owes already.
   */
  next(now: number, asked: ReadonlyMap<number, number>): number | undefined {
    if (!this.#isOpen) return undefined;
    let best: number | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (let piece = 0; piece < this.pieceCount && fewest > 0; piece++) {
      if (this.#parts.has(piece) || asked.has(piece)) continue;
      const ask = this.#asks.get(piece);
      if (ask !== undefined && ask.again > now) continue;
      const count = ask?.count ?? 0;
      if (count >= fewest) continue;
      best = piece;
      fewest = count;
    }
    return best;
  }

  /** Somebody has been asked for the piece. */
  asked(piece: number, now: number): void {
    const count = (this.#asks.get(piece)?.count ?? 0) + 1;
    this.#asks.set(piece, { count, again: now + ASK_AGAIN_AFTER });
  }

  /** Whoever was asked for the piece won't send it: others may be asked at once. */
  release(piece: number): void {
    const ask = this.#asks.get(piece);
    if (ask !== undefined) this.#asks.set(piece, { count: ask.count, again: 0 });
  }

  /** Keeps a piece that {@link fits}, if it is missing. @param bytes copied. */
  put(piece: number, bytes: Uint8Array, from: Source): void {
    if (this.#isOpen && !this.#parts.has(piece))
      this.#parts.set(piece, { bytes: copyBytes(bytes), from });
  }

  /** Everything that came, put together, and who sent it; nothing of it is held afterwards. */
  take(): { bytes: Uint8Array; sources: Set<Source> } {
    const bytes = new Uint8Array(this.size);
    const sources = new Set<Source>();
    for (const [piece, part] of this.#parts) {
      bytes.set(part.bytes, piece * PIECE_LENGTH);
      sources.add(part.from);
    }
    this.#clear();
    return { bytes, sources };
  }

  /** Begins. */
  open(): void {
    this.#isOpen = true;
  }

  /** Stops, and drops what came. */
  close(): void {
    this.#isOpen = false;
    this.#clear();
  }

  #clear(): void {
    this.#parts.clear();
    this.#asks.clear();
  }
}

interface Part<Source> {
  readonly bytes: Uint8Array;
  readonly from: Source;
}

interface Ask {
  /** How many times. */
  readonly count: number;
  /** When it may be asked for again, in ms. */
  readonly again: number;
}
