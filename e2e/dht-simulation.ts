// A DHT of thousands of nodes with dead, churning and hostile ones: do lookups find their peers?

import { type Clock, type Rng, randomInt, toHex } from "@shoal/core";
import { DhtNode, ID_LENGTH, type Walked } from "@shoal/dht";
import { addressOf, SimNetwork } from "../packages/dht/testing/network.ts";
import { Attackers } from "./dht-attackers.ts";

/** What to simulate. */
export interface SimulationOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Share of nodes that fall silent after joining. */
  readonly dead: number;
  /** Share that leaves, and is replaced by a newcomer, in an hour. */
  readonly churnPerHour: number;
  /** Share that attacks. */
  readonly hostile: number;
  readonly lookups: number;
}

/** Median and 99 of 100. */
export type Spread = readonly [median: number, p99: number];

/** How it went. */
export interface SimulationReport {
  /** Honest nodes at the end. */
  readonly nodes: number;
  readonly lookups: number;
  /** Lookups that found a peer that was announced. */
  readonly found: number;
  /** Nodes in a table: the median. */
  readonly tableSize: number;
  /** Of a lookup: queries, replies between our table and the closest node, virtual ms. */
  readonly queries: Spread;
  readonly hops: Spread;
  readonly lookupMs: Spread;
  readonly firstPeerMs: Spread;
  /** Announces with replayed tokens: how many were tried, and taken. */
  readonly replays: readonly [tried: number, taken: number];
  /** Targets that a crawl found (BEP 51), of {@link SimulationReport.targets}. */
  readonly crawled: number;
  readonly targets: number;
  /** Everything sent, and how long it all took in virtual time. */
  readonly datagrams: number;
  readonly virtualSeconds: number;
  /** Bytes, once all have joined. */
  readonly memoryPerNode: number;
}

const PORT = 6881;
const ROUTERS = 3;
/** Nodes join in groups, so that the routers are not flooded. */
const JOIN_MS = 40;
const JOINERS = 10;
/** A crawl asks every node, and waits 10 s for each that is gone. */
const CRAWL_LIMIT_MS = 600_000;

/** Runs it: some minutes of virtual time. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const before = usedMemory();
  const net = new SimNetwork(options.seed);
  const { rng } = net;
  const routers = Array.from({ length: ROUTERS }, (_, i) => ({
    address: addressOf(i),
    port: PORT,
  }));
  let joined = 0;
  const join = (): DhtNode => {
    const local = { address: addressOf(joined++), port: PORT };
    const known = routers.filter(({ address }) => address !== local.address);
    return new DhtNode(net.host(), {
      sockets: [net.socket(local)],
      bootstrap: known,
      queriesPerSecond: 1000,
    });
  };
  const targets = Array.from({ length: 20 }, () => randomId(rng));
  const nodes: DhtNode[] = [];
  const victim = () => ({ address: addressOf(randomInt(rng, joined)), port: PORT });
  const attackers = new Attackers({ net, targets, victim });
  for (let i = 0; i < options.nodes; i++) {
    const isHostile = i >= ROUTERS && rng() < options.hostile;
    if (isHostile) attackers.add({ address: addressOf(joined++), port: PORT });
    else nodes.push(join());
    if (i % JOINERS === 0) await net.advance(JOIN_MS);
  }
  await net.advance(120_000);
  const memoryPerNode = (usedMemory() - before) / nodes.length;
  const kill = async (index: number): Promise<void> => {
    await nodes.splice(index, 1)[0]?.close();
  };
  const spare = ROUTERS;
  for (let left = Math.round(options.dead * nodes.length); left > 0; left--) {
    await kill(spare + randomInt(rng, nodes.length - spare));
  }
  const announcers = targets.map((target, i) => {
    const node = pick(nodes, rng, spare);
    node.announce(target, { port: 1000 + i });
    return node;
  });
  await net.advance(60_000);
  const firstPeerMs: number[] = [];
  const walks: Walked[] = [];
  const total = options.lookups;
  const leaving = (options.churnPerHour * nodes.length) / 3600;
  let owed = 0;
  for (let i = 0; i < total; i++) {
    const at = i % targets.length;
    const begun = net.clock.now();
    const searcher = pick(nodes, rng, spare);
    const target = targets[at] as Uint8Array;
    const off = searcher.on("lookup", (walked) => {
      if (walked.method === "get_peers") walks.push(walked);
    });
    const firstAt = await net.settle(firstPeer(searcher, target, 1000 + at, net.clock));
    off();
    if (firstAt !== undefined) firstPeerMs.push(firstAt - begun);
    await net.advance(1000);
    owed += leaving * ((net.clock.now() - begun) / 1000);
    for (; owed >= 1; owed--) {
      const index = spare + randomInt(rng, nodes.length - spare);
      if (announcers.includes(nodes[index] as DhtNode)) continue;
      await kill(index);
      nodes.push(join());
    }
  }
  const crawled = await crawl(net, pick(nodes, rng, spare), targets);
  const sizes = nodes.map((node) => node.stats().sites[0]?.nodes ?? 0);
  return {
    nodes: nodes.length,
    lookups: total,
    found: firstPeerMs.length,
    tableSize: percentile(sizes, 0.5),
    queries: spread(walks.map(({ queries }) => queries)),
    hops: spread(walks.map(({ hops }) => hops)),
    lookupMs: spread(walks.map(({ durationMs }) => durationMs)),
    firstPeerMs: spread(firstPeerMs),
    replays: [attackers.replaysTried, attackers.replaysTaken],
    crawled,
    targets: targets.length,
    datagrams: net.sent,
    virtualSeconds: Math.round(net.clock.now() / 1000),
    memoryPerNode: Math.round(memoryPerNode),
  };
}

/** How many of the targets a crawl of the whole DHT finds. */
async function crawl(
  net: SimNetwork,
  node: DhtNode,
  targets: readonly Uint8Array[],
): Promise<number> {
  const wanted = new Set(targets.map(toHex));
  const found = new Set<string>();
  const read = async (): Promise<void> => {
    for await (const { infoHash } of node.crawl({ parallel: 256 })) {
      const name = toHex(infoHash);
      if (wanted.has(name)) found.add(name);
    }
  };
  await net.settle(read(), CRAWL_LIMIT_MS);
  return found.size;
}

/** When a lookup told of a peer with this port, which only an honest announce has. */
async function firstPeer(
  node: DhtNode,
  target: Uint8Array,
  port: number,
  clock: Clock,
): Promise<number | undefined> {
  let at: number | undefined;
  for await (const peer of node.lookup(target)) if (peer.port === port) at ??= clock.now();
  return at;
}

function pick<T>(items: readonly T[], rng: Rng, from: number): T {
  return items[from + randomInt(rng, items.length - from)] as T;
}

function randomId(rng: Rng): Uint8Array {
  return Uint8Array.from({ length: ID_LENGTH }, () => randomInt(rng, 256));
}

function spread(values: readonly number[]): Spread {
  return [percentile(values, 0.5), percentile(values, 0.99)];
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function usedMemory(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}
