import { createRng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateLimit } from "./bandwidth.ts";

/** What takers got. */
interface Log {
  /** Bytes by ms. */
  readonly byTime: Float64Array;
  readonly byTaker: Float64Array;
  /** Who got something, in order. */
  readonly turns: number[];
}

/** Lets every taker ask at each tick until it is refused, and owe the rest, as connections do. */
function run(
  takers: readonly RateLimit[],
  ms: number,
  { tick = 100, wanted = (_taker: number): number => 16_384, rng = (): number => 1 } = {},
): Log {
  const byTime = new Float64Array(ms);
  const byTaker = new Float64Array(takers.length);
  const turns: number[] = [];
  const debts = takers.map(() => 0);
  for (let now = 0; now < ms; now += tick * rng()) {
    for (const [i, taker] of takers.entries()) {
      for (let debt = 0; debt === 0; ) {
        const want = debts[i] || wanted(i);
        const got = taker.take(want, now);
        if (!(got >= 0 && got <= want)) throw new Error(`granted ${got} of ${want}`);
        if (got > 0) turns.push(i);
        byTime[Math.floor(now)] = (byTime[Math.floor(now)] ?? 0) + got;
        byTaker[i] = (byTaker[i] ?? 0) + got;
        debt = want - got;
        debts[i] = debt;
      }
    }
  }
  return { byTime, byTaker, turns };
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((all, n) => all + n, 0);
}

/** Looks at every window of two seconds but, for the lower bound, those at the start. */
function expectRate({ byTime }: Log, rate: number): void {
  let moved = sum(byTime.subarray(0, 2000));
  let most = moved;
  let least = Number.POSITIVE_INFINITY;
  for (let end = 2000; end < byTime.length; end++) {
    moved += (byTime[end] ?? 0) - (byTime[end - 2000] ?? 0);
    most = Math.max(most, moved);
    if (end > 3000) least = Math.min(least, moved);
  }
  expect(most).toBeLessThanOrEqual(2 * rate * 1.1);
  expect(least).toBeGreaterThanOrEqual(2 * rate * 0.9);
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
    expectRate(run(leaves(count, root), 20_000, { tick }), rate);
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
          expectRate(log, rate);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    [50_000, 100],
    [500_000, 50],
    [500_000, 100],
    [2_400_000, 100],
    [3_500_000, 50],
    [20_000_000, 100],
    [20_000_000, 250],
  ])("shares %i B/s evenly among 20 greedy takers that ask every %i ms", (rate, tick) => {
    const root = new RateLimit({ bytesPerSecond: rate });
    const { byTaker } = run(leaves(20, root), 60_000, { tick });
    const fair = (rate * 60) / 20;
    for (const got of byTaker) {
      expect(Math.abs(got - fair)).toBeLessThan(fair * 0.1 + 2 * 16_384);
    }
  });

  it("gives those that ask seldom as much as those that ask often", () => {
    const root = new RateLimit({ bytesPerSecond: 2_000_000 });
    const [often, seldom] = leaves(2, root) as [RateLimit, RateLimit];
    let [first, second] = [0, 0];
    for (let now = 0; now < 60_000; now += 20) {
      first += often.take(100_000, now);
      if (now % 200 === 0) second += seldom.take(1_000_000, now);
    }
    expect(second / first).toBeGreaterThan(0.8);
    expect(second / first).toBeLessThan(1.25);
  });

  it("serves whole blocks in turn, so that nobody waits for everybody's first", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const { turns, byTaker } = run(leaves(10, root), 10_500);
    expect(turns).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(byTaker.every((got) => got === 16_384)).toBe(true);
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
    const { byTaker } = run(takers, 30_000);
    const rate = (from: number, to: number): number => sum(byTaker.subarray(from, to)) / 30;
    expect(rate(0, 30)).toBeGreaterThan(85_000);
    expect(rate(0, 30)).toBeLessThan(102_000);
    expect(rate(35, 36)).toBeGreaterThan(40_000);
    expect(rate(35, 36)).toBeLessThan(52_000);
    expect(rate(0, 36)).toBeGreaterThan(950_000);
    expect(rate(0, 36)).toBeLessThan(1_010_000);
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

  it("forgets old tickets when the limit changes after much traffic", () => {
    const root = new RateLimit({ bytesPerSecond: 50_000_000 });
    const takers = leaves(3, root);
    run(takers, 10_000);
    root.limit = 100_000;
    let moved = 0;
    for (let now = 10_000; now < 20_000; now += 100) {
      for (const taker of takers) moved += taker.take(16_384, now);
    }
    expect(moved).toBeGreaterThan(900_000);
    expect(moved).toBeLessThan(1_020_000);
  });

  it("does not hoard: takers that return after a pause find no more than the usual", () => {
    const root = new RateLimit({ bytesPerSecond: 16_384 });
    const takers = leaves(10, root);
    for (const taker of takers) taker.take(16_384, 0);
    let moved = 0;
    for (let now = 600_000; now < 601_000; now += 100) {
      for (const taker of takers) moved += taker.take(16_384, now);
    }
    expect(moved).toBeLessThanOrEqual(16_384);
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
