// A network that is faster than the disk: the cache fills, receivers pause, nothing grows.
import { createDiskIo } from "@shoal/disk-io";
import { createSimulation, virtualDisk } from "@shoal/testkit";
import { expect, it } from "vitest";
import { at, checkingStore, makeTorrent, openSession } from "./sim-swarm.fixture.ts";

const MB = 1e6;

it.each([
  ["pieces of 256 KiB", 256 << 10],
  ["pieces of 2 MiB, of which the cache holds two", 2 << 20],
])("a disk of 20 MB/s under a network of 200 MB/s bounds memory: %s", async (_, pieceLength) => {
  const sim = createSimulation({ seed: 5 });
  const torrent = makeTorrent(48 << 20, pieceLength);
  const cacheSize = 4 << 20;
  const disk = createDiskIo({
    cacheSize,
    execute: virtualDisk(sim, { latencyMs: 0.1, bytesPerSecond: 20 * MB }),
  });
  const link = { uploadBytesPerSecond: 200 * MB, downloadBytesPerSecond: 200 * MB, latencyMs: 1 };
  const seeders = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  for (const address of seeders) {
    const seeder = await sim.settle(openSession(sim, address, link), 1000);
    const adding = seeder.add(torrent.bytes, { store: checkingStore(torrent, true) });
    await sim.settle((await sim.settle(adding, 1000)).completed(), 1000);
  }
  const opening = openSession(sim, "10.0.0.9", link, disk);
  const leecher = await sim.settle(opening, 1000);
  const store = checkingStore(torrent, false);
  const adding = leecher.add(torrent.bytes, { store, peers: seeders.map(at) });
  const added = await sim.settle(adding, 1000);
  const start = sim.clock.now();
  let isComplete = false;
  void added.completed().then(() => (isComplete = true));
  let congestions = 0;
  let wasCongested = false;
  const look = (): boolean => {
    const { dirty, clean, pinned, inFlight, free } = disk.stats();
    expect(dirty + clean + pinned + inFlight + free).toBe(cacheSize);
    if (disk.congested && !wasCongested) congestions++;
    wasCongested = disk.congested;
    return isComplete;
  };
  await sim.run(look, 60_000);
  const seconds = (sim.clock.now() - start) / 1000;
  expect(congestions).toBeGreaterThan(3);
  // The disk is hardly ever idle: all the time goes into what is written and read back for hashes.
  const { bytesWritten, bytesRead } = disk.stats();
  expect(bytesWritten).toBe(torrent.payload.length);
  expect((bytesWritten + bytesRead) / 20e6 / seconds).toBeGreaterThan(0.85);
  expect(added.stats).toMatchObject({ failed: 0, bannedPeers: 0 });
});
