// Which bytes of which files a stretch of a torrent's bytes is.
import type { StoreFile, StoreLayout } from "./contract.ts";

/** Finds files by position in the torrent. */
export class FilePlan {
  readonly files: readonly StoreFile[];
  /** Bytes in a piece. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Indices of the files that hold bytes, ascending. */
  readonly #full: readonly number[];

  constructor(layout: StoreLayout) {
    this.files = layout.files;
    this.pieceLength = layout.pieceLength;
    this.pieceCount = Math.ceil(layout.totalLength / layout.pieceLength);
    this.#full = [...layout.files.keys()].filter((i) => (layout.files[i]?.length ?? 0) > 0);
  }

  /**
   * Visits the parts of files that make up `length` bytes of the piece from `begin` on, in order,
   * until `visit` returns false.
   */
  visit(
    piece: number,
    begin: number,
    length: number,
    visit: (file: number, position: number, length: number) => boolean,
  ): void {
    let at = piece * this.pieceLength + begin;
    const end = at + length;
    for (let i = this.#find(at); at < end; i++) {
      const index = this.#full[i];
      const file = index === undefined ? undefined : this.files[index];
      if (index === undefined || file === undefined) return;
      const part = Math.min(end, file.offset + file.length) - at;
      if (!visit(index, at - file.offset, part)) return;
      at += part;
    }
  }

  /** The files that overlap the piece. */
  filesOf(piece: number): number[] {
    const files: number[] = [];
    this.visit(piece, 0, this.pieceLength, (file) => files.push(file) > 0);
    return files;
  }

  /** Place in `#full` of the file that holds the byte at `offset`. */
  #find(offset: number): number {
    let low = 0;
    let high = this.#full.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const start = this.files[this.#full[middle] ?? 0]?.offset ?? 0;
      if (start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
