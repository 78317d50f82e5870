// Which pieces a flush will make durable: those that the store took or a check found since the last.
import { type Bitfield, type PieceIndex, pieceIndex } from "@shoal/core";

/**
 * The pieces of one torrent whose bytes the store has but may still lose in a crash of the machine, in
 * the order in which it got them.
 */
export class Durability {
  readonly #pending = new Set<PieceIndex>();
  /** Those among them that a check found: the store may not know that they need flushing. */
  readonly #found = new Set<PieceIndex>();

  /** The store has written all of the piece. */
  stored(piece: PieceIndex): void {
    this.#pending.add(piece);
  }

  /** A check has read these pieces: some are right, the others are not. */
  checked(pieces: Bitfield, good: Bitfield): void {
    for (const i of pieces) {
      const piece = pieceIndex(i);
      if (!good.has(i)) {
        this.lost(piece);
      } else if (!this.#pending.has(piece)) {
        this.#pending.add(piece);
        this.#found.add(piece);
      }
    }
  }

  /** The piece is not, or no longer, what it should be. */
  lost(piece: PieceIndex): void {
    this.#pending.delete(piece);
    this.#found.delete(piece);
  }

  /**
   * Flushes by `work`, during which nothing is stored.
   *
   * @param work Is given the pieces that a check found.
   * @returns the pieces that are durable now; ones lost meanwhile are not among them.
   * @throws what `work` throws. Then none of the pieces is confirmed by a later flush either, for a
   *   device that lost writes reports it once and has nothing left to write.
   */
  async flush(work: (found: readonly PieceIndex[]) => Promise<unknown>): Promise<PieceIndex[]> {
    const pieces = [...this.#pending];
    try {
      await work([...this.#found]);
      return pieces.filter((piece) => this.#pending.has(piece));
    } finally {
      this.#pending.clear();
      this.#found.clear();
    }
  }
}
