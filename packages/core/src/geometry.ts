// How a torrent's bytes divide into pieces and 16 KiB blocks.

declare const pieceBrand: unique symbol;
declare const blockBrand: unique symbol;

/** The index of a piece, 0…pieceCount−1. */
export type PieceIndex = number & { readonly [pieceBrand]: true };

/** The index of a block inside its piece. */
export type BlockIndex = number & { readonly [blockBrand]: true };

/** What one request asks for: 16 KiB, the size that all clients use (BEP 3). */
export const BLOCK_SIZE = 16_384;

/** Brands a number whose range the caller has checked. Costs nothing at run time. */
export function pieceIndex(index: number): PieceIndex {
  return index as PieceIndex;
}

/** Brands a number whose range the caller has checked. Costs nothing at run time. */
export function blockIndex(index: number): BlockIndex {
  return index as BlockIndex;
}

/** Sizes and counts of pieces and blocks; the last piece and the last block may be shorter. */
export class PieceGeometry {
  /** Bytes in the whole torrent, pad files included. */
  readonly totalLength: number;
  /** Bytes in every piece but perhaps the last. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Blocks in every piece but perhaps the last. */
  readonly blocksPerPiece: number;

  /** @throws RangeError unless both are safe integers, `totalLength` ≥ 0 and `pieceLength` ≥ 1. */
  constructor(totalLength: number, pieceLength: number) {
    if (!Number.isSafeInteger(totalLength) || totalLength < 0) {
      throw new RangeError(`total length must be a safe integer ≥ 0, not ${totalLength}`);
    }
    if (!Number.isSafeInteger(pieceLength) || pieceLength < 1) {
      throw new RangeError(`piece length must be a safe integer ≥ 1, not ${pieceLength}`);
    }
    this.totalLength = totalLength;
    this.pieceLength = pieceLength;
    this.pieceCount = Math.ceil(totalLength / pieceLength);
    this.blocksPerPiece = Math.ceil(pieceLength / BLOCK_SIZE);
  }

  /** Whether `index` names a piece. */
  isPiece(index: number): index is PieceIndex {
    return Number.isInteger(index) && index >= 0 && index < this.pieceCount;
  }

  /** Bytes of this piece. */
  pieceSize(piece: PieceIndex): number {
    return piece === this.pieceCount - 1
      ? this.totalLength - piece * this.pieceLength
      : this.pieceLength;
  }

  /** Blocks of this piece. */
  blockCount(piece: PieceIndex): number {
    return piece === this.pieceCount - 1
      ? Math.ceil(this.pieceSize(piece) / BLOCK_SIZE)
      : this.blocksPerPiece;
  }

  /** Bytes of this block: 16 KiB but for the last of a piece. */
  blockSize(piece: PieceIndex, block: BlockIndex): number {
    return Math.min(BLOCK_SIZE, this.pieceSize(piece) - block * BLOCK_SIZE);
  }

  /** Where the piece starts in the torrent, in bytes. */
  pieceOffset(piece: PieceIndex): number {
    return piece * this.pieceLength;
  }

  /** Whether `begin`, `length` is exactly one block of the piece, as a `piece` message must be. */
  isBlock(piece: PieceIndex, begin: number, length: number): boolean {
    return (
      begin >= 0 &&
      begin % BLOCK_SIZE === 0 &&
      begin < this.pieceSize(piece) &&
      length === this.blockSize(piece, blockIndex(begin / BLOCK_SIZE))
    );
  }

  /** Whether `begin`, `length` lies inside the piece and is not empty. */
  isRange(piece: PieceIndex, begin: number, length: number): boolean {
    return begin >= 0 && length > 0 && begin + length <= this.pieceSize(piece);
  }
}
