import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choosePieceLength, locate } from "./layout.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

describe("choosePieceLength", () => {
  it.each([
    [0, 16 * KIB],
    [1, 16 * KIB],
    [2000 * 16 * KIB, 16 * KIB],
    [2000 * 16 * KIB + 1, 32 * KIB],
    [700 * MIB, 512 * KIB],
    [4096 * MIB, 4 * MIB],
    [2000 * 16 * MIB + 1, 16 * MIB],
    [2 ** 48, 16 * MIB],
  ])("for %d bytes is %d", (total, pieceLength) => {
    expect(choosePieceLength(total)).toBe(pieceLength);
  });
});

describe("locate", () => {
  const files = filesOf([10, 0, 5, 0, 20]);

  it.each([
    [0, 10, [[0, 0, 10]]],
    [
      9,
      2,
      [
        [0, 9, 1],
        [2, 0, 1],
      ],
    ],
    [10, 5, [[2, 0, 5]]],
    [
      0,
      35,
      [
        [0, 0, 10],
        [2, 0, 5],
        [4, 0, 20],
      ],
    ],
    [15, 1, [[4, 0, 1]]],
    [34, 100, [[4, 19, 1]]],
    [35, 1, []],
    [5, 0, []],
  ])("finds what %d, %d covers", (offset, length, slices) => {
    expect(locate(files, offset, length).map((s) => [s.file, s.fileOffset, s.length])).toEqual(
      slices,
    );
  });

  it("finds each byte once, in order", () => {
    const lengths = fc.array(fc.nat(6), { maxLength: 12 });
    fc.assert(
      fc.property(lengths, fc.nat(50), fc.nat(50), (sizes, offset, length) => {
        const bytes = sizes.flatMap((size, file) =>
          Array.from({ length: size }, (_, i) => [file, i]),
        );
        const found = locate(filesOf(sizes), offset, length).flatMap((slice) =>
          Array.from({ length: slice.length }, (_, i) => [slice.file, slice.fileOffset + i]),
        );
        expect(found).toEqual(bytes.slice(offset, offset + length));
      }),
    );
  });
});

function filesOf(lengths: readonly number[]): { offset: number; length: number }[] {
  let offset = 0;
  return lengths.map((length) => {
    offset += length;
    return { length, offset: offset - length };
  });
}
