import { describe, expect, it } from "vitest";
import { RateMeter } from "./index.ts";

describe("RateMeter", () => {
  it("is zero before anything flows", () => {
    expect(new RateMeter().rate(12_345)).toBe(0);
  });

  it("shows a steady flow as what it is, soon and for long", () => {
    const meter = new RateMeter();
    for (let now = 10_000; now < 70_000; now += 10) {
      meter.add(1000, now);
      if (now >= 11_000) expect(Math.abs(meter.rate(now) - 100_000)).toBeLessThan(2000);
    }
    expect(meter.total).toBe(6_000_000);
  });

  it("does not show a first packet as an enormous rate", () => {
    const meter = new RateMeter();
    meter.add(16_384, 5000);
    expect(meter.rate(5000)).toBe(16_384 * 4);
    expect(meter.rate(5001)).toBe(16_384 * 4);
    expect(meter.rate(6000)).toBe(16_384);
  });

  it("falls to zero by itself when the flow stops, without rising on the way", () => {
    const meter = new RateMeter();
    for (let now = 0; now < 10_000; now += 100) meter.add(1000, now);
    let before = meter.rate(10_000);
    for (let now = 10_000; now <= 16_000; now += 500) {
      expect(meter.rate(now)).toBeLessThanOrEqual(before);
      before = meter.rate(now);
    }
    expect(before).toBe(0);
    expect(meter.rate(1e9)).toBe(0);
    expect(meter.total).toBe(100_000);
  });

  it("follows a change within five seconds", () => {
    const meter = new RateMeter();
    for (let now = 0; now < 20_000; now += 10) meter.add(1000, now);
    for (let now = 20_000; now < 26_000; now += 10) meter.add(10, now);
    expect(meter.rate(26_000)).toBeCloseTo(1000, -2);
  });

  it("counts again after a long silence", () => {
    const meter = new RateMeter();
    meter.add(1000, 0);
    meter.add(5000, 1_000_000);
    expect(meter.rate(1_000_000)).toBe(1000);
  });
});
