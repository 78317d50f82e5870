// Who is dialled, accepted, kept and closed, on virtual time.
import { type Duplex, type Endpoint, endpoint, formatEndpoint } from "@shoal/core";
import { ConnectionBudget } from "@shoal/policy";
import { encodeHandshake, HandshakeDecoder, MessageEncoder } from "@shoal/wire";
import { describe, expect, it } from "vitest";
import { at, type MemoryDuplex, sample, testStore, World } from "../testing/world.ts";
import type { Torrent } from "./torrent.ts";

const DATA = sample([200_000]);
const INFO_HASH = DATA.metainfo.infoHashes.v1 ?? new Uint8Array(20);

async function started(world: World, init: { host?: ReturnType<World["host"]> } = {}) {
  const torrent = world.torrent(1, DATA.metainfo, {}, init.host ?? world.host());
  await world.until(torrent.start());
  return torrent;
}

/** A peer at an endpoint that dials the torrent and says hello. */
async function knock(world: World, from: Endpoint, id = 200): Promise<MemoryDuplex> {
  const accept = world.listeners.get(formatEndpoint(at(1)));
  const [near, far] = world.pair(from, at(1));
  accept?.(far);
  near.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
  near.write([hello(id)]);
  await world.settle();
  return near;
}

function hello(id: number, extended = false): Uint8Array {
  return encodeHandshake({
    infoHash: INFO_HASH,
    peerId: new Uint8Array(20).fill(id),
    features: { fast: true, extended, dht: false, v2: false },
  });
}

/** Answers dials at the endpoint with a handshake and then what `speak` encodes. */
function answerer(
  world: World,
  where: Endpoint,
  speak: (messages: MessageEncoder) => void,
  id = 100,
): Duplex[] {
  const accepted: Duplex[] = [];
  world.listeners.set(formatEndpoint(where), (duplex) => {
    accepted.push(duplex);
    const decoder = new HandshakeDecoder();
    duplex.attach({
      received: (chunk) => {
        if (decoder.result !== undefined) return;
        decoder.receive(chunk);
        const messages = new MessageEncoder();
        speak(messages);
        duplex.write([hello(id), ...messages.take()]);
      },
      flushed: () => {},
      closed: () => {},
    });
  });
  return accepted;
}

describe("dialling", () => {
  it("keeps to every limit of the budget", async () => {
    const world = new World();
    const budget = new ConnectionBudget({ maxHalfOpen: 3, dialsPerSecond: 5 });
    const torrent = await started(world, { host: world.host({ budget }) });
    torrent.addPeers(Array.from({ length: 40 }, (_, i) => at(i + 10)));
    expect(torrent.stats).toMatchObject({ halfOpen: 3, knownPeers: 40 });
    await world.pass(3000);
    expect(torrent.stats.halfOpen).toBe(3);
    budget.maxHalfOpen = 30;
    await world.pass(1000);
    expect(torrent.stats.halfOpen).toBe(8);
    await world.pass(10_000);
    expect(torrent.stats.halfOpen).toBe(30);
    await world.until(torrent.pause());
    expect([torrent.stats.halfOpen, budget.halfOpen, world.deadlines.size]).toEqual([0, 0, 0]);
  });

  it("goes on until every candidate has been given up, and is idle then", async () => {
    const world = new World();
    let dials = 0;
    const host = world.host({
      dial: () => {
        dials++;
        return Promise.reject(new Error("refused"));
      },
    });
    const torrent = await started(world, { host });
    torrent.addPeers([at(10), at(11)]);
    await world.pass(1_000_000);
    expect(dials).toBe(6);
    expect(world.deadlines.size).toBe(0);
    expect(host.budget).toMatchObject({ halfOpen: 0, connections: 0 });
  });

  it("wakes rarely while all that it can do is wait", async () => {
    const world = new World();
    const torrent = await started(world, {
      host: world.host({ dial: () => Promise.reject(new Error("refused")) }),
    });
    let ticks = 0;
    torrent.on("progress", () => ticks++);
    torrent.addPeers([at(10)]);
    await world.pass(185_000);
    expect(ticks).toBeLessThan(20);
  });

  it("knows itself, and does not dial there again", async () => {
    const world = new World();
    const torrent = await started(world);
    torrent.addPeers([at(1)]);
    await world.pass(600_000);
    expect(torrent.stats).toMatchObject({ peers: 0, halfOpen: 0 });
    torrent.addPeers([at(1)]);
    expect(torrent.stats.halfOpen).toBe(0);
    expect(world.deadlines.size).toBe(0);
  });

  it("gives up who does not shake hands in time", async () => {
    const world = new World();
    const silent: Duplex[] = [];
    world.listeners.set(formatEndpoint(at(10)), (duplex) => {
      silent.push(duplex);
      duplex.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
    });
    const torrent = await started(world);
    torrent.addPeers([at(10)]);
    await world.pass(9000);
    expect(torrent.stats.halfOpen).toBe(1);
    await world.pass(2000);
    expect(torrent.stats.halfOpen).toBe(0);
    expect((silent[0] as MemoryDuplex).isDestroyed).toBe(true);
  });
});

