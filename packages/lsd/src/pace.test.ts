import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pace } from "./pace.ts";

describe("Pace", () => {
  it("allows a burst with gaps, then a steady rate", () => {
    const pace = new Pace({ burst: 3, everyMs: 60_000, gapMs: 2_000 });
    const times: number[] = [];
    let now = 1_000_000;
    for (let i = 0; i < 6; i++) {
      now = pace.readyAt(now);
      times.push(now - 1_000_000);
      expect(pace.take(now)).toBe(true);
    }
    expect(times).toEqual([0, 2_000, 4_000, 60_000, 120_000, 180_000]);
  });

  it("is ready when it says so, and not before", () => {
    const init = fc.record({
      burst: fc.integer({ min: 1, max: 5 }),
      everyMs: fc.integer({ min: 1, max: 1000 }),
      gapMs: fc.nat(500),
    });
    fc.assert(
      fc.property(init, fc.array(fc.nat(2000), { maxLength: 40 }), (limits, waits) => {
        const pace = new Pace(limits);
        let [now, taken] = [0, 0];
        for (const wait of waits) {
          now += wait;
          const at = pace.readyAt(now);
          if (at > now) expect(pace.take(now)).toBe(false);
          expect(pace.take(at)).toBe(true);
          now = at;
          taken++;
          expect(taken).toBeLessThanOrEqual(limits.burst + now / limits.everyMs + 1e-6);
        }
      }),
    );
  });
});
