import type { Endpoint, SwarmFacts } from "@shoal/core";
import { describe, expect, it } from "vitest";
import type { AnnounceOptions } from "./announcer.ts";
import { createDhtSource, type DhtSource } from "./source.ts";

const HASH = new Uint8Array(20).fill(1);
const PEER: Endpoint = { address: "198.18.0.7", port: 7 };

/** A node that does nothing but write down what it is asked, and a source on it. */
function scene(listenPort = 6881) {
  const log: string[] = [];
  const announced: AnnounceOptions[] = [];
  const pings: { to: Endpoint; answer(): void; fail(): void }[] = [];
  const names = new Map([["router.example", ["198.18.0.1", "::1"]]]);
  const source: DhtSource = createDhtSource(
    {
      addresses: [{ address: "0.0.0.0", port: 4321 }],
      announce: (_infoHash, options) => {
        announced.push(options);
        log.push(`announce ${options.port}${options.seed ? " seed" : ""}`);
        return {
          refresh: (changes) => log.push(`refresh${changes?.seed ? " seed" : ""}`),
          close: () => log.push("close"),
        };
      },
      addNodes: (nodes) => log.push(...nodes.map(({ address, port }) => `${address} ${port}`)),
      ping: (to) =>
        new Promise<void>((resolve, reject) => {
          pings.push({ to, answer: resolve, fail: () => reject(new Error("silent")) });
        }),
    },
    {
      listenPort: () => listenPort,
      resolve: (host) => {
        const found = names.get(host);
        if (found === undefined) throw new Error("no such name");
        return found;
      },
    },
  );
  return { source, log, announced, pings };
}

function swarm(facts: Partial<SwarmFacts> = {}): SwarmFacts & { peers: Endpoint[] } {
  const peers: Endpoint[] = [];
  return {
    infoHash: HASH,
    peerId: HASH,
    isPrivate: false,
    trackers: [],
    transfer: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
    found: (found) => peers.push(...found),
    warn: () => {},
    peers,
    ...facts,
  };
}

/** Lets promises run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("createDhtSource", () => {
  it("announces, tells of peers, refreshes, and stops", async () => {
    const { source, log, announced } = scene();
    const facts = swarm();
    const feed = source.open(facts);
    announced[0]?.found?.([PEER]);
    expect(facts.peers).toEqual([PEER]);
    feed.refresh();
    feed.completed();
    await feed.close(AbortSignal.abort());
    expect(log).toEqual(["announce 6881", "refresh", "refresh seed", "close"]);
  });

  it("says that it is a seed, and stops with the source", async () => {
    const { source, log } = scene();
    source.open(swarm({ transfer: () => ({ uploaded: 0, downloaded: 0, left: 0 }) }));
    source.open(swarm());
    await source.close();
    expect(log).toEqual(["announce 6881 seed", "announce 6881", "close", "close"]);
  });

  it("never touches a private torrent", async () => {
    const { source, log } = scene();
    const nodes = [{ host: "198.18.0.1", port: 1 }];
    const feed = source.open(swarm({ isPrivate: true, nodes }));
    feed.refresh();
    feed.completed();
    await feed.close(AbortSignal.abort());
    expect(log).toEqual([]);
  });

  it("begins with the nodes that torrent files name, each once", async () => {
    const { source, log } = scene(0);
    const nodes = [
      { host: "router.example", port: 1 },
      { host: "gone.example", port: 2 },
      { host: "198.18.0.3", port: 3 },
      { host: "198.18.0.4", port: 0 },
      { host: "224.0.0.1", port: 4 },
    ];
    source.open(swarm({ nodes }));
    source.open(swarm({ nodes }));
    await turn();
    expect(log.sort()).toEqual([
      "198.18.0.1 1",
      "198.18.0.3 3",
      "::1 1",
      "announce 0",
      "announce 0",
    ]);
  });

  it("takes few names of a torrent, and few of all", async () => {
    const { source, log } = scene();
    for (let i = 0; i < 30; i++) {
      const nodes = Array.from({ length: 1000 }, (_, j) => ({
        host: `198.18.${i}.9`,
        port: j + 1,
      }));
      source.open(swarm({ nodes }));
    }
    await turn();
    expect(log.filter((line) => line.startsWith("198."))).toHaveLength(256);
  });

  it("forgets names that are resolved too late", async () => {
    const { source, log } = scene();
    source.open(swarm({ nodes: [{ host: "router.example", port: 1 }] }));
    await source.close();
    await turn();
    expect(log).toEqual(["announce 6881", "close"]);
  });
});

describe("DhtLink", () => {
  it("knows the node's port", () => {
    expect(scene().source.dht.port).toBe(4321);
  });

  it("asks nodes that peers tell of whether they are there, one of an address", async () => {
    const { source, pings } = scene();
    for (const port of [0, 5, 6]) source.dht.heardOf({ address: "198.18.0.1", port });
    expect(pings.map(({ to }) => to.port)).toEqual([5]);
    pings[0]?.fail();
    await turn();
    source.dht.heardOf({ address: "198.18.0.1", port: 6 });
    expect(pings.map(({ to }) => to.port)).toEqual([5, 6]);
  });

  it("asks few at a time", async () => {
    const { source, pings } = scene();
    for (let i = 1; i <= 100; i++) source.dht.heardOf({ address: `198.18.0.${i}`, port: 1 });
    expect(pings).toHaveLength(16);
    for (const ping of pings) ping.answer();
    await turn();
    source.dht.heardOf({ address: "198.18.0.101", port: 1 });
    expect(pings).toHaveLength(17);
  });
});
