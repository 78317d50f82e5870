import { PieceGeometry } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planFiles, planPieces, type Stretch } from "./plan.ts";

interface Case {
  files: { offset: number; length: number; pad: boolean }[];
  geometry: PieceGeometry;
  run: { offset: number; length: number };
}

const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.record({ length: fc.nat(40), pad: fc.boolean() }), { minLength: 1, maxLength: 30 }),
    fc.integer({ min: 1, max: 50 }),
    fc.nat(),
    fc.nat(),
  )
  .map(([sizes, pieceLength, a, b]) => {
    let total = 0;
    const files = sizes.map(({ length, pad }) => {
      total += length;
      return { offset: total - length, length, pad };
    });
    files.push({ offset: total++, length: 1, pad: false });
    const offset = a % total;
    const run = { offset, length: 1 + (b % (total - offset)) };
    return { files, geometry: new PieceGeometry(total, pieceLength), run };
  });

/** The stretches say nothing but the run, in order. */
function expectCovered(run: Case["run"], stretches: readonly Stretch[]): void {
  let at = run.offset;
  for (const { offset, length } of stretches) {
    expect(offset).toBe(at);
    expect(length).toBeGreaterThan(0);
    at += length;
  }
  expect(at).toBe(run.offset + run.length);
}

describe("planFiles", () => {
  it("covers each run exactly, file by file", () => {
    fc.assert(
      fc.property(cases, ({ files, run }) => {
        const stretches = planFiles(run, files);
        expectCovered(run, stretches);
        for (const { offset, length, index, start, isPad } of stretches) {
          const file = files[index];
          expect(file?.offset).toBe(offset - start);
          expect(start + length).toBeLessThanOrEqual(file?.length ?? 0);
          expect(isPad).toBe(file?.pad);
        }
        expect(new Set(stretches.map(({ index }) => index)).size).toBe(stretches.length);
      }),
    );
  });
});

describe("planPieces", () => {
  it("covers each run exactly, within pieces, and asks for no zeros", () => {
    fc.assert(
      fc.property(cases, ({ files, geometry, run }) => {
        const stretches = planPieces(run, files, geometry);
        expectCovered(run, stretches);
        for (const [i, { offset, length, index, start, isPad }] of stretches.entries()) {
          expect(index * geometry.pieceLength + start).toBe(offset);
          expect(start + length).toBeLessThanOrEqual(geometry.pieceLength);
          for (const file of files) {
            const overlap =
              Math.min(offset + length, file.offset + file.length) - Math.max(offset, file.offset);
            if (overlap > 0) expect(file.pad).toBe(isPad);
          }
          // As few requests as can be.
          const next = stretches[i + 1];
          expect(next?.index === index && next.isPad === isPad).toBe(false);
        }
      }),
    );
  });
});
