import { expect, it } from "vitest";
import { Allowance } from "./allowance.ts";

it("gives what it holds at once, then what comes back", () => {
  const allowance = new Allowance(3, 60, 1000);
  expect([1, 2, 3, 4].map(() => allowance.take(1000))).toEqual([true, true, true, false]);
  expect(allowance.take(1999)).toBe(false);
  expect(allowance.take(2000)).toBe(true);
  expect(allowance.take(2000)).toBe(false);
});

it("never holds more than its capacity", () => {
  const allowance = new Allowance(2, 60, 0);
  const taken = [1, 2, 3].map(() => allowance.take(1_000_000));
  expect(taken).toEqual([true, true, false]);
});
