import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ring } from "./ring.ts";

describe("Ring", () => {
  it("behaves as an array of records under any operations", () => {
    const operation = fc.oneof(
      fc.record({ push: fc.tuple(fc.nat(), fc.nat(), fc.nat()) }),
      fc.record({ remove: fc.nat(40) }),
      fc.constant({ shift: true }),
      fc.constant({ clear: true }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const ring = new Ring(3, 2);
        let model: number[][] = [];
        for (const op of operations) {
          if ("push" in op) {
            ring.push(...op.push);
            model.push([...op.push]);
          } else if ("remove" in op && model.length > 0) {
            ring.remove(op.remove % model.length);
            model.splice(op.remove % model.length, 1);
          } else if ("shift" in op && model.length > 0) {
            ring.shift();
            model.shift();
          } else if ("clear" in op) {
            ring.clear();
            model = [];
          }
          expect(ring.length).toBe(model.length);
        }
        const records = model.map((_, i) => [ring.get(i, 0), ring.get(i, 1), ring.get(i, 2)]);
        expect(records).toEqual(model);
      }),
    );
  });
});
