import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Requesters } from "./requesters.ts";

describe("Requesters", () => {
  it("is a set of peers for each cell", () => {
    const step = fc.record({ add: fc.boolean(), cell: fc.nat(3), peer: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const requesters = new Requesters();
        requesters.resize(4);
        const model = [0, 1, 2, 3].map(() => new Set<number>());
        for (const { add, cell, peer } of steps) {
          const set = model[cell] ?? new Set();
          if (!add) expect(requesters.remove(cell, peer)).toBe(set.delete(peer));
          else if (!set.has(peer)) {
            requesters.add(cell, peer);
            set.add(peer);
          }
        }
        for (const [cell, set] of model.entries()) {
          const visited: number[] = [];
          requesters.visit(cell, (peer) => visited.push(peer));
          expect(new Set(visited)).toEqual(set);
          expect(requesters.count(cell)).toBe(set.size);
          expect(requesters.any(cell)).toBe(set.size > 0);
          for (let peer = 0; peer < 5; peer++) {
            expect(requesters.has(cell, peer)).toBe(set.has(peer));
          }
        }
      }),
    );
  });

  it("lets a visitor remove whom it visits", () => {
    const requesters = new Requesters();
    requesters.resize(1);
    for (const peer of [5, 6, 7]) requesters.add(0, peer);
    const visited: number[] = [];
    requesters.visit(0, (peer) => {
      visited.push(peer);
      requesters.remove(0, peer);
    });
    expect(new Set(visited)).toEqual(new Set([5, 6, 7]));
    expect(requesters.any(0)).toBe(false);
  });

  it("keeps everybody when it grows", () => {
    const requesters = new Requesters();
    requesters.resize(2);
    requesters.add(1, 9);
    requesters.resize(4);
    expect(requesters.has(1, 9)).toBe(true);
    expect(requesters.any(2)).toBe(false);
  });
});
