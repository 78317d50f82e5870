// A DHT of thousands of nodes with dead, churning and hostile ones: do lookups find their peers?

import { encode } from "@shoal/bencode";
import { type Clock, concatBytes, encodeCompact, type Rng, randomInt } from "@shoal/core";
import { type Contact, DhtNode, decodeKrpc, encodeReply, ID_LENGTH } from "@shoal/dht";
import { addressOf, SimNetwork } from "../packages/dht/testing/network.ts";

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

/** How it went. */
export interface SimulationReport {
  readonly nodes: number;
  readonly lookups: number;
  /** Lookups that found a peer that was announced. */
  readonly found: number;
  readonly tableSize: number;
  /** Queries of a lookup, ms to its first peer: median and 99 of 100. */
  readonly queries: readonly [number, number];
  readonly firstPeerMs: readonly [number, number];
  readonly hops: readonly [number, number];
  readonly datagrams: number;
  readonly memoryPerNode: number;
}

const PORT = 6881;
const ROUTERS = 3;
/** Nodes join in groups, so that the routers are not flooded. */
const JOIN_MS = 40;

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
  const attackers: Attackers = { net, targets, allies: [] };
  for (let i = 0; i < options.nodes; i++) {
    if (i >= ROUTERS && rng() < options.hostile) attack(attackers, joined++);
    else nodes.push(join());
    if (i % 5 === 0) await net.advance(JOIN_MS);
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
  const tally = { found: 0, queries: [] as number[], times: [] as number[], hops: [] as number[] };
  const total = options.lookups;
  const leaving = (options.churnPerHour * nodes.length) / 3600;
  let owed = 0;
  for (let i = 0; i < total; i++) {
    const at = i % targets.length;
    const begun = net.clock.now();
    const searcher = pick(nodes, rng, spare);
    const off = searcher.on("lookup", ({ queries, hops }) => {
      tally.queries.push(queries);
      tally.hops.push(hops);
    });
    const target = targets[at] as Uint8Array;
    const firstAt = await net.settle(firstPeer(searcher, target, 1000 + at, net.clock));
    off();
    if (firstAt !== undefined) {
      tally.found++;
      tally.times.push(firstAt - begun);
    }
    await net.advance(1000);
    owed += leaving * ((net.clock.now() - begun) / 1000);
    for (; owed >= 1; owed--) {
      const index = spare + randomInt(rng, nodes.length - spare);
      if (announcers.includes(nodes[index] as DhtNode)) continue;
      await kill(index);
      nodes.push(join());
    }
  }
  const sizes = nodes.map((node) => node.stats().sites[0]?.nodes ?? 0);
  return {
    nodes: nodes.length,
    lookups: total,
    found: tally.found,
    tableSize: percentile(sizes, 0.5),
    queries: spread(tally.queries),
    firstPeerMs: spread(tally.times),
    hops: spread(tally.hops),
    datagrams: net.sent,
    memoryPerNode,
  };
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

interface Attackers {
  readonly net: SimNetwork;
  readonly targets: readonly Uint8Array[];
  readonly allies: Contact[];
}

/**
 * A node that sits next to a target under an id that it may not have, names only its allies and
 * itself, tells of peers that are not there, and lets announces come to nothing.
 */
function attack({ net, targets, allies }: Attackers, index: number): void {
  const endpoint = { address: addressOf(index), port: PORT };
  const id = randomId(net.rng);
  // Close enough to be among the closest everywhere.
  id.set((targets[index % targets.length] as Uint8Array).subarray(0, 4));
  allies.push({ id, endpoint });
  const socket = net.socket(endpoint);
  socket.attach((bytes, from) => {
    const message = decodeKrpc(bytes);
    if (message?.kind !== "query") return;
    const chosen = Array.from({ length: 8 }, () => pick(allies, net.rng, 0)).map(
      ({ id, endpoint }) => concatBytes([id, encodeCompact(endpoint)]),
    );
    const nodes = concatBytes(chosen);
    const values = message.method === "get_peers" ? [Uint8Array.of(11, 0, 0, 1, 0, 99)] : undefined;
    const token = new Uint8Array(4);
    const ip = new Uint8Array(6).fill(77);
    socket.send(encodeReply(message.transaction, ip, { id, nodes, values, token }), from);
  });
  // Makes itself known by asking around.
  const a = { id, target: targets[index % targets.length] as Uint8Array };
  const query = encode({ a, q: "find_node", t: "atta", y: "q" });
  const alarm = net.deadlines.alarm((now) => {
    for (let i = 0; i < 4; i++) {
      socket.send(query, { address: addressOf(randomInt(net.rng, index + 1)), port: PORT });
    }
    alarm.set(now + 20_000);
  });
  alarm.set(net.clock.now() + 1000);
}

function pick<T>(items: readonly T[], rng: Rng, from: number): T {
  return items[from + randomInt(rng, items.length - from)] as T;
}

function randomId(rng: Rng): Uint8Array {
  return Uint8Array.from({ length: ID_LENGTH }, () => randomInt(rng, 256));
}

function spread(values: readonly number[]): readonly [number, number] {
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
