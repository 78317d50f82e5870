// Peers that break every rule, among honest ones, in the simulated network.
import { memoryStore } from "@shoal/disk-io";
import type { Torrent } from "@shoal/session/bare";
import {
  corrupts,
  createSimulation,
  type HostilePeer,
  hostilePeers,
  type Simulation,
} from "@shoal/testkit";
import { describe, expect, it } from "vitest";
import {
  closeAll,
  contentOf,
  filledStore,
  makePayload,
  NOTHING_LEFT,
  PORT,
  reach,
  type SimulatedPeer,
  simulatedPeer,
} from "./simulated.fixture.ts";

const PAYLOAD = makePayload(3_000_001, 64 * 1024);
const INFO_HASH = PAYLOAD.metainfo.infoHashes.v1 ?? new Uint8Array(20);
const LINE = { uploadBytesPerSecond: 1e6, downloadBytesPerSecond: 4e6, latencyMs: 10 };
const { signal } = new AbortController();

/** The hostile peer at `10.0.0.<number>`: dials the victims that it is given, and accepts all. */
async function villain(
  sim: Simulation,
  hostile: HostilePeer,
  number: number,
  victims: readonly SimulatedPeer[],
): Promise<{ address: string; connections: () => number }> {
  const address = `10.0.0.${number}`;
  const transport = sim.network.host(address, LINE).transport();
  const target = {
    infoHash: INFO_HASH,
    geometry: PAYLOAD.metainfo.geometry,
    content: (piece: number, begin: number, length: number) => {
      const at = piece * PAYLOAD.metainfo.geometry.pieceLength + begin;
      return PAYLOAD.bytes.subarray(at, at + length);
    },
    clock: sim.clock,
    deadlines: sim.deadlines,
    rng: sim.rng,
  };
  let connections = 0;
  const attack = (duplex: Parameters<HostilePeer["run"]>[0]): void => {
    connections++;
    void hostile.run(duplex, target).then(() => connections--);
  };
  await transport.listen({ address: "0.0.0.0", port: PORT }, attack);
  for (const victim of victims) {
    await transport.dial(reach(victim), { signal }).then(attack, () => {});
  }
  return { address, connections: () => connections };
}

async function add(peer: SimulatedPeer, from: Parameters<SimulatedPeer["session"]["add"]>[1]) {
  return peer.session.add(PAYLOAD.metainfo, from);
}

describe.each(hostilePeers.map((hostile) => [hostile.name, hostile] as const))(
  "among peers one that %s",
  (_, hostile) => {
    it("keeps nobody from the data, and no memory", async () => {
      const sim = createSimulation({ seed: 1 });
      const cacheSize = 1024 * 1024;
      const seeder = await simulatedPeer(sim, 1, { line: LINE, cacheSize });
      const leecher = await simulatedPeer(sim, 2, { line: LINE, cacheSize });
      const seed = await add(seeder, { store: await filledStore(PAYLOAD) });
      await sim.settle(seed.completed(), 10_000);
      const store = memoryStore();
      const leech = await add(leecher, { store, paused: true });
      await sim.advance(100);
      await leech.resume();
      const arriving = villain(sim, hostile, 66, [seeder, leecher]);
      // It comes first; the honest peer is known a little later.
      await sim.advance(2000);
      const bad = await sim.settle(arriving, 1000);
      leech.addPeers([{ address: bad.address, port: PORT }]);
      await sim.advance(1000);
      leech.addPeers([reach(seeder)]);
      await sim.settle(leech.completed(), 30_000);
      expect((await contentOf(store, PAYLOAD)).equals(PAYLOAD.bytes)).toBe(true);
      // The seed can go on serving others.
      const late = await simulatedPeer(sim, 3, { line: LINE, cacheSize });
      const second = await add(late, { peers: [reach(seeder)] });
      await sim.settle(second.completed(), 30_000);
      expect(await closeAll(sim, [seeder, leecher, late])).toMatchObject({
        blocks: 0,
        connections: 0,
      });
      // What the villain waits for itself is over after its ten minutes.
      await sim.advance(700_000);
      expect(sim.deadlines.size).toBe(0);
      expect(bad.connections()).toBe(0);
    });
  },
);

describe("a peer that sends one wrong block in", () => {
  it.each([1, 3, 10, 40])("%i is banned, the download completes", async (n) => {
    const sim = createSimulation({ seed: 1 });
    const seeders = [
      await simulatedPeer(sim, 1, { line: LINE }),
      await simulatedPeer(sim, 3, { line: LINE }),
    ];
    const leecher = await simulatedPeer(sim, 2, { line: LINE });
    for (const seeder of seeders) {
      const seed = await add(seeder, { store: await filledStore(PAYLOAD) });
      await sim.settle(seed.completed(), 10_000);
    }
    const store = memoryStore();
    const leech = await add(leecher, { store });
    const banned: string[] = [];
    leech.on("banned", ({ address }) => banned.push(address));
    await sim.advance(100);
    const bad = await villain(sim, corrupts(n), 66, []);
    leech.addPeers([{ address: bad.address, port: PORT }, ...seeders.map(reach)]);
    await sim.settle(leech.completed(), 30_000);
    expect(banned).toEqual([`${bad.address}:${PORT}`]);
    expect(leech.stats.bannedPeers).toBe(1);
    expect((await contentOf(store, PAYLOAD)).equals(PAYLOAD.bytes)).toBe(true);
    // It wasted some pieces, not the whole download.
    expect(leech.stats.failed).toBeLessThan(PAYLOAD.bytes.length / 2);
    expect(await closeAll(sim, [...seeders, leecher])).toEqual(NOTHING_LEFT);
  });
});

describe("many hostile peers at once", () => {
  it("don't keep two honest ones apart", async () => {
    const sim = createSimulation({ seed: 1 });
    const seeder = await simulatedPeer(sim, 1, { line: LINE });
    const leecher = await simulatedPeer(sim, 2, { line: LINE });
    const seed = await add(seeder, { store: await filledStore(PAYLOAD) });
    await sim.settle(seed.completed(), 10_000);
    const store = memoryStore();
    const leech = await add(leecher, { store });
    await sim.advance(100);
    const arriving: Promise<unknown>[] = hostilePeers.map((hostile, i) =>
      villain(sim, hostile, 100 + i, [seeder, leecher]),
    );
    await sim.settle(Promise.all(arriving), 10_000);
    leech.addPeers(hostilePeers.map((_, i) => ({ address: `10.0.0.${100 + i}`, port: PORT })));
    leech.addPeers([reach(seeder)]);
    await sim.settle(leech.completed(), 30_000);
    expect((await contentOf(store, PAYLOAD)).equals(PAYLOAD.bytes)).toBe(true);
    expectHonest(leech);
    expect(await closeAll(sim, [seeder, leecher])).toMatchObject({ blocks: 0, connections: 0 });
  });
});

/** Only who sent wrong data is banned. */
function expectHonest({ stats }: Torrent): void {
  expect(stats.bannedPeers).toBeLessThanOrEqual(3);
}