describe("accepting", () => {
  it("stops at the limits, and gives back what a refusal had taken", async () => {
    const world = new World();
    const budget = new ConnectionBudget({ perTorrent: 2, maxConnections: 100 });
    const torrent = await started(world, { host: world.host({ budget }) });
    const streams: MemoryDuplex[] = [];
    for (let i = 0; i < 15; i++) streams.push(await knock(world, at(20 + i)));
    // Ten beyond the limit, so that newcomers find an open door.
    expect(torrent.stats.peers).toBe(12);
    expect(budget.connections).toBe(12);
    expect(streams.filter(({ isDestroyed }) => isDestroyed)).toHaveLength(3);
    for (const stream of streams) stream.destroy();
    await world.settle();
    expect(budget.connections).toBe(0);
  });

  it("refuses a second connection from the same endpoint, and gives its place back", async () => {
    const world = new World();
    const budget = new ConnectionBudget();
    const torrent = await started(world, { host: world.host({ budget }) });
    await knock(world, at(20));
    const second = await knock(world, at(20));
    expect(second.isDestroyed).toBe(true);
    expect([torrent.stats.peers, budget.connections]).toEqual([1, 1]);
  });

  it("refuses everybody while the torrent is not active", async () => {
    const world = new World();
    const torrent = await started(world);
    await world.until(torrent.pause());
    expect((await knock(world, at(20))).isDestroyed).toBe(true);
  });
});

describe("two connections with one peer", () => {
  it.each([
    [1, 2, 6881, 6881],
    [2, 1, 6881, 6881],
    [2, 1, 6000, 7000],
    [1, 2, 7000, 6000],
  ])("become one when %i and %i at ports %i and %i dial each other", async (a, b, portA, portB) => {
    const world = new World();
    const make = (number: number, port: number, other: number): Torrent => {
      const where = endpoint(`192.0.2.${number}`, port);
      const torrent = world.torrent(
        number,
        DATA.metainfo,
        {},
        world.host({
          listenPort: () => port,
          dial: (to, signal) => world.dial(to, signal, endpoint(where.address, 40_000 + other)),
        }),
      );
      const accept = world.listeners.get(formatEndpoint(at(number)));
      if (accept !== undefined) world.listeners.set(formatEndpoint(where), accept);
      return torrent;
    };
    const [one, two] = [make(a, portA, b), make(b, portB, a)];
    await world.until(Promise.all([one.start(), two.start()]));
    one.addPeers([endpoint(`192.0.2.${b}`, portB)]);
    two.addPeers([endpoint(`192.0.2.${a}`, portA)]);
    await world.pass(300_000);
    for (const torrent of [one, two]) {
      expect(torrent.stats).toMatchObject({ peers: 1, halfOpen: 0 });
    }
    const directions = [one, two].map(({ peers }) => peers[0]?.incoming);
    const lowerFirst = portA < portB || (portA === portB && a < b);
    expect(directions).toEqual(lowerFirst ? [false, true] : [true, false]);
  });
});

describe("interest", () => {
  it("follows what the peer has and what we want", async () => {
    const world = new World();
    const torrent = await started(world);
    const accepted = answerer(world, at(10), (messages) => messages.haveNone());
    torrent.addPeers([at(10)]);
    await world.settle();
    const remote = accepted[0];
    expect(torrent.peers[0]).toMatchObject({ amInterested: false, fraction: 0 });
    const messages = new MessageEncoder();
    messages.have(3);
    remote?.write(messages.take());
    await world.settle();
    expect(torrent.peers[0]?.amInterested).toBe(true);
    torrent.setPriorities(new Map([[0, 0]]));
    await world.settle();
    expect(torrent.peers[0]?.amInterested).toBe(false);
    torrent.setPriorities(new Map([[0, 1]]));
    await world.settle();
    expect(torrent.peers[0]?.amInterested).toBe(true);
  });

  it("ends a connection that neither end can use: both have everything", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    answerer(world, at(10), (messages) => messages.haveAll());
    answerer(world, at(11), (messages) => messages.haveNone());
    seed.addPeers([at(10), at(11)]);
    await world.pass(3000);
    expect(seed.peers.map(({ address }) => address)).toEqual([at(11).address]);
  });
});

it("makes room for strangers when all places are taken by those who have nothing", async () => {
  const world = new World();
  const budget = new ConnectionBudget();
  budget.perTorrent = 10;
  const torrent = await started(world, { host: world.host({ budget }) });
  const nobodies = Array.from({ length: 12 }, (_, i) => at(10 + i));
  for (const where of nobodies) answerer(world, where, (messages) => messages.haveNone());
  torrent.addPeers(nobodies);
  await world.pass(5000);
  expect(torrent.peers).toHaveLength(10);
  const seed = world.torrent(99, DATA.metainfo, { store: await testStore(DATA) });
  await world.until(seed.start());
  torrent.addPeers([at(99)]);
  await world.until(torrent.completed(), 180_000);
});

it("tells the slots of interest and of ends", async () => {
  const world = new World();
  const host = world.host();
  const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) }, host);
  await world.until(seed.start());
  const leech = world.torrent(2, DATA.metainfo);
  await world.until(leech.start());
  leech.addPeers([at(1)]);
  await world.until(leech.completed());
  await world.pass(1000);
  expect(host.slots.log[0]).toBe("interested true");
  expect(host.slots.log.at(-1)).toBe("closed");
});

it("pauses all peers while the disk is behind, newcomers too", async () => {
  const world = new World();
  const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
  await world.until(seed.start());
  let congested = false;
  const host = world.host();
  Object.defineProperty(host.disk, "congested", { get: () => congested });
  const leech = world.torrent(2, DATA.metainfo, {}, host);
  await world.until(leech.start());
  congested = true;
  leech.addPeers([at(1)]);
  await world.pass(5000);
  expect(leech.stats).toMatchObject({ peers: 1, received: 0 });
  congested = false;
  leech.setCongested(false);
  await world.pass(5000);
  expect(leech.state).toBe("seeding");
});
