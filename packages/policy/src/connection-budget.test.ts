import { describe, expect, it } from "vitest";
import { ConnectionBudget, DialRotation } from "./connection-budget.ts";

describe("ConnectionBudget", () => {
  it("spreads dials over time", () => {
    const budget = new ConnectionBudget({ dialsPerSecond: 10, maxHalfOpen: 1000 });
    const dial = (now: number): boolean => budget.tryDial(0, now);
    expect(Array.from({ length: 11 }, () => dial(0)).filter(Boolean)).toHaveLength(10);
    expect(budget.nextDial(0)).toBe(100);
    expect(dial(99)).toBe(false);
    expect(dial(100)).toBe(true);
    expect(budget.nextDial(60_000)).toBe(60_000);
    let dials = 0;
    for (let now = 60_000; now <= 70_000; now += 7) if (dial(now)) dials++;
    expect(dials).toBeGreaterThan(105);
    expect(dials).toBeLessThanOrEqual(110);
  });

  it("bounds dials under way, connections in all and in one torrent", () => {
    const budget = new ConnectionBudget({ maxConnections: 5, maxHalfOpen: 2, perTorrent: 3 });
    expect(budget.tryDial(3, 0)).toBe(false);
    expect(budget.tryDial(2, 0)).toBe(true);
    expect(budget.tryDial(0, 0)).toBe(true);
    expect(budget.tryDial(0, 0)).toBe(false);
    budget.dialEnded(true);
    budget.dialEnded(false);
    expect(budget).toMatchObject({ connections: 1, halfOpen: 0 });
    for (let i = 0; i < 4; i++) {
      expect(budget.tryDial(0, 0)).toBe(true);
      budget.dialEnded(true);
    }
    expect(budget.tryDial(0, 0)).toBe(false);
    budget.closed();
    expect(budget.canDial(0)).toBe(true);
  });

  it("leaves the door open a little longer to those who dial us", () => {
    const budget = new ConnectionBudget({ maxConnections: 5, perTorrent: 100 });
    const accepted = Array.from({ length: 50 }, () => budget.tryAccept(0)).filter(Boolean);
    expect(accepted).toHaveLength(15);
    expect(budget.tryAccept(0)).toBe(false);
    budget.closed();
    expect(budget.tryAccept(110)).toBe(false);
    expect(budget.tryAccept(109)).toBe(true);
    expect(budget.canDial(0)).toBe(false);
  });
});

describe("DialRotation", () => {
  it("serves torrents in turn, going on where it stopped", () => {
    const budget = new ConnectionBudget({ dialsPerSecond: 4 });
    const rotation = new DialRotation<string>();
    const candidates = new Map([
      ["a", 1000],
      ["b", 1000],
      ["c", 1],
    ]);
    const served: string[] = [];
    const deal = (now: number): void =>
      rotation.deal(["a", "b", "c"], budget, now, (torrent) => {
        const left = candidates.get(torrent) ?? 0;
        if (left === 0 || !budget.tryDial(0, now)) return false;
        candidates.set(torrent, left - 1);
        served.push(torrent);
        return true;
      });
    deal(0);
    deal(1000);
    expect(served.join("")).toBe("abcababa");
    deal(1000);
    expect(served).toHaveLength(8);
  });

  it("ends when nobody has anybody to dial, and survives a torrent's removal", () => {
    const budget = new ConnectionBudget();
    const rotation = new DialRotation<string>();
    let asked = 0;
    rotation.deal(["a", "b"], budget, 0, () => ++asked > 5);
    expect(asked).toBe(2);
    rotation.deal(["a"], budget, 0, () => budget.tryDial(0, 0) && budget.halfOpen < 2);
    rotation.deal(["b"], budget, 0, () => false);
    rotation.deal([], budget, 0, () => true);
    expect(budget.halfOpen).toBe(2);
  });
});
