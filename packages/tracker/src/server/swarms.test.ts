// The tracker's memory: counts, expiry, and bounds that hold.
import { createRng, type Endpoint } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SwarmAnnounce, type SwarmLimits, Swarms } from "./swarms.ts";

const LIMITS: SwarmLimits = {
  maxSwarms: 3,
  maxPeersPerSwarm: 4,
  maxPeers: 10,
  peerLifetimeMs: 100,
};

const peer = (port: number, address = "192.0.2.1"): Endpoint => ({ address, port });

function announce(port: number, changes: Partial<SwarmAnnounce> = {}): SwarmAnnounce {
  return { infoHash: "aa", peer: peer(port), complete: false, event: undefined, ...changes };
}

const swarmsOf = (limits: Partial<SwarmLimits> = {}): Swarms =>
  new Swarms({ ...LIMITS, ...limits }, createRng(1));

describe("Swarms", () => {
  it("counts who comes, completes and goes", () => {
    const swarms = swarmsOf();
    swarms.announce(announce(1, { event: "started" }), 0);
    swarms.announce(announce(2, { event: "started", complete: true }), 0);
    expect(swarms.counts("aa", 0)).toEqual({ seeders: 1, leechers: 1, completed: 0, stopped: 0 });
    swarms.announce(announce(1, { event: "completed", complete: true }), 0);
    swarms.announce(announce(1, { event: "completed", complete: true }), 0);
    expect(swarms.counts("aa", 0)).toEqual({ seeders: 2, leechers: 0, completed: 1, stopped: 0 });
    swarms.announce(announce(1, { event: "stopped", complete: true }), 0);
    swarms.announce(announce(1, { event: "stopped", complete: true }), 0);
    swarms.announce(announce(9, { event: "stopped" }), 0);
    expect(swarms.counts("aa", 0)).toEqual({ seeders: 1, leechers: 0, completed: 1, stopped: 1 });
    expect(swarms.members("aa", 0)).toEqual([peer(2)]);
    expect(swarms.counts("bb", 0)).toBeUndefined();
  });

  it("gives others than oneself, of one family, and no seeds to seeds", () => {
    const swarms = swarmsOf();
    swarms.announce(announce(1), 0);
    swarms.announce(announce(2, { complete: true }), 0);
    swarms.announce(announce(3, { peer: peer(3, "2001:db8::1") }), 0);
    const ports = (from: SwarmAnnounce, family: 4 | 6): number[] =>
      swarms
        .pick(from, 50, family)
        .map(({ port }) => port)
        .toSorted((a, b) => a - b);
    expect(ports(announce(1), 4)).toEqual([2]);
    expect(ports(announce(1), 6)).toEqual([3]);
    expect(ports(announce(2, { complete: true }), 4)).toEqual([1]);
    expect(ports(announce(7), 4)).toEqual([1, 2]);
    expect(ports(announce(7, { complete: true }), 4)).toEqual([1]);
    expect(ports(announce(1, { event: "stopped" }), 4)).toEqual([]);
    expect(ports(announce(1, { infoHash: "bb" }), 4)).toEqual([]);
  });

  it("gives a random choice of as many as are wanted", () => {
    const swarms = swarmsOf({ maxPeersPerSwarm: 100, maxPeers: 100 });
    for (let port = 1; port <= 50; port++) swarms.announce(announce(port), 0);
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const picked = swarms.pick(announce(99), 5, 4).map(({ port }) => port);
      expect(new Set(picked).size).toBe(5);
      for (const port of picked) seen.add(port);
    }
    expect(seen.size).toBe(50);
    expect(swarms.pick(announce(99), 0, 4)).toEqual([]);
    expect(swarms.pick(announce(99), -1, 4)).toEqual([]);
    expect(swarms.pick(announce(99), 1e9, 4)).toHaveLength(50);
  });

  it("forgets peers and swarms that are silent", () => {
    const swarms = swarmsOf();
    swarms.announce(announce(1), 0);
    swarms.announce(announce(2), 60);
    swarms.announce(announce(1, { infoHash: "bb" }), 60);
    expect(swarms.members("aa", 99)).toEqual([peer(1), peer(2)]);
    expect(swarms.members("aa", 100)).toEqual([peer(2)]);
    expect(swarms.counts("aa", 160)).toBeUndefined();
    expect([swarms.size, swarms.peers]).toEqual([0, 0]);
  });

  it("remembers nothing of good-byes to unknown swarms", () => {
    const swarms = swarmsOf();
    swarms.announce(announce(1, { event: "stopped" }), 0);
    expect(swarms.size).toBe(0);
  });

  it("makes room by forgetting the oldest", () => {
    const swarms = swarmsOf();
    for (let port = 1; port <= 6; port++) swarms.announce(announce(port), port);
    swarms.announce(announce(4), 7);
    expect(swarms.members("aa", 7).map(({ port }) => port)).toEqual([3, 5, 6, 4]);
    for (const infoHash of ["bb", "cc", "aa", "dd"]) swarms.announce(announce(1, { infoHash }), 8);
    expect(["aa", "bb", "cc", "dd"].map((name) => swarms.counts(name, 8) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it("keeps its bounds and its books, whatever is announced", () => {
    const step = fc.record({
      infoHash: fc.constantFrom("a", "b", "c", "d", "e"),
      port: fc.integer({ min: 1, max: 8 }),
      complete: fc.boolean(),
      event: fc.constantFrom(undefined, "started", "completed", "stopped"),
      pause: fc.nat(40),
    } as const);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const swarms = swarmsOf();
        let now = 0;
        for (const { port, pause, ...rest } of steps) {
          now += pause;
          swarms.announce({ ...rest, peer: peer(port) }, now);
          expect(swarms.size).toBeLessThanOrEqual(LIMITS.maxSwarms);
          expect(swarms.peers).toBeLessThanOrEqual(LIMITS.maxPeers);
        }
        let sum = 0;
        for (const name of ["a", "b", "c", "d", "e"]) {
          const counts = swarms.counts(name, now);
          const members = swarms.members(name, now).length;
          expect((counts?.seeders ?? 0) + (counts?.leechers ?? 0)).toBe(members);
          expect(counts?.seeders ?? 0).toBeGreaterThanOrEqual(0);
          expect(members).toBeLessThanOrEqual(LIMITS.maxPeersPerSwarm);
          sum += members;
        }
        expect(swarms.peers).toBe(sum);
        swarms.expire(now + LIMITS.peerLifetimeMs);
        expect([swarms.size, swarms.peers]).toEqual([0, 0]);
      }),
    );
  });
});
