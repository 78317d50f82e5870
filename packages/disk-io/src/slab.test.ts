import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_SLOT } from "./contract.ts";
import { Slab } from "./slab.ts";

describe("the slab", () => {
  it("hands out every slot once, against a naive set", () => {
    const action = fc.tuple(fc.constantFrom("any", "at", "run", "release"), fc.nat());
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(action, { maxLength: 600 }),
        (size, actions) => {
          const slab = new Slab(size);
          const used = new Set<number>();
          const take = (slot: number): void => {
            expect(slot).toBeLessThan(size);
            expect(used.has(slot)).toBe(false);
            used.add(slot);
          };
          for (const [what, n] of actions) {
            if (what === "any") {
              const slot = slab.takeAny();
              if (slot === NO_SLOT) expect(used.size).toBe(size);
              else take(slot);
            } else if (what === "at") {
              const slot = n % size;
              const isFree = !used.has(slot);
              expect(slab.takeAt(slot)).toBe(isFree);
              used.add(slot);
            } else if (what === "run") {
              const length = 1 + (n % 16);
              const first = slab.findRun(length);
              if (first === NO_SLOT) {
                if (length > 8) expect(hasFreeGroup(used, size)).toBe(false);
                continue;
              }
              expect(first % 16 === 0 || length <= 8).toBe(true);
              for (let i = 0; i < length; i++) {
                expect(slab.takeAt(first + i)).toBe(true);
                take(first + i);
              }
            } else {
              const slot = [...used][n % Math.max(used.size, 1)];
              if (slot === undefined) continue;
              used.delete(slot);
              slab.release(slot);
            }
            expect(slab.free).toBe(size - used.size);
          }
          // Nothing is lost: all that is free can be had.
          while (slab.free > 0) take(slab.takeAny());
          expect(slab.takeAny()).toBe(NO_SLOT);
          expect(used.size).toBe(size);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("uses recently freed memory first", () => {
    const slab = new Slab(160);
    const first = slab.findRun(16);
    slab.takeAt(first);
    const second = slab.findRun(16);
    expect(second).not.toBe(first);
    slab.release(first);
    expect(slab.findRun(16)).toBe(first);
  });

  it("puts short runs side by side", () => {
    const slab = new Slab(160);
    const runs = Array.from({ length: 8 }, () => {
      const run = slab.findRun(4);
      for (let i = 0; i < 4; i++) slab.takeAt(run + i);
      return run;
    });
    expect(new Set(runs.map((run) => run >> 4)).size).toBe(2);
  });
});

function hasFreeGroup(used: ReadonlySet<number>, size: number): boolean {
  for (let group = 0; group + 16 <= size; group += 16) {
    if (Array.from({ length: 16 }, (_, i) => used.has(group + i)).every((is) => !is)) return true;
  }
  return false;
}
