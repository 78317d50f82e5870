import { createRng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimit } from "./bandwidth.ts";

/** What takers got, as [ms, taker, bytes]. */
type Log = [number, number, number][];

/** Lets every taker ask for blocks at each tick until it is refused, as connections do. */
function run(
  takers: readonly RateLimit[],
  ms: number,
  { tick = 100, wanted = (_taker: number): number => 16_384, rng = (): number => 1 } = {},
): Log {
  const log: Log = [];
  const debts = takers.map(() => 0);
  for (let now = 0; now < ms; now += tick * rng()) {
    for (const [i, taker] of takers.entries()) {
      for (let rounds = 0; rounds < 10_000; rounds++) {
        const want = debts[i] || wanted(i);
        const got = taker.take(want, now);
        expect(got).toBeGreaterThanOrEqual(0);
        expect(got).toBeLessThanOrEqual(want);
        if (got > 0) log.push([now, i, got]);
        debts[i] = want - got;
        if (got < want) break;
      }
    }
  }
  return log;
}

function bytes(log: Log, from: number, to: number, taker?: number): number {
  return log
    .filter(([at, i]) => at >= from && at < to && (taker === undefined || i === taker))
    .reduce((sum, [, , got]) => sum + got, 0);
}

function leaves(count: number, parent: RateLimit): RateLimit[] {
  return Array.from({ length: count }, () => new RateLimit({ parent }));
}

