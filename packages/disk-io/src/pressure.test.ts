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
});
