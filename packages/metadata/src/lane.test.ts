import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Attempt } from "./attempt.ts";
import { Lane } from "./lane.ts";

describe("Lane", () => {
  it("admits by support while there is room", () => {
    const { lane, claim } = setup(2);
    const [few, many, some] = [claim(1, 1), claim(2, 9), claim(3, 4)];
    lane.schedule(0);
    expect([few, many, some].map((each) => each.isOpen)).toEqual([false, true, true]);
  });

  it("leaves a place to its holder while nobody waits", () => {
    const { lane, claim } = setup(1);
    const only = claim(1, 1);
    lane.schedule(0);
    lane.schedule(1e9);
    expect(only.isOpen).toBe(true);
  });

  it("gives places in turns that grow", () => {
    const { lane, claim } = setup(1);
    const [a, b] = [claim(1, 2), claim(2, 1)];
    const holders: number[] = [];
    for (let now = 0; now <= 260_000; now += 1000) {
      lane.schedule(now);
      expect(a.isOpen).not.toBe(b.isOpen);
      holders.push(a.isOpen ? 1 : 2);
    }
    const changes = holders.flatMap((holder, i) => (holder === holders[i - 1] ? [] : [i]));
    // 20 s each, then 40 s, then a minute and a little, which is the most for a small one.
    expect(changes).toEqual([0, 20, 40, 80, 120, 181, 242]);
  });

  it("lets those go first that have waited for long, however many support others", () => {
    const { lane, claim } = setup(1);
    claim(1, 1);
    lane.schedule(0);
    const alone = claim(2, 1, 1000);
    const [crowd] = [claim(3, 50, 15_000)];
    lane.schedule(20_000);
    expect(crowd.isOpen).toBe(true);
    lane.schedule(40_000);
    expect(alone.isOpen).toBe(true);
  });

  it("gives the place of one that nobody supports to the next at once", () => {
    const { lane, claim } = setup(1);
    const deserted = claim(1, 1);
    lane.schedule(0);
    deserted.put(0, Uint8Array.of(1), 0);
    deserted.supporters.clear();
    lane.schedule(1);
    expect(lane.find(1, undefined)).toBe(deserted);
    const next = claim(2, 1);
    lane.schedule(1);
    expect(next.isOpen).toBe(true);
    expect(lane.find(1, undefined)).toBeUndefined();
    expect(deserted.held).toBe(0);
  });

  it("finds attempts by size and by whose they are", () => {
    const lane = new Lane<number>(1);
    const [shared, own] = [new Attempt<number>(5), new Attempt<number>(5, 7)];
    lane.add(shared, 0);
    lane.add(own, 0);
    expect(lane.find(5, undefined)).toBe(shared);
    expect(lane.find(5, 7)).toBe(own);
    expect(lane.find(5, 8)).toBeUndefined();
    lane.clear();
    expect(lane.find(5, 7)).toBeUndefined();
  });

  it("holds pieces in its places only, and keeps nobody waiting for ever", () => {
    const step = fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      supporters: fc.integer({ min: 0, max: 3 }),
      wait: fc.nat(30_000),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        (steps, places) => {
          const { lane, claim } = setup(places);
          const all = new Map<number, Attempt<number>>();
          let now = 0;
          for (const { size, supporters, wait } of steps) {
            now += wait;
            const attempt = lane.find(size, undefined) ?? claim(size, 0, now);
            all.set(size, attempt);
            attempt.supporters.clear();
            for (let i = 0; i < supporters; i++) attempt.supporters.add(i);
            lane.schedule(now);
            const admitted = [...all.values()].filter((each) => each.isOpen);
            expect(admitted.length).toBeLessThanOrEqual(places);
            for (const each of all.values()) each.put(0, Uint8Array.of(1), 0);
            for (const each of all.values()) expect(each.held > 0).toBe(each.isOpen);
          }
          const waiting = new Set([...all.values()].filter((each) => each.supporters.size > 0));
          for (const end = now + 6 * 61_000; now < end; now += 1000) {
            lane.schedule(now);
            for (const each of waiting) if (each.isOpen) waiting.delete(each);
          }
          expect(waiting.size).toBe(0);
        },
      ),
    );
  });
});

function setup(places: number): {
  lane: Lane<number>;
  claim: (size: number, supporters: number, now?: number) => Attempt<number>;
} {
  const lane = new Lane<number>(places);
  const claim = (size: number, supporters: number, now = 0): Attempt<number> => {
    const attempt = new Attempt<number>(size);
    for (let i = 0; i < supporters; i++) attempt.supporters.add(i);
    lane.add(attempt, now);
    return attempt;
  };
  return { lane, claim };
}
