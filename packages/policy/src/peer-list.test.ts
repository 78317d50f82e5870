import { createRng, type Endpoint, endpoint, formatEndpoint, peerPriority } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KnownPeer, PeerOrigin } from "./known-peer.ts";
import { PeerList } from "./peer-list.ts";

const LEECHING = { finished: false };
const SEEDING = { finished: true };
const FAILED = { failed: true };
const ENDED = { failed: false };

/** A list of peers; public test addresses 51.x.y.z. */
function makeList(init: { limit?: number; ownEndpoint?: Endpoint } = {}): PeerList {
  return new PeerList({ rng: createRng(7), ...init });
}

function at(n: number, port = 6881): Endpoint {
  return endpoint(`51.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, port);
}

function add(list: PeerList, where: Endpoint, origin: PeerOrigin = "tracker"): KnownPeer {
  const peer = list.add(where, origin);
  if (peer === undefined) throw new Error(`${formatEndpoint(where)} was refused`);
  return peer;
}

/** Dials and fails. */
function fail(list: PeerList, now: number): KnownPeer | undefined {
  const peer = list.next(now, LEECHING);
  if (peer !== undefined) list.disconnected(peer, now, FAILED);
  return peer;
}

describe("PeerList", () => {
  it("knows each endpoint once, with all its origins", () => {
    const list = makeList();
    const peer = add(list, at(1), "dht");
    expect(list.add(at(1), "pex")).toBe(peer);
    expect([...peer.origins]).toEqual(["dht", "pex"]);
    expect(list.size).toBe(1);
    expect(list.get(at(1))).toBe(peer);
    expect(list.bySlot(peer.slot)).toBe(peer);
    expect([...list]).toEqual([peer]);
  });

  it.each([
    "0.0.0.0:6881",
    "51.0.0.1:0",
    "51.0.0.1:1",
    "224.0.0.1:6881",
    "255.255.255.255:6881",
    "[::]:6881",
    "[fe80::1]:6881",
    "[ff02::1]:6881",
    "51.9.9.9:6881",
  ])("refuses %s", (text) => {
    const list = makeList({ ownEndpoint: endpoint("51.9.9.9", 6881) });
    const [, address = "", port = ""] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? [];
    expect(list.add({ address, port: Number(port) }, "tracker")).toBeUndefined();
    expect(list.size).toBe(0);
  });

  it("hands each peer out once", () => {
    const list = makeList();
    const peer = add(list, at(1));
    expect(list.next(0, LEECHING)).toBe(peer);
    expect(peer.dialing).toBe(true);
    expect(peer.lastTried).toBe(0);
    expect(list.next(1e9, LEECHING)).toBeUndefined();
    list.connected(peer, 10);
    expect(peer.connected).toBe(true);
    expect(list.next(1e9, LEECHING)).toBeUndefined();
    list.disconnected(peer, 100_000, ENDED);
    expect(list.next(104_000, LEECHING)).toBeUndefined();
    expect(list.next(105_000, LEECHING)).toBe(peer);
  });

  it("retries soon at first, then backs off, then gives up until a tracker insists", () => {
    const list = makeList();
    const peer = add(list, at(1));
    expect(fail(list, 0)).toBe(peer);
    expect(fail(list, 4999)).toBeUndefined();
    expect(fail(list, 5000)).toBe(peer);
    expect(peer.failures).toBe(2);
    expect(fail(list, 184_999)).toBeUndefined();
    expect(list.candidates(LEECHING)).toBe(1);
    expect(fail(list, 185_000)).toBe(peer);
    expect(list.candidates(LEECHING)).toBe(0);
    expect(fail(list, 1e9)).toBeUndefined();
    list.add(at(1), "dht");
    expect(fail(list, 1e9)).toBeUndefined();
    list.add(at(1), "tracker");
    expect(peer.failures).toBe(2);
    expect(fail(list, 1e9)).toBe(peer);
  });

  it("dials at once whoever we left ourselves or is named by hand", () => {
    const list = makeList();
    const peer = add(list, at(1));
    expect(list.next(0, LEECHING)).toBe(peer);
    list.released(peer);
    expect(list.next(0, LEECHING)).toBe(peer);
    list.connected(peer, 0);
    list.released(peer);
    expect(peer.failures).toBe(0);
    for (const now of [0, 5000, 185_000]) expect(fail(list, now)).toBe(peer);
    expect(list.next(1e9, LEECHING)).toBeUndefined();
    list.add(at(1), "manual");
    expect(list.next(185_000, LEECHING)).toBe(peer);
  });

  it("says when to look again", () => {
    const list = makeList();
    expect(list.next(0, LEECHING)).toBeUndefined();
    expect(list.nextDial(0, LEECHING)).toBe(30_000);
    add(list, at(1));
    expect(list.nextDial(0, LEECHING)).toBe(0);
    fail(list, 0);
    expect(list.next(1, LEECHING)).toBeUndefined();
    expect(list.nextDial(1, LEECHING)).toBe(5000);
    expect(list.nextDial(6000, LEECHING)).toBe(6000);
  });

  it("does not dial in a circle a peer that hangs up at once", () => {
    const list = makeList();
    add(list, at(1));
    let dials = 0;
    for (let now = 0; now < 600_000; now += 1000) {
      const peer = list.next(now, LEECHING);
      if (peer === undefined) continue;
      dials++;
      list.connected(peer, now);
      list.disconnected(peer, now + 10, ENDED);
    }
    expect(dials).toBeLessThanOrEqual(11);
  });

  it("prefers few failures, the own network, the longest wait and good origins, in that order", () => {
    const list = makeList();
    const failed = add(list, endpoint("10.0.0.9", 6881));
    fail(list, 0);
    const order = [
      add(list, endpoint("192.168.1.7", 6881), "pex"),
      add(list, at(1), "tracker"),
      add(list, at(2), "dht"),
      add(list, at(3), "pex"),
      add(list, at(4), "resume"),
    ];
    const found = Array.from({ length: 6 }, () => list.next(60_000, LEECHING));
    expect(found).toEqual([...order, failed]);
  });

  it("follows BEP 40 among equals, also after our address changed", () => {
    const list = makeList();
    const peers = Array.from({ length: 30 }, (_, i) => add(list, at(i * 5000)));
    const own = endpoint("80.1.2.3", 6881);
    list.addOwn(endpoint("80.77.2.3", 6881));
    list.next(0, LEECHING);
    list.addOwn(own);
    const rest = peers.filter(({ dialing }) => !dialing);
    rest.sort((a, b) => peerPriority(own, b.endpoint) - peerPriority(own, a.endpoint));
    expect(rest.map(() => list.next(0, LEECHING))).toEqual(rest);
  });

  it("does not dial known seeds once finished, but still when there is more to get", () => {
    const list = makeList();
    const seed = add(list, at(1));
    seed.isSeed = true;
    expect(list.candidates(SEEDING)).toBe(0);
    expect(list.next(0, SEEDING)).toBeUndefined();
    expect(list.next(0, LEECHING)).toBe(seed);
  });

  it("drops an endpoint that turns out to be ourselves", () => {
    const list = makeList();
    const self = add(list, at(1));
    expect(list.next(0, LEECHING)).toBe(self);
    list.addOwn(self.endpoint);
    list.disconnected(self, 0, FAILED);
    expect(list.next(1e6, LEECHING)).toBeUndefined();
    expect(list.add(at(1), "tracker")).toBeUndefined();
  });

  it("bans an address: its entries, later ones and connections from it", () => {
    const list = makeList();
    const liar = add(list, at(1));
    const sibling = add(list, at(1, 7000));
    const other = add(list, at(2));
    expect(list.ban(liar)).toEqual([liar, sibling]);
    expect([...list.bannedAddresses]).toEqual(["51.0.0.1"]);
    expect(list.add(at(1, 8000), "tracker")).toBeUndefined();
    expect(list.add(at(1), "tracker")).toBeUndefined();
    expect(list.incoming(at(1, 50_000), 0)).toBeUndefined();
    expect(list.next(0, LEECHING)).toBe(other);
    expect(list.next(0, LEECHING)).toBeUndefined();
  });

  it("bans only the endpoint on loopback, which all local processes share", () => {
    const list = makeList();
    const liar = add(list, endpoint("127.0.0.1", 7001));
    const honest = add(list, endpoint("127.0.0.1", 7002));
    expect(list.ban(liar)).toEqual([liar]);
    expect(list.next(0, LEECHING)).toBe(honest);
  });

  it("bounds the bans", () => {
    const list = makeList({ limit: 10 });
    for (let i = 0; i < 50; i++) list.ban(add(list, at(i)));
    expect([...list.bannedAddresses]).toHaveLength(10);
    expect(list.isBanned(at(49))).toBe(true);
    expect(list.isBanned(at(0))).toBe(false);
  });

  it("never dials the remote end of an accepted connection", () => {
    const list = makeList();
    const peer = list.incoming(at(1, 50_000), 0) as KnownPeer;
    expect(peer.connected).toBe(true);
    expect(list.incoming(at(1, 50_000), 0)).toBeUndefined();
    list.disconnected(peer, 1, ENDED);
    expect(list.candidates(LEECHING)).toBe(0);
    expect(list.next(1e6, LEECHING)).toBeUndefined();
  });

  it("dials an accepted peer later where it said that it listens", () => {
    const list = makeList();
    const peer = list.incoming(at(1, 50_000), 0) as KnownPeer;
    expect(list.setListenPort(peer, 0)).toBeUndefined();
    expect(peer.connectable).toBe(false);
    expect(list.setListenPort(peer, 6881)).toBeUndefined();
    expect(peer.key).toBe("51.0.0.1:6881");
    expect(list.get(at(1))).toBe(peer);
    expect(list.get(at(1, 50_000))).toBeUndefined();
    list.disconnected(peer, 1, ENDED);
    expect(list.next(5001, LEECHING)).toBe(peer);
  });

  it("merges an accepted peer with what was known of it, unless that is live", () => {
    const list = makeList();
    add(list, at(1), "tracker");
    const incoming = list.incoming(at(1, 50_000), 0) as KnownPeer;
    expect(list.setListenPort(incoming, 6881)).toBeUndefined();
    expect(list.size).toBe(1);
    expect([...incoming.origins].sort()).toEqual(["incoming", "tracker"]);
    expect(list.next(0, LEECHING)).toBeUndefined();

    const known = add(list, at(2));
    expect(list.next(0, LEECHING)).toBe(known);
    const twin = list.incoming(at(2, 50_000), 0) as KnownPeer;
    expect(list.setListenPort(twin, 6881)).toBe(known);
    expect(list.size).toBe(3);
  });

  it("keeps trust and parole", () => {
    const list = makeList();
    const peer = add(list, at(1));
    for (let i = 0; i < 20; i++) list.credit(peer);
    expect(peer.trust).toBe(8);
    expect(list.discredit(peer)).toBe(false);
    expect(peer).toMatchObject({ trust: 6, onParole: true });
    list.credit(peer);
    expect(peer.onParole).toBe(false);
    const verdicts = Array.from({ length: 7 }, () => list.discredit(peer));
    expect(verdicts).toEqual([false, false, false, false, false, false, true]);
    expect(peer.trust).toBe(-7);
  });

  it("is not displaced by a flood from one origin", () => {
    const list = makeList({ limit: 500 });
    const good: KnownPeer[] = [];
    for (let i = 0; i < 50; i++) good.push(add(list, at(i), "tracker"));
    for (let i = 0; i < 20; i++) {
      const served = add(list, at(1000 + i), "pex");
      good.push(served);
      list.connected(served, 0);
      list.disconnected(served, 1, ENDED);
    }
    for (const origin of ["pex", "dht", "pex"] as const) {
      for (let i = 0; i < 20_000; i++) list.add(at(0x10000 + i * 3), origin);
    }
    expect(list.size).toBeLessThanOrEqual(500);
    for (const peer of good) expect(list.bySlot(peer.slot)).toBe(peer);
    const late = list.add(at(0x90000), "tracker");
    expect(late).toBeDefined();
  });

  it("gives failures up for newcomers", () => {
    const list = makeList({ limit: 100 });
    for (let i = 0; i < 100; i++) add(list, at(i), "tracker");
    expect(list.add(at(500), "tracker")).toBeUndefined();
    for (let i = 0; i < 50; i++) fail(list, 0);
    for (let i = 0; i < 50; i++) add(list, at(1000 + i), "pex");
    expect(list.size).toBe(100);
    expect([...list].some(({ failures }) => failures > 0)).toBe(false);
  });

  it("keeps what a user added by hand", () => {
    const list = makeList({ limit: 50 });
    const own = add(list, at(1), "manual");
    for (let now = 0; now < 4e6; now += 1000) fail(list, now);
    expect(own.failures).toBe(3);
    for (let i = 0; i < 500; i++) list.add(at(100 + i), "tracker");
    expect(list.bySlot(own.slot)).toBe(own);
  });

  it("holds few entries of one public address, many of the own network", () => {
    const list = makeList();
    for (let port = 2000; port < 3000; port++) list.add(at(1, port), "pex");
    expect(list.size).toBe(8);
    for (let port = 2000; port < 2050; port++) add(list, endpoint("127.0.0.1", port));
    expect(list.size).toBe(58);
    const elsewhere = makeList();
    const sockets = Array.from({ length: 20 }, (_, i) => elsewhere.incoming(at(2, 40_000 + i), 0));
    expect(sockets.filter(Boolean)).toHaveLength(8);
    elsewhere.disconnected(sockets[3] as KnownPeer, 1, ENDED);
    expect(elsewhere.incoming(at(2, 50_000), 2)).toBeDefined();
    expect(elsewhere.bySlot((sockets[3] as KnownPeer).slot)).toBeUndefined();
  });

  it("never gives up a connected peer", () => {
    const list = makeList({ limit: 5 });
    const peers = Array.from({ length: 5 }, (_, i) => list.incoming(at(i, 50_000), 0) as KnownPeer);
    expect(list.incoming(at(9, 50_000), 0)).toBeUndefined();
    expect(list.add(at(9), "manual")).toBeUndefined();
    list.disconnected(peers[2] as KnownPeer, 0, ENDED);
    expect(list.incoming(at(9, 50_000), 0)).toBeDefined();
  });

  it("dials nobody of whom only others told than those that it is restricted to", () => {
    const list = makeList();
    add(list, at(1), "dht");
    const both = add(list, at(2), "pex");
    add(list, at(2), "tracker");
    const busy = list.incoming(at(3, 50_000), 0) as KnownPeer;
    list.restrictTo(["tracker", "manual"]);
    expect([...list]).toEqual(expect.arrayContaining([both, busy]));
    expect(list.size).toBe(2);
    expect(list.add(at(4), "dht")).toBeUndefined();
    // Who connects to us and tells its port is not dialled later, unless a tracker names it too.
    list.setListenPort(busy, 6881);
    list.disconnected(busy, 0, ENDED);
    expect(list.candidates(LEECHING)).toBe(1);
    expect(list.next(100_000, LEECHING)).toBe(both);
    expect(list.next(100_000, LEECHING)).toBeUndefined();
    add(list, at(3), "tracker");
    expect(list.next(100_000, LEECHING)).toBe(busy);
  });

  it("forgets everything on request, but uses no slot twice", () => {
    const list = makeList();
    const old = add(list, at(1));
    list.ban(old);
    list.clear();
    expect(list.size).toBe(0);
    expect(add(list, at(1)).slot).not.toBe(old.slot);
    list.disconnected(old, 0, FAILED);
    list.credit(old);
  });

  it("stays bounded and free of doubles, whatever happens", () => {
    const origins: PeerOrigin[] = ["tracker", "lsd", "dht", "pex", "manual", "resume"];
    const step = fc.record({
      what: fc.constantFrom("add", "dial", "connect", "end", "accept", "port", "ban", "own"),
      who: fc.nat(40),
      origin: fc.constantFrom(...origins),
      failed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const list = makeList({ limit: 12 });
        const live = new Set<KnownPeer>();
        for (const [i, { what, who, origin, failed }] of steps.entries()) {
          const now = i * 3000;
          const [first] = [...live].slice(who % Math.max(1, live.size));
          if (what === "add") list.add(at(who), origin);
          else if (what === "dial") {
            const peer = list.next(now, { finished: failed });
            if (peer !== undefined) {
              expect(live.has(peer)).toBe(false);
              expect(peer.banned).toBe(false);
              live.add(peer);
            }
          } else if (what === "accept") {
            const peer = list.incoming(at(who, 40_000 + who), now);
            if (peer !== undefined) live.add(peer);
          } else if (what === "own") list.addOwn(at(who));
          else if (first !== undefined) {
            if (what === "connect") list.connected(first, now);
            else if (what === "port") list.setListenPort(first, 6881);
            else if (what === "ban") list.ban(first);
            else {
              list.disconnected(first, now, { failed });
              live.delete(first);
            }
          }
          expect(list.size).toBeLessThanOrEqual(12);
          const keys = [...list].map(({ key }) => key);
          expect(new Set(keys).size).toBe(keys.length);
          for (const peer of list) {
            expect(list.get(peer.endpoint)).toBe(peer);
            expect(list.bySlot(peer.slot)).toBe(peer);
            expect(peer.key).toBe(formatEndpoint(peer.endpoint));
          }
          for (const peer of live) expect(list.bySlot(peer.slot)).toBe(peer);
        }
      }),
      { numRuns: 150 },
    );
  });
});
