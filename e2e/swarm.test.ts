// A whole swarm of real sessions in the simulated network: complete, correct and repeatable.
import { memoryStore } from "@shoal/disk-io";
import { createSimulation } from "@shoal/testkit";
import { expect, it } from "vitest";
import {
  closeAll,
  contentOf,
  filledStore,
  makePayload,
  NOTHING_LEFT,
  reach,
  simulatedPeer,
} from "./simulated.fixture.ts";

const MIB = 1024 * 1024;

it("carries 64 MiB from one seed to 20 leeches", async () => {
  const log = await swarm({ seed: 1, leeches: 20, length: 64 * MIB - 12_345 });
  expect(log.filter((line) => line.endsWith("seeding"))).toHaveLength(21);
  // One copy alone takes 17 s on the seed's line.
  const last = log.findLast((line) => line.endsWith("seeding"));
  expect(Number.parseFloat(last ?? "")).toBeLessThan(50_000);
});

it("gives equal logs for equal seeds only", async () => {
  const options = { seed: 1, leeches: 6, length: 8 * MIB };
  const log = await swarm(options);
  expect(await swarm(options)).toEqual(log);
  expect(await swarm({ ...options, seed: 2 })).not.toEqual(log);
});

async function swarm(options: {
  seed: number;
  leeches: number;
  length: number;
}): Promise<readonly string[]> {
  const sim = createSimulation({ seed: options.seed });
  const payload = makePayload(options.length, 256 * 1024);
  const numbers = Array.from({ length: options.leeches + 1 }, (_, i) => i + 1);
  const stores = [await filledStore(payload), ...numbers.slice(1).map(() => memoryStore())];
  const peers = await Promise.all(
    numbers.map((number) =>
      simulatedPeer(sim, number, {
        line: {
          uploadBytesPerSecond: 4e6,
          downloadBytesPerSecond: 20e6,
          latencyMs: 4 + number,
        },
      }),
    ),
  );
  const downloads = peers.map(async ({ address, session }, i) => {
    const torrent = await session.add(payload.metainfo, {
      store: stores[i],
      peers: peers.filter((other) => other.address !== address).map(reach),
    });
    torrent.on("state", (state) => sim.log(`${address} ${state}`));
    torrent.on("piece", (piece) => sim.log(`${address} has ${piece}`));
    await torrent.completed();
  });
  await sim.settle(Promise.all(downloads), 600_000);
  expect(await closeAll(sim, peers)).toEqual(NOTHING_LEFT);
  for (const store of stores) {
    expect((await contentOf(store, payload)).equals(payload.bytes)).toBe(true);
  }
  return sim.history;
}
