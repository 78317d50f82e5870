// A whole swarm of sessions in the simulator: it completes, quickly, and the same way each time.

import { createSimulation } from "@shoal/testkit";
import { expect, it } from "vitest";
import {
  at,
  checkingStore,
  makeTorrent,
  openSession,
  type SimTorrent,
} from "./sim-swarm.fixture.ts";

it("spreads 64 MiB from one seed to 20 leeches", async () => {
  const history = await swarm(1, 20, makeTorrent(64 << 20, 256 << 10));
  expect(history.filter((line) => line.endsWith("complete"))).toHaveLength(20);
});

it("gives equal event logs for equal seeds, and others for others", async () => {
  const torrent = makeTorrent(8 << 20, 64 << 10);
  const first = await swarm(1, 6, torrent);
  expect(await swarm(1, 6, torrent)).toEqual(first);
  expect(await swarm(2, 6, torrent)).not.toEqual(first);
});

async function swarm(
  seed: number,
  leeches: number,
  torrent: SimTorrent,
): Promise<readonly string[]> {
  const sim = createSimulation({ seed });
  const addresses = Array.from({ length: leeches + 1 }, (_, i) => `10.0.0.${i + 1}`);
  const opening = addresses.map((address, i) =>
    openSession(sim, address, {
      uploadBytesPerSecond: 4e6,
      downloadBytesPerSecond: 20e6,
      latencyMs: 5 + i,
    }),
  );
  const sessions = await sim.settle(Promise.all(opening), 1000);
  let complete = 0;
  for (const [i, session] of sessions.entries()) {
    const adding = session.add(torrent.bytes, {
      store: checkingStore(torrent, i === 0),
      peers: addresses.slice(0, i).map(at),
    });
    const added = await sim.settle(adding, 1000);
    added.on("piece", (piece) => sim.log(`${addresses[i]} has ${piece}`));
    if (i === 0) continue;
    void added.completed().then(() => {
      complete++;
      sim.log(`${addresses[i]} complete`);
    });
  }
  await sim.run(() => complete === leeches, 600_000);
  const closing = Promise.all(sessions.map((session) => session.close()));
  await sim.settle(closing, 60_000);
  await sim.advance(60_000);
  expect(sim.deadlines.size).toBe(0);
  return sim.history;
}
