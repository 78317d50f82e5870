import { createRng, type Rng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { portableCrypto } from "./crypto.ts";
import { memoryPeerStore, type PeerStore, type PeerStoreLimits } from "./peer-store.ts";

const HASH = new Uint8Array(20).fill(1);
const LIFETIME_MS = 45 * 60_000;

function store(limits: PeerStoreLimits = {}, rng: Rng = createRng(1)): PeerStore {
  return memoryPeerStore(rng, portableCrypto, limits);
}

/** 10.x.y.z of the index, with a port. */
function peer(index: number, port = 1): Uint8Array {
  return Uint8Array.of(10, index >> 16, index >> 8, index, port >> 8, port);
}

const all = { family: 4, count: 10_000, noSeeds: false } as const;
const texts = (peers: readonly Uint8Array[]): string[] => peers.map(String).sort();

describe("memoryPeerStore", () => {
  it("keeps what a simple list would keep", () => {
    const step = fc.record({
      index: fc.nat(3),
      port: fc.nat(40),
      isSeed: fc.boolean(),
      passes: fc.nat(4 * 60_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const peers = store({ maxPeersPerTorrent: 20 });
        let model: { compact: Uint8Array; isSeed: boolean; expiresAt: number }[] = [];
        let now = 0;
        for (const { index, port, isSeed, passes } of steps) {
          now += 1000 * Math.floor(passes / 1000);
          const compact = peer(index, port);
          peers.add(HASH, { compact, isSeed }, now);
          model = model.filter((other) => String(other.compact) !== String(compact));
          const addressOf = (bytes: Uint8Array): string => String(bytes.subarray(0, 4));
          const same = model.filter((one) => addressOf(one.compact) === addressOf(compact));
          if (same.length === 8) model = model.filter((one) => one !== same[0]);
          model.push({ compact, isSeed, expiresAt: now + LIFETIME_MS });
          model = model.filter(({ expiresAt }) => expiresAt > now).slice(-20);
          expect(peers.peers).toBe(model.length);
          expect(texts(peers.draw(HASH, all, now))).toEqual(texts(model.map((one) => one.compact)));
          const leechers = model.filter((one) => !one.isSeed).map((one) => one.compact);
          const drawn = peers.draw(HASH, { ...all, noSeeds: true }, now);
          expect(texts(drawn)).toEqual(texts(leechers));
        }
        peers.expire(now + LIFETIME_MS);
        expect([peers.torrents, peers.peers]).toEqual([0, 0]);
      }),
    );
  });

  it("draws each peer as often as any other, and none twice", () => {
    const peers = store();
    for (let i = 0; i < 20; i++) peers.add(HASH, { compact: peer(i), isSeed: false }, 0);
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const drawn = texts(peers.draw(HASH, { ...all, count: 5 }, 0));
      expect(new Set(drawn).size).toBe(5);
      for (const text of drawn) counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it("keeps the families apart", () => {
    const peers = store();
    peers.add(HASH, { compact: peer(1), isSeed: true }, 0);
    peers.add(HASH, { compact: new Uint8Array(18).fill(9), isSeed: false }, 0);
    expect(peers.draw(HASH, all, 0)).toEqual([peer(1)]);
    expect(peers.draw(HASH, { ...all, family: 6 }, 0)).toHaveLength(1);
    expect([peers.torrents, peers.peers]).toEqual([1, 2]);
  });

  it("takes a hundred thousand peers, and no torrents beyond", () => {
    const rng = createRng(2);
    const peers = store();
    const hashes = Array.from({ length: 2100 }, (_, i) =>
      Uint8Array.from({ length: 20 }, (_, at) => (at < 2 ? i >> (8 * at) : 0)),
    );
    for (let i = 0; i < 150_000; i++) {
      const infoHash = hashes[randomInt(rng, hashes.length)] as Uint8Array;
      if (peers.accepts(infoHash)) peers.add(infoHash, { compact: peer(i), isSeed: false }, 0);
    }
    expect(peers.torrents).toBe(2000);
    expect(peers.peers).toBeGreaterThan(100_000);
    expect(peers.accepts(new Uint8Array(20).fill(7))).toBe(false);
  });
});
