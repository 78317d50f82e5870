import { describe, expect, it } from "vitest";
import type { PolicyPiece } from "./cache-policy.ts";
import { FlushOrder } from "./flush-order.ts";

function piece(key: number, streak: number): PolicyPiece {
  const numbers = { key, streak, blockCount: 64, cached: 0, idle: 0, fresh: 0, mark: 0 };
  return { ...numbers, isPartial: true, user: undefined };
}

describe("the order of writing", () => {
  it("puts long streaks first, then what was updated longest ago", () => {
    const order = new FlushOrder();
    const pieces = [3, 40, 0, 16, 47, 15].map((streak, key) => piece(key, streak));
    for (const each of pieces) order.touch(each);
    for (const each of pieces.slice(0, 2)) order.touch(each);
    expect([...order].map(({ key }) => key)).toEqual([4, 1, 3, 2, 5, 0]);
  });

  it("lets pieces leave while it is iterated", () => {
    const order = new FlushOrder();
    for (let key = 0; key < 6; key++) order.touch(piece(key, key * 8));
    const seen: number[] = [];
    for (const each of order) {
      seen.push(each.key);
      order.remove(each);
    }
    expect(seen).toEqual([4, 5, 2, 3, 0, 1]);
    expect([...order]).toEqual([]);
  });
});
