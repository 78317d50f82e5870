import { describe, expect, it } from "vitest";
import { createRng, randomInt, shuffle } from "./index.ts";

describe("createRng", () => {
  it("gives equal numbers for equal seeds, on every machine and for good", () => {
    const rng = createRng(1);
    const first = Array.from({ length: 4 }, () => Math.floor(rng() * 2 ** 32));
    expect(first).toEqual(FROM_SEED_1);
    const again = createRng(1);
    expect(Array.from({ length: 4 }, () => Math.floor(again() * 2 ** 32))).toEqual(first);
  });

  it("gives different numbers for neighbouring seeds", () => {
    const seeds = Array.from({ length: 1000 }, (_, seed) => createRng(seed)());
    expect(new Set(seeds).size).toBe(1000);
    expect(mean(seeds)).toBeCloseTo(0.5, 1);
  });

  it("spreads evenly over [0, 1)", () => {
    const rng = createRng(42);
    const counts = Array.from({ length: 16 }, () => 0);
    for (let i = 0; i < 160_000; i++) {
      const value = rng();
      expect(value >= 0 && value < 1).toBe(true);
      const cell = Math.floor(value * 16);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    // Six standard deviations.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600);
  });
});

it("randomInt reaches every integer below the bound and no other", () => {
  const rng = createRng(7);
  const seen = new Set(Array.from({ length: 1000 }, () => randomInt(rng, 5)));
  expect(seen).toEqual(new Set([0, 1, 2, 3, 4]));
  expect(randomInt(() => 1 - 2 ** -32, 5)).toBe(4);
});

describe("shuffle", () => {
  it("permutes in place", () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const result = shuffle(createRng(3), items);
    expect(result).toBe(items);
    expect(items).not.toEqual(items.toSorted((a, b) => a - b));
    expect(items.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("gives every order the same chance", () => {
    const rng = createRng(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = shuffle(rng, ["a", "b", "c"]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(180);
  });

  it("takes empty and single lists", () => {
    expect(shuffle(createRng(1), [])).toEqual([]);
    expect(shuffle(createRng(1), [1])).toEqual([1]);
  });
});

/** From an implementation in another language. */
const FROM_SEED_1: readonly number[] = [2_442_144_158, 3_238_099_751, 3_819_917_871, 2_104_621_829];

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
