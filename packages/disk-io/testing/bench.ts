// A disk layer with in-process jobs, one torrent and a store that keeps a diary.
import { BLOCK_SIZE, blockIndex, pieceIndex } from "@shoal/core";
import { arc } from "../src/arc-policy.ts";
import type { CachePolicyFactory } from "../src/cache-policy.ts";
import type { DiskTorrent } from "../src/contract.ts";
import { CachedDiskIo } from "../src/disk-io.ts";
import { type DiaryStore, diaryStore } from "./store.ts";
import {
  download,
  type Fixture,
  fixture,
  type Notes,
  notes,
  readBlock,
  specOf,
} from "./torrent.ts";

/** A disk layer with one torrent, and all that a test may want to look at. */
export interface Bench {
  readonly io: CachedDiskIo;
  readonly data: Fixture;
  readonly store: DiaryStore;
  readonly handler: Notes;
  readonly torrent: DiskTorrent;
}

/** A cache of the least size (64 blocks) unless told otherwise, and one torrent. */
export async function bench(
  pieceBlocks: number,
  blocks: number,
  cacheSize = 0,
  policy: CachePolicyFactory = arc(),
): Promise<Bench> {
  const io = new CachedDiskIo({ cacheSize, policy, threads: 0 });
  const data = fixture(pieceBlocks * BLOCK_SIZE, [blocks * BLOCK_SIZE]);
  const store = diaryStore();
  const handler = notes();
  const torrent = await io.open(specOf(data, store, handler));
  return { io, data, store, handler, torrent };
}

/** Downloads every piece in order. */
export async function downloadAll({ torrent, data, handler }: Bench): Promise<void> {
  for (let i = 0; i < data.geometry.pieceCount; i++) await download(torrent, data, i);
  await handler.until(() => handler.stored.length === data.geometry.pieceCount);
}

/** Reads other pieces until nothing of piece 0 can be cached. */
export async function pushOut({ io, torrent, data, handler }: Bench): Promise<void> {
  for (let i = data.geometry.pieceCount - 1; i > 0; i--) {
    await readBlock(torrent, handler, data, pieceIndex(i), blockIndex(0));
  }
  io.assertExact();
}
