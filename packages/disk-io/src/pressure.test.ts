import { createRng } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { Pressure } from "./pressure.ts";

describe("pressure", () => {
  it("has hysteresis between its marks", () => {
    const pressure = new Pressure(1000);
    expect([pressure.low, pressure.flushAt, pressure.high]).toEqual([500, 625, 750]);
    expect(pressure.judge(749, 0, false)).toBe(false);
    expect(pressure.judge(700, 50, false)).toBe(true);
    expect(pressure.judge(501, 0, false)).toBe(false);
    expect(pressure.congested).toBe(true);
    expect(pressure.judge(500, 0, false)).toBe(true);
    expect(pressure.congested).toBe(false);
  });

  it("pauses nobody while there is nothing to write: that would never end", () => {
    const pressure = new Pressure(64);
    expect(pressure.judge(0, 64, true)).toBe(false);
    expect(pressure.judge(1, 63, true)).toBe(true);
    expect(pressure.judge(0, 64, false)).toBe(true);
    expect(pressure.congested).toBe(false);
  });

  it("keeps room for a chunk in the smallest cache", () => {
    expect(64 - new Pressure(64).high).toBeGreaterThanOrEqual(32);
  });

  it("judges as a naive reading of its marks does, for any size and any course of the level", () => {
    const rng = createRng(7);
    for (let run = 0; run < 200; run++) {
      const slots = 64 + Math.floor(rng() * 5000);
      const { low, flushAt, high } = new Pressure(slots);
      expect(0 < low && low <= flushAt && flushAt <= high && high <= slots - 32).toBe(true);
      const pressure = new Pressure(slots);
      let paused = false;
      for (let i = 0; i < 500; i++) {
        const dirty = Math.floor(rng() * slots);
        const arriving = Math.floor(rng() * (slots - dirty));
        const starved = rng() < 0.1;
        const before = paused;
        if (dirty === 0) paused = false;
        else if (starved || dirty + arriving >= high) paused = true;
        else if (dirty + arriving <= low) paused = false;
        expect(pressure.judge(dirty, arriving, starved)).toBe(paused !== before);
        expect(pressure.congested).toBe(paused);
      }
    }
  });
});
