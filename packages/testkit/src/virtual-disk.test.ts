import { createHash } from "node:crypto";
import { BLOCK_SIZE, blockIndex, PieceGeometry, pieceIndex } from "@shoal/core";
import { createDiskIo, memoryStore } from "@shoal/disk-io";
import { expect, it } from "vitest";
import { createSimulation } from "./simulation.ts";
import { virtualDisk } from "./virtual-disk.ts";

it("makes jobs wait for each other, for the time of their bytes", async () => {
  const sim = createSimulation({ seed: 1 });
  const disk = virtualDisk(sim, { latencyMs: 10, bytesPerSecond: BLOCK_SIZE * 1000 });
  const done = (name: string) => () => sim.log(name);
  disk.defer(done("read of 3 + 2 blocks"), { kind: "read", runs: [0, 7, 3, 5, 1, 2] });
  disk.defer(done("completion of 4"), { kind: "complete", runs: [0, 4, 1] });
  disk.defer(done("check of 3 pieces"), { kind: "check", pieces: [1, 2, 3] });
  disk.defer(done("flush"), { kind: "flush" });
  expect(sim.history).toEqual([]);
  await sim.advance(1000);
  expect(sim.history).toEqual([
    "15.000 read of 3 + 2 blocks",
    "29.000 completion of 4",
    "59.000 check of 3 pieces",
    "69.000 flush",
  ]);
});

it("drives the disk layer", async () => {
  const sim = createSimulation({ seed: 1 });
  const disk = createDiskIo({ cacheSize: 1 << 20, execute: virtualDisk(sim, { latencyMs: 5 }) });
  const piece = new Uint8Array(2 * BLOCK_SIZE).fill(3);
  const [first, last] = [blockIndex(0), blockIndex(1)];
  const log = (event: string) => (): void => sim.log(event);
  const opening = disk.open({
    geometry: new PieceGeometry(piece.length, piece.length),
    pieceHashes: createHash("sha1").update(piece).digest(),
    layout: { id: "x", pieceLength: piece.length, totalLength: piece.length, files: [] },
    store: memoryStore(),
    handler: {
      pieceStored: log("stored"),
      pieceFailed: log("failed"),
      blocksRead: log("read"),
      readFailed: log("read failed"),
      writeFailed: log("write failed"),
    },
  });
  const torrent = await sim.settle(opening, 1000);
  for (const block of [first, last]) {
    const slot = torrent.allocate(pieceIndex(0), block);
    torrent.copyIn(slot, 0, piece, 0, BLOCK_SIZE);
    torrent.put(pieceIndex(0), block, slot);
  }
  const before = sim.clock.now();
  torrent.complete(pieceIndex(0));
  await sim.run(() => sim.history.length > 0, 1000);
  expect(sim.history).toEqual([`${(before + 5).toFixed(3)} stored`]);
  await sim.settle(disk.close(), 1000);
  expect(sim.deadlines.size).toBe(0);
});
