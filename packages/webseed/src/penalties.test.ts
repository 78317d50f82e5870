import { expect, it } from "vitest";
import { Penalties } from "./penalties.ts";

const none = () => 0;

it("waits twice as long after each failure, up to half an hour", () => {
  const penalties = new Penalties(none);
  const waits: number[] = [];
  for (let i = 0, now = 0; i < 12; i++) {
    const until = penalties.fail("h", now);
    waits.push((until - now) / 1000);
    now = until;
  }
  expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]);
  penalties.clear("h");
  expect(penalties.until("h")).toBe(Number.NEGATIVE_INFINITY);
  expect(penalties.fail("h", 0)).toBe(5000);
});

it("counts failures at the same time once", () => {
  const penalties = new Penalties(none);
  for (let i = 0; i < 5; i++) expect(penalties.fail("h", i)).toBe(5000 + i);
  expect(penalties.fail("h", 6000)).toBe(16_000);
  expect(penalties.until("other")).toBe(Number.NEGATIVE_INFINITY);
});

it("honours what the server asks for, up to a day", () => {
  const penalties = new Penalties(none);
  expect(penalties.fail("h", 0, 120)).toBe(120_000);
  expect(penalties.fail("i", 0, 1)).toBe(5000);
  expect(penalties.fail("j", 0, 1e9)).toBe(86_400_000);
});

it("spreads the return of many", () => {
  let chance = 0;
  const penalties = new Penalties(() => chance);
  chance = 0.999;
  expect(penalties.fail("h", 0)).toBeCloseTo(6249, 0);
});

it("forgets hosts beyond a thousand", () => {
  const penalties = new Penalties(none);
  for (let i = 0; i < 1100; i++) penalties.fail(`h${i}`, 0);
  expect(penalties.until("h99")).toBe(Number.NEGATIVE_INFINITY);
  expect(penalties.until("h100")).toBe(5000);
});