describe("RateLimit", () => {
  it("grants everything where there is no limit", () => {
    const root = new RateLimit();
    const leaf = new RateLimit({ parent: new RateLimit({ bytesPerSecond: 0, parent: root }) });
    expect(leaf.isUnlimited).toBe(true);
    expect(leaf.take(1e9, 0)).toBe(1e9);
    expect(leaf.nextGrant(5)).toBe(5);
    root.limit = 1000;
    expect(leaf.isUnlimited).toBe(false);
    expect(leaf.take(1e9, 0)).toBe(0);
  });

  it("refuses a limit that is no rate", () => {
    expect(() => new RateLimit({ bytesPerSecond: -1 })).toThrow(RangeError);
    expect(() => new RateLimit({ bytesPerSecond: Number.NaN })).toThrow(RangeError);
  });

  it.each([
    [1, 100],
    [1, 250],
    [3, 100],
    [20, 100],
    [20, 250],
    [50, 100],
  ])("holds the rate over any two seconds: %i takers, %i ms ticks", (count, tick) => {
    const rate = 2_000_000;
    const root = new RateLimit({ bytesPerSecond: rate });
    const log = run(leaves(count, root), 20_000, { tick });
    for (let from = 0; from <= 18_000; from += 50) {
      const moved = bytes(log, from, from + 2000);
      expect(moved).toBeLessThanOrEqual(2 * rate * 1.1);
      if (from > 1000) expect(moved).toBeGreaterThanOrEqual(2 * rate * 0.9);
    }
  });

  it("holds the rate for any limit, number of takers and uneven ticks", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000_000, max: 50_000_000 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer(),
        (rate, count, seed) => {
          const rng = createRng(seed);
          const root = new RateLimit({ bytesPerSecond: rate });
          const log = run(leaves(count, root), 8000, {
            rng,
            wanted: () => 1 + randomInt(rng, 131_072),
          });
          for (let from = 0; from <= 6000; from += 200) {
            const moved = bytes(log, from, from + 2000);
            expect(moved).toBeLessThanOrEqual(2 * rate * 1.1);
            if (from > 1000) expect(moved).toBeGreaterThanOrEqual(2 * rate * 0.9);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it.each([50_000, 500_000, 20_000_000])("shares %i B/s evenly among 20 greedy takers", (rate) => {
    const root = new RateLimit({ bytesPerSecond: rate });
    const takers = leaves(20, root);
    const log = run(takers, 100_000);
    const fair = (rate * 100) / 20;
    for (let i = 0; i < 20; i++) {
      expect(Math.abs(bytes(log, 0, 100_000, i) - fair)).toBeLessThan(fair * 0.1 + 2 * 16_384);
    }
  });

  it("serves whole blocks in turn, so that nobody waits for everybody's first", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const log = run(leaves(10, root), 10_500);
    expect(log.map(([, taker]) => taker).slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(log.every(([, , got]) => got === 16_384)).toBe(true);
  });

  it("leaves to the others what modest takers don't want", () => {
    const rate = 1_000_000;
    const root = new RateLimit({ bytesPerSecond: rate });
    const modest = leaves(9, root);
    const greedy = new RateLimit({ parent: root });
    let moved = 0;
    let little = 0;
    for (let now = 0; now < 20_000; now += 100) {
      for (const taker of modest) little += taker.take(1000, now);
      for (let got = 1; got > 0; moved += got) got = greedy.take(16_384, now);
    }
    expect(little).toBeGreaterThan(9 * 10_000 * 20 * 0.9);
    expect(moved + little).toBeGreaterThan(rate * 20 * 0.95);
  });

  it("obeys every limit of the tree, without one torrent's limit slowing another", () => {
    const root = new RateLimit({ bytesPerSecond: 1_000_000 });
    const slow = new RateLimit({ bytesPerSecond: 100_000, parent: root });
    const fast = new RateLimit({ parent: root });
    const peer = new RateLimit({ bytesPerSecond: 50_000, parent: fast });
    const takers = [...leaves(30, slow), ...leaves(5, fast), peer];
    const log = run(takers, 30_000);
    const sum = (from: number, to: number): number =>
      log.filter(([, i]) => i >= from && i < to).reduce((all, [, , got]) => all + got, 0) / 30;
    expect(sum(0, 30)).toBeGreaterThan(85_000);
    expect(sum(0, 30)).toBeLessThan(102_000);
    expect(sum(35, 36)).toBeGreaterThan(40_000);
    expect(sum(35, 36)).toBeLessThan(52_000);
    expect(sum(0, 36)).toBeGreaterThan(950_000);
    expect(sum(0, 36)).toBeLessThan(1_010_000);
  });

  it("says when to ask again", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const [a, b] = leaves(2, root) as [RateLimit, RateLimit];
    expect(a.take(16_384, 0)).toBe(0);
    expect(b.take(16_384, 0)).toBe(0);
    expect(a.nextGrant(0)).toBeCloseTo(1000);
    expect(b.nextGrant(0)).toBeCloseTo(2000);
    expect(b.take(16_384, 1999)).toBe(0);
    expect(b.take(16_384, 2000)).toBe(16_384);
    expect(a.take(16_384, 1500)).toBe(16_384);
  });

  it("takes a new limit at once, whatever was promised under the old one", () => {
    const root = new RateLimit({ bytesPerSecond: 1000 });
    const takers = leaves(20, root);
    run(takers, 500);
    root.limit = 1_000_000;
    let moved = 0;
    for (let now = 500; now < 2500; now += 100)
      for (const t of takers) moved += t.take(16_384, now);
    expect(moved).toBeGreaterThan(1_700_000);
    root.limit = 20_000;
    moved = 0;
    for (let now = 2500; now < 12_500; now += 100)
      for (const t of takers) moved += t.take(16_384, now);
    expect(moved).toBeGreaterThan(150_000);
    expect(moved).toBeLessThan(220_000);
    root.limit = Number.POSITIVE_INFINITY;
    expect(takers[3]?.take(5_000_000, 12_500)).toBe(5_000_000);
  });

  it("passes on the place of whoever left", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const [gone, next] = leaves(2, root) as [RateLimit, RateLimit];
    gone.take(16_384, 0);
    next.take(16_384, 0);
    gone.cancel();
    expect(next.take(16_384, 1000)).toBe(16_384);
  });

  it("is not held up by takers that never come back", () => {
    const root = new RateLimit({ bytesPerSecond: 163_840 });
    const [live, ...lost] = leaves(10, root) as [RateLimit, ...RateLimit[]];
    for (const taker of lost) taker.take(16_384, 0);
    let moved = 0;
    for (let now = 0; now < 10_000; now += 100) moved += live.take(163_840, now);
    expect(moved).toBeGreaterThan(163_840 * 8.5);
  });

  it("grants again what was given back", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const [a, b] = leaves(2, root) as [RateLimit, RateLimit];
    a.take(16_384, 0);
    expect(a.take(16_384, 1000)).toBe(16_384);
    b.take(16_384, 1000);
    a.giveBack(16_384);
    expect(b.take(16_384, 1000)).toBe(16_384);
  });
});
