import { createRng } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Level } from "./level.ts";

const PIECES = 40;

/** The pieces of each availability, in ascending order of pieces. */
function buckets(level: Level, top: number): number[][] {
  return Array.from({ length: top + 1 }, (_, a) =>
    Array.from({ length: level.startOf(a + 1) - level.startOf(a) }, (_, i) =>
      level.at(level.startOf(a) + i),
    ).sort((x, y) => x - y),
  );
}

const step = fc.record({
  op: fc.constantFrom("insert", "remove", "raise", "lower", "sort"),
  piece: fc.nat(PIECES - 1),
  availability: fc.nat(9),
});

describe("Level", () => {
  it("keeps every piece in the bucket of its availability", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(), (steps, seed) => {
        const place = new Int32Array(PIECES).fill(-1);
        const level = new Level(place, createRng(seed));
        const model = new Map<number, number>();
        let top = 9;
        for (const { op, piece, availability } of steps) {
          const now = model.get(piece);
          if (op === "insert" && now === undefined) {
            level.insert(piece, availability);
            model.set(piece, availability);
          } else if (op === "remove" && now !== undefined) {
            level.remove(piece, now);
            model.delete(piece);
          } else if (op === "raise" && now !== undefined) {
            level.raise(piece, now + 1);
            model.set(piece, now + 1);
            top = Math.max(top, now + 1);
          } else if (op === "lower" && now !== undefined && now > 0) {
            level.lower(piece, now - 1);
            model.set(piece, now - 1);
          } else if (op === "sort") {
            const counts = new Int32Array(PIECES);
            level.clear();
            for (const [member, a] of model) {
              level.append(member);
              counts[member] = a;
            }
            level.sort(counts);
          }
        }
        const expected = Array.from({ length: top + 1 }, (_, a) =>
          [...model.keys()].filter((p) => model.get(p) === a).sort((x, y) => x - y),
        );
        expect(buckets(level, top)).toEqual(expected);
        expect(level.size).toBe(model.size);
        for (const member of model.keys()) expect(level.at(place[member] ?? -1)).toBe(member);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves the places of pieces alone that are no longer in it", () => {
    // An emptied position held a stale piece; filling it must not touch that piece's place, which
    // may be one in another level by now.
    const place = new Int32Array(4);
    const level = new Level(place, createRng(1));
    level.insert(0, 0);
    level.insert(1, 3);
    level.remove(1, 3);
    place[1] = 77;
    level.insert(2, 1);
    level.insert(3, 1);
    level.remove(2, 1);
    expect(place[1]).toBe(77);
  });

  it("removes a piece without moving any other to a later position", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        (counts, seed) => {
          const place = new Int32Array(counts.length);
          const level = new Level(place, createRng(seed));
          for (const [piece, a] of counts.entries()) level.insert(piece, a);
          const before = place.slice();
          const gone = seed % counts.length;
          level.remove(gone, counts[gone] ?? 0);
          for (let i = 0; i < level.size; i++) {
            expect(i).toBeLessThanOrEqual(before[level.at(i)] ?? -1);
          }
        },
      ),
    );
  });

  it.each(["insert", "sort", "raise", "lower"])("places at random among equals: %s", (how) => {
    const firsts = new Set<number>();
    const rng = createRng(7);
    for (let run = 0; run < 200; run++) {
      const place = new Int32Array(8);
      const level = new Level(place, rng);
      const from = how === "raise" ? 1 : how === "lower" ? 3 : 2;
      for (let piece = 0; piece < 8; piece++) {
        if (how === "sort") level.append(piece);
        else level.insert(piece, from);
      }
      if (how === "sort") level.sort(new Int32Array(8).fill(2));
      for (let piece = 0; piece < 8; piece++) {
        if (how === "raise") level.raise(piece, 2);
        if (how === "lower") level.lower(piece, 2);
      }
      firsts.add(level.at(level.startOf(2)));
    }
    expect(firsts.size).toBe(8);
  });
});
