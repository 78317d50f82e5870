import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_SIZE, blockIndex, PieceGeometry, pieceIndex } from "./index.ts";

describe("PieceGeometry", () => {
  it("divides a torrent whose last piece and block are short", () => {
    const geometry = new PieceGeometry(100_000, 40_000);
    expect(geometry.pieceCount).toBe(3);
    expect(geometry.blocksPerPiece).toBe(3);
    expect([0, 1, 2].map((i) => geometry.pieceSize(pieceIndex(i)))).toEqual([
      40_000, 40_000, 20_000,
    ]);
    expect([0, 1, 2].map((i) => geometry.blockCount(pieceIndex(i)))).toEqual([3, 3, 2]);
    expect(geometry.pieceOffset(pieceIndex(2))).toBe(80_000);
    const sizes = [0, 1, 2].map((i) => geometry.blockSize(pieceIndex(0), blockIndex(i)));
    expect(sizes).toEqual([BLOCK_SIZE, BLOCK_SIZE, 40_000 - 2 * BLOCK_SIZE]);
    expect(geometry.blockSize(pieceIndex(2), blockIndex(1))).toBe(20_000 - BLOCK_SIZE);
  });

  it("knows torrents without a byte, and of one", () => {
    expect(new PieceGeometry(0, BLOCK_SIZE).pieceCount).toBe(0);
    expect(new PieceGeometry(0, BLOCK_SIZE).isPiece(0)).toBe(false);
    const one = new PieceGeometry(1, BLOCK_SIZE);
    expect(one.pieceSize(pieceIndex(0))).toBe(1);
    expect(one.blockCount(pieceIndex(0))).toBe(1);
    expect(one.isBlock(pieceIndex(0), 0, 1)).toBe(true);
  });

  it("is exact beyond 32 bits", () => {
    const geometry = new PieceGeometry(2 ** 46 + 1, 2 ** 25);
    const last = pieceIndex(geometry.pieceCount - 1);
    expect(geometry.pieceCount).toBe(2 ** 21 + 1);
    expect(geometry.pieceSize(last)).toBe(1);
    expect(geometry.pieceOffset(last)).toBe(2 ** 46);
  });

  it.each([
    [-1, 1],
    [1, 0],
    [1, -1],
    [1.5, 1],
    [1, 1.5],
    [2 ** 53, 1],
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 1],
  ])("refuses lengths %d and %d", (total, piece) => {
    expect(() => new PieceGeometry(total, piece)).toThrow(RangeError);
  });

  it("knows which numbers name pieces", () => {
    const geometry = new PieceGeometry(100, 10);
    expect([0, 9].every((index) => geometry.isPiece(index))).toBe(true);
    for (const index of [-1, 10, 0.5, Number.NaN, 2 ** 32 - 1]) {
      expect(geometry.isPiece(index)).toBe(false);
    }
  });

  it("takes as blocks exactly what a request asks for", () => {
    const geometry = new PieceGeometry(100_000, 40_000);
    const [first, last] = [pieceIndex(0), pieceIndex(2)];
    expect(geometry.isBlock(first, BLOCK_SIZE, BLOCK_SIZE)).toBe(true);
    expect(geometry.isBlock(first, 2 * BLOCK_SIZE, 40_000 - 2 * BLOCK_SIZE)).toBe(true);
    expect(geometry.isBlock(first, 2 * BLOCK_SIZE, BLOCK_SIZE)).toBe(false);
    expect(geometry.isBlock(first, 3 * BLOCK_SIZE, 0)).toBe(false);
    expect(geometry.isBlock(first, 1, BLOCK_SIZE)).toBe(false);
    expect(geometry.isBlock(first, 0, BLOCK_SIZE - 1)).toBe(false);
    expect(geometry.isBlock(first, -BLOCK_SIZE, BLOCK_SIZE)).toBe(false);
    expect(geometry.isBlock(last, BLOCK_SIZE, 20_000 - BLOCK_SIZE)).toBe(true);
    expect(geometry.isBlock(last, 2 ** 32 - BLOCK_SIZE, BLOCK_SIZE)).toBe(false);
  });

  it("takes as ranges what lies inside a piece", () => {
    const geometry = new PieceGeometry(100, 40);
    const last = pieceIndex(2);
    expect(geometry.isRange(last, 0, 20)).toBe(true);
    expect(geometry.isRange(last, 19, 1)).toBe(true);
    expect(geometry.isRange(last, 0, 21)).toBe(false);
    expect(geometry.isRange(last, 20, 1)).toBe(false);
    expect(geometry.isRange(last, 0, 0)).toBe(false);
    expect(geometry.isRange(last, -1, 1)).toBe(false);
    expect(geometry.isRange(last, 2 ** 32 - 1, 2 ** 32 - 1)).toBe(false);
  });

  it("loses and doubles no byte", () => {
    fc.assert(
      fc.property(fc.nat(3_000_000), fc.integer({ min: 1000, max: 300_000 }), (total, length) => {
        const geometry = new PieceGeometry(total, length);
        let at = 0;
        for (let i = 0; i < geometry.pieceCount; i++) {
          const piece = pieceIndex(i);
          expect(geometry.pieceOffset(piece)).toBe(at);
          let inside = 0;
          for (let b = 0; b < geometry.blockCount(piece); b++) {
            const size = geometry.blockSize(piece, blockIndex(b));
            expect(geometry.isBlock(piece, inside, size)).toBe(true);
            expect(geometry.isRange(piece, inside, size)).toBe(true);
            inside += size;
          }
          expect(inside).toBe(geometry.pieceSize(piece));
          at += inside;
        }
        expect(at).toBe(total);
      }),
    );
  });
});
