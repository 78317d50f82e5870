// What the disk layer costs: CPU and wall time for 1 GiB from memory to files, checked and read back;
// and what its cache policies save.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_SIZE, blockIndex, PieceGeometry, pieceIndex } from "@shoal/core";
import {
  createDiskIo,
  type DiskIo,
  type DiskTorrent,
  type DiskTorrentHandler,
  fsStore,
  NO_SLOT,
} from "@shoal/disk-io";
import { comparePolicies } from "./policies.ts";

const GIB = 2 ** 30;
/** What a socket brings at once. */
const CHUNK = 256 * 1024;
const source = Buffer.alloc(2 ** 20);
for (let i = 0; i < source.length; i++) source[i] = (i * 7 + (i >> 8) * 13) & 0xff;

/** Wall, main thread's and whole process's CPU time of some work, in seconds. */
async function measure(work: () => Promise<void> | void): Promise<[number, number, number]> {
  const wall = performance.now();
  const main = process.threadCpuUsage();
  const all = process.cpuUsage();
  await work();
  const mainUsed = process.threadCpuUsage(main);
  const allUsed = process.cpuUsage(all);
  return [
    (performance.now() - wall) / 1000,
    (mainUsed.user + mainUsed.system) / 1e6,
    (allUsed.user + allUsed.system) / 1e6,
  ];
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The copy alone, into as much memory, with as many turns. */
async function copyOnly(cacheSize: number): Promise<void> {
  const slab = Buffer.from(new SharedArrayBuffer(cacheSize));
  for (let at = 0; at < GIB; at += CHUNK) {
    for (let block = 0; block < CHUNK; block += BLOCK_SIZE) {
      const from = (at + block) % source.length;
      source.copy(slab, (at + block) % slab.length, from, from + BLOCK_SIZE);
    }
    await turn();
  }
}

async function download(io: DiskIo, torrent: DiskTorrent, geometry: PieceGeometry): Promise<void> {
  let relieved: (() => void) | undefined;
  io.onCongestion = (congested) => {
    if (!congested) relieved?.();
  };
  for (let at = 0; at < GIB; ) {
    for (const end = at + CHUNK; at < end; at += BLOCK_SIZE) {
      const piece = pieceIndex(Math.floor(at / geometry.pieceLength));
      const block = blockIndex((at % geometry.pieceLength) / BLOCK_SIZE);
      const slot = torrent.allocate(piece, block);
      if (slot === NO_SLOT) throw new Error("refused while not congested");
      const from = at % source.length;
      torrent.copyIn(slot, 0, source, from, from + BLOCK_SIZE);
      torrent.put(piece, block, slot);
      if (block === geometry.blocksPerPiece - 1) torrent.complete(piece);
    }
    await turn();
    if (io.congested) await new Promise<void>((resolve) => (relieved = resolve));
  }
}

async function upload(torrent: DiskTorrent, geometry: PieceGeometry, wait: Waiter): Promise<void> {
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    for (let block = 0; block < geometry.blocksPerPiece; block++) {
      for (;;) {
        const slot = torrent.pin(pieceIndex(piece), blockIndex(block), 1);
        if (slot !== NO_SLOT) {
          torrent.view(slot, 0, BLOCK_SIZE);
          torrent.unpin(slot);
          break;
        }
        await new Promise<void>((resolve) => (wait.read = resolve));
      }
    }
  }
}

/** Who waits for what. */
interface Waiter {
  read: (() => void) | undefined;
  stored: (() => void) | undefined;
}

async function run(pieceLength: number, cacheSize: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-bench-"));
  const geometry = new PieceGeometry(GIB, pieceLength);
  const pieceHashes = new Uint8Array(geometry.pieceCount * 20);
  for (let i = 0; i < geometry.pieceCount; i++) {
    const from = (i * pieceLength) % source.length;
    const piece = source.subarray(from, from + pieceLength);
    pieceHashes.set(createHash("sha1").update(piece).digest(), i * 20);
  }
  const file = { path: ["payload"], length: GIB, offset: 0, pad: false, executable: false };
  const files = [{ ...file, symlink: undefined }];
  const layout = { id: "bench", pieceLength, totalLength: GIB, files };
  let stored = 0;
  const wait: Waiter = { read: undefined, stored: undefined };
  const handler: DiskTorrentHandler = {
    pieceStored: () => {
      if (++stored === geometry.pieceCount) wait.stored?.();
    },
    pieceFailed: (piece) => {
      throw new Error(`piece ${piece} is wrong`);
    },
    blocksRead: () => wait.read?.(),
    readFailed: (_, error) => {
      throw error;
    },
    writeFailed: (error) => {
      throw error;
    },
  };
  const io = createDiskIo({ cacheSize });
  const store = fsStore({ path: folder });
  const torrent = await io.open({ geometry, pieceHashes, layout, store, handler });
  const rows: [string, [number, number, number]][] = [];
  rows.push(["copy alone", await measure(() => copyOnly(cacheSize))]);
  rows.push([
    "download",
    await measure(async () => {
      await download(io, torrent, geometry);
      if (stored < geometry.pieceCount) await new Promise<void>((done) => (wait.stored = done));
    }),
  ]);
  rows.push(["check", await measure(async () => void (await torrent.check()))]);
  rows.push(["upload", await measure(() => upload(torrent, geometry, wait))]);
  const { reads, writes } = io.stats();
  await torrent.close({ deleteData: true });
  await io.close();
  rmSync(folder, { recursive: true, force: true });
  for (const [name, [wall, main, all]] of rows) {
    console.log(
      `${pieceLength / 1024} KiB`.padStart(9),
      name.padEnd(11),
      `${(GIB / 1e6 / wall).toFixed(0)} MB/s`.padStart(10),
      `main ${main.toFixed(2)} s, all threads ${all.toFixed(2)} s`,
    );
  }
  console.log(`          ${writes} writes, ${reads} reads`);
}

console.log("1 GiB; CPU seconds; cache 64 MiB");
for (let round = 0; round < 2; round++) {
  for (const pieceLength of [16, 256, 1024]) await run(pieceLength * 1024, 64 * 2 ** 20);
}

console.log("\nCache policies; cache 64 MiB, 1 GiB served or taken");
await comparePolicies();
