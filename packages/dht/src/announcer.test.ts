import { afterEach, describe, expect, it } from "vitest";
import { addressOf, SimNetwork } from "../testing/network.ts";
import { portableCrypto } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { decodeKrpc } from "./krpc.ts";
import { memoryPeerStore } from "./peer-store.ts";

const PORT = 6881;
const MINUTE = 60_000;

const open: DhtNode[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
});

/** A node among two others that take every announce, and when it begins a search and announces. */
function scene(bootstrapped = true) {
  const net = new SimNetwork(3);
  const make = (index: number, door: number) => {
    const socket = net.socket({ address: addressOf(index), port: PORT });
    const bootstrap = bootstrapped ? [{ address: addressOf(door), port: PORT }] : [];
    const node = new DhtNode(net.host(), {
      sockets: [socket],
      bootstrap,
      peers: memoryPeerStore(net.rng, portableCrypto, { maxTorrents: 10_000 }),
      queriesPerSecond: Number.POSITIVE_INFINITY,
    });
    open.push(node);
    return node;
  };
  const node = make(0, 1);
  const others = [make(1, 2), make(2, 1)];
  /** Times of the first query of each search, by info-hash. */
  const searches = new Map<string, number[]>();
  net.filter = (bytes, from) => {
    const message = decodeKrpc(bytes);
    if (from.address !== addressOf(0) || message?.kind !== "query") return true;
    const infoHash = message.args.bytes("info_hash");
    if (message.method !== "get_peers" || infoHash === undefined) return true;
    const key = Buffer.from(infoHash).toString("hex");
    const times = searches.get(key) ?? [];
    searches.set(key, times);
    // The queries of one search lie within seconds.
    if (net.clock.now() - (times.at(-1) ?? -MINUTE) > 10_000) times.push(net.clock.now());
    return true;
  };
  return { net, node, others, searches };
}

function hashOf(index: number): Uint8Array {
  const hash = new Uint8Array(20);
  new DataView(hash.buffer).setUint32(0, Math.imul(index, 2_654_435_761));
  new DataView(hash.buffer).setUint32(4, index);
  return hash;
}

describe("Announcer", () => {
  it("announces 5,000 torrents without bursts, each in its turn", async () => {
    const { net, node, searches } = scene();
    await net.advance(10_000);
    const begun = net.clock.now();
    for (let i = 0; i < 5000; i++) node.announce(hashOf(i), { port: PORT, seed: true });
    await net.advance(35 * MINUTE);
    expect(searches.size).toBe(5000);
    const times = [...searches.values()].flat().sort((a, b) => a - b);
    for (const [i, at] of times.entries()) {
      const fifth = times[i + 5];
      if (fifth !== undefined) expect(fifth - at).toBeGreaterThan(990);
    }
    const firsts = [...searches.values()].map(([first]) => (first ?? 0) - begun);
    expect(Math.max(...firsts)).toBeLessThan(17 * MINUTE);
    for (const [first, second] of searches.values()) {
      const pause = (second ?? Number.POSITIVE_INFINITY) - (first ?? 0);
      expect(pause).toBeGreaterThan(13 * MINUTE);
      expect(pause).toBeLessThan(20 * MINUTE);
    }
  });

  it("lets a torrent that asks all the time wait like the others", async () => {
    const { net, node, searches } = scene();
    await net.advance(10_000);
    const greedy = node.announce(hashOf(0), { port: PORT, seed: true });
    for (let i = 1; i < 50; i++) node.announce(hashOf(i), { port: PORT, seed: true });
    for (let second = 0; second < 5 * 60; second++) {
      greedy.refresh();
      await net.advance(1000);
    }
    expect(searches.size).toBe(50);
    expect(searches.get(Buffer.from(hashOf(0)).toString("hex"))).toHaveLength(5);
  });

  it("tries again soon while no node takes it", async () => {
    const { net, node, others } = scene(false);
    const stored: number[] = [];
    node.announce(hashOf(1), { port: PORT, announced: (count) => stored.push(count) });
    await net.advance(10_000);
    expect(stored.length).toBeGreaterThanOrEqual(3);
    expect(stored.every((count) => count === 0)).toBe(true);
    node.addNodes(others.flatMap(({ addresses }) => addresses));
    await net.advance(10_000);
    expect(stored.at(-1)).toBeGreaterThan(0);
  });

  it("looks again within seconds when a download found nobody, then more and more rarely", async () => {
    const { net, node, others } = scene();
    await net.advance(10_000);
    const found: number[] = [];
    const [other] = others;
    node.announce(hashOf(1), {
      port: 1,
      found: (peers) => found.push(...peers.map((p) => p.port)),
    });
    await net.advance(1000);
    other?.announce(hashOf(1), { port: 2 });
    expect(found).toEqual([]);
    await net.advance(5000);
    expect(found).toContain(2);
    let lookups = 0;
    node.on("lookup", () => lookups++);
    node.announce(hashOf(2), { port: 1 });
    await net.advance(30 * MINUTE);
    expect(lookups).toBeGreaterThanOrEqual(8);
    expect(lookups).toBeLessThanOrEqual(40);
  });

  it("only looks for peers when nobody can connect to it", async () => {
    const { net, node, others } = scene();
    await net.advance(10_000);
    others[0]?.announce(hashOf(1), { port: 2 });
    await net.advance(5000);
    const found: number[] = [];
    const stored: number[] = [];
    node.announce(hashOf(1), {
      port: 0,
      found: (peers) => found.push(...peers.map((peer) => peer.port)),
      announced: (count) => stored.push(count),
    });
    await net.advance(5000);
    expect({ found, stored }).toEqual({ found: [2], stored: [0] });
    expect(others.map((other) => other.stats().peers)).toEqual([0, 1]);
  });
});
