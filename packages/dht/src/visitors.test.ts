import { describe, expect, it } from "vitest";
import { addressOf } from "../testing/network.ts";
import { type Visitor, Visitors } from "./visitors.ts";

function admitted(visitors: Visitors, address: string, now: number): Visitor {
  const visitor = visitors.admit(address, now);
  if (visitor === undefined) throw new Error(`${address} is not admitted`);
  return visitor;
}

describe("Visitors", () => {
  it("remembers the 4,096 addresses that were seen last", () => {
    const visitors = new Visitors(20);
    for (let i = 0; i < 100_000; i++) {
      admitted(visitors, addressOf(i), i);
      // One keeps coming, and is not forgotten.
      if (i % 1000 === 0) visitors.verified("9.9.9.9", i);
    }
    expect(visitors.size).toBe(4096);
    const faithful = admitted(visitors, "9.9.9.9", 100_000);
    expect(visitors.budget(faithful, 100, 100_000)).toBe(Number.POSITIVE_INFINITY);
    const forgotten = admitted(visitors, addressOf(0), 100_000);
    expect(visitors.mayMeet(forgotten, 100_000)).toBe(true);
    expect(visitors.mayMeet(forgotten, 100_000)).toBe(false);
  });

  it("hands the place of a forgotten address on without its past", () => {
    const visitors = new Visitors(1);
    for (let i = 0; i < 50; i++) visitors.admit(addressOf(0), 0);
    visitors.verified(addressOf(0), 0);
    expect(visitors.admit(addressOf(0), 0)).toBeUndefined();
    for (let i = 1; i <= 4096; i++) admitted(visitors, addressOf(i), 0);
    const again = admitted(visitors, addressOf(0), 0);
    expect(visitors.budget(again, 100, 0)).toBe(4096);
  });

  it("blocks who asks too often, for five minutes", () => {
    const visitors = new Visitors(5);
    for (let i = 0; i < 50; i++) admitted(visitors, "9.9.9.9", 0);
    expect(visitors.admit("9.9.9.9", 0)).toBeUndefined();
    expect(visitors.admit("9.9.9.9", 299_999)).toBeUndefined();
    expect(visitors.admit("9.9.9.9", 300_001)).toBeDefined();
  });

  it("admits no address at which nobody can be", () => {
    const visitors = new Visitors(5);
    expect(visitors.admit("224.0.0.1", 0)).toBeUndefined();
    expect(visitors.size).toBe(0);
  });
});
