// Which pieces a flush will make durable: those that the store took or a check found since the last.
import { Bitfield, type PieceIndex } from "@shoal/core";

/**
 * The pieces of one torrent whose bytes the store has but may still lose in a crash of the machine. A
 * piece is in one of the two sets at most.
 */
export class Durability {
  /** In the order in which the store got them. */
  #stored: Set<PieceIndex> | undefined;
  /** What a check found: the store may not know that it needs flushing. */
  #found: Bitfield | undefined;

  /** The store has written all of the piece. */
  stored(piece: PieceIndex): void {
    if (this.#found?.has(piece)) return;
    this.#stored ??= new Set();
    this.#stored.add(piece);
  }

  /** A check has read these pieces: some are right, the others are not. */
  checked(pieces: Bitfield, good: Bitfield): void {
    for (const piece of pieces as Iterable<PieceIndex>) {
      if (!good.has(piece)) {
        this.lost(piece);
      } else if (!this.#stored?.has(piece)) {
        this.#found ??= new Bitfield(pieces.length);
        this.#found.add(piece);
      }
    }
  }

  /** The piece is not, or no longer, what it should be. */
  lost(piece: PieceIndex): void {
    this.#stored?.delete(piece);
    this.#found?.delete(piece);
  }

  /**
   * Flushes by `work`, during which nothing is stored.
   *
   * @param work Is given the pieces that a check found.
   * @returns the pieces that are durable now, first those that a check found, then those that were
   *   stored, in that order; ones lost meanwhile are not among them.
   * @throws what `work` throws. Then none of the pieces is confirmed by a later flush either, for a
   *   device that lost writes reports it once and has nothing left to write.
   */
  async flush(work: (found: readonly PieceIndex[]) => Promise<unknown>): Promise<PieceIndex[]> {
    const found = [...(this.#found ?? [])] as PieceIndex[];
    try {
      await work(found);
      return [...found.filter((piece) => this.#found?.has(piece)), ...(this.#stored ?? [])];
    } finally {
      this.#stored = undefined;
      this.#found = undefined;
    }
  }
}
