import { Bitfield } from "@shoal/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { nextCommon } from "./bits.ts";

it("finds what a naive search finds", () => {
  const length = 50;
  const set = fc.uniqueArray(fc.nat(length - 1));
  fc.assert(
    fc.property(set, set, fc.nat(length + 10), (first, second, from) => {
      const a = new Bitfield(length);
      const b = new Bitfield(length);
      for (const index of first) a.add(index);
      for (const index of second) b.add(index);
      const common = first.filter((index) => index >= from && b.has(index));
      expect(nextCommon(a.bytes, b.bytes, from)).toBe(common.length ? Math.min(...common) : -1);
    }),
  );
});

it("finds nothing in empty sets", () => {
  expect(nextCommon(new Uint8Array(0), new Uint8Array(0), 0)).toBe(-1);
});
