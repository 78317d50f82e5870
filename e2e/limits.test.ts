// Rate limits and upload slots, measured in virtual time.
import type { Torrent } from "@shoal/session/bare";
import { createSimulation, type Simulation } from "@shoal/testkit";
import { expect, it } from "vitest";
import {
  closeAll,
  filledStore,
  makePayload,
  NOTHING_LEFT,
  reach,
  type SimulatedPeer,
  simulatedPeer,
} from "./simulated.fixture.ts";

const LINE = { uploadBytesPerSecond: 10e6, downloadBytesPerSecond: 10e6, latencyMs: 10 };
const PAYLOAD = makePayload(30_000_000, 128 * 1024);

/** A seed and leeches that have just begun. */
async function swarm(sim: Simulation, leeches: number) {
  const seeder = await simulatedPeer(sim, 1, { line: LINE });
  const seed = await sim.settle(
    seeder.session.add(PAYLOAD.metainfo, { store: await filledStore(PAYLOAD) }),
    1000,
  );
  await sim.settle(seed.completed(), 10_000);
  const peers: SimulatedPeer[] = [seeder];
  const torrents: Torrent[] = [];
  for (let i = 0; i < leeches; i++) {
    const peer = await simulatedPeer(sim, i + 2, { line: LINE });
    peers.push(peer);
    torrents.push(await peer.session.add(PAYLOAD.metainfo, { peers: [reach(seeder)] }));
  }
  await sim.advance(1000);
  return { seeder, seed, peers, torrents };
}

/** Bytes per second of payload that pass in the next seconds. */
async function measure(sim: Simulation, torrent: Torrent, seconds: number): Promise<number> {
  const before = torrent.stats;
  await sim.advance(seconds * 1000);
  const { received, uploaded } = torrent.stats;
  return (received + uploaded - before.received - before.uploaded) / seconds;
}

/** The protocol's own bytes count too, and a window may begin and end in the middle of a block. */
function expectAbout(rate: number, limit: number): void {
  expect(rate).toBeGreaterThan(limit * 0.9);
  expect(rate).toBeLessThan(limit * 1.1);
}

it("holds the upload rate of a session, and follows changes at once", async () => {
  const sim = createSimulation({ seed: 1 });
  const { seeder, seed, peers } = await swarm(sim, 3);
  for (const limit of [500_000, 2_000_000, 100_000]) {
    seeder.session.configure({ uploadRateLimit: limit });
    await sim.advance(3000);
    expectAbout(await measure(sim, seed, 5), limit);
  }
  seeder.session.configure({ uploadRateLimit: Number.POSITIVE_INFINITY });
  await sim.advance(1000);
  expect(await measure(sim, seed, 1)).toBeGreaterThan(8e6);
  expect(await closeAll(sim, peers)).toEqual(NOTHING_LEFT);
});

it("holds the download rate of a session, and follows changes at once", async () => {
  const sim = createSimulation({ seed: 1 });
  const { peers, torrents } = await swarm(sim, 1);
  const [torrent] = torrents;
  if (torrent === undefined) throw new Error("there is no leech");
  for (const limit of [500_000, 2_000_000, 100_000]) {
    peers[1]?.session.configure({ downloadRateLimit: limit });
    await sim.advance(3000);
    expectAbout(await measure(sim, torrent, 5), limit);
  }
  expect(await closeAll(sim, peers)).toEqual(NOTHING_LEFT);
});

it("holds the rates of one torrent within those of the session", async () => {
  const sim = createSimulation({ seed: 1 });
  const { seeder, seed, peers } = await swarm(sim, 2);
  seed.uploadRateLimit = 300_000;
  seeder.session.configure({ uploadRateLimit: 1_000_000 });
  await sim.advance(3000);
  expectAbout(await measure(sim, seed, 5), 300_000);
  seed.uploadRateLimit = Number.POSITIVE_INFINITY;
  await sim.advance(3000);
  expectAbout(await measure(sim, seed, 5), 1_000_000);
  expect(await closeAll(sim, peers)).toEqual(NOTHING_LEFT);
});

it("fills upload slots at once, and again when they fall free", async () => {
  const sim = createSimulation({ seed: 1 });
  const { seed, peers, torrents } = await swarm(sim, 10);
  const served = (): number => seed.peers.filter(({ amChoking }) => !amChoking).length;
  expect(sim.clock.now()).toBeLessThan(3000);
  expect(seed.peers).toHaveLength(10);
  expect(served()).toBe(8);
  const holder = torrents.find(({ peers: [peer] }) => peer?.peerChoking === false);
  const before = sim.clock.now();
  await sim.settle(holder?.pause() ?? Promise.reject(new Error("nobody is served")), 1000);
  await sim.advance(200);
  expect(sim.clock.now() - before).toBeLessThan(500);
  expect(served()).toBe(8);
  expect(await closeAll(sim, peers)).toEqual(NOTHING_LEFT);
});
