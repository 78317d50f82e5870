// Disk threads under load: what goes first, what does not wait, who shares a thread.
import { blockIndex, pieceIndex } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GatedStore, gatedStore } from "../testing/gated-store.ts";
import { download, fixture, type Notes, notes, specOf } from "../testing/torrent.ts";
import type { DiskTorrent } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";

const data = fixture(65_536, [20 * 65_536]);
let io: CachedDiskIo;
let store: GatedStore;
beforeEach(() => {
  store = gatedStore();
});
afterEach(() => io.close());

async function open(id: number): Promise<{ torrent: DiskTorrent; handler: Notes }> {
  const handler = notes();
  const spec = specOf(data, store, handler);
  return {
    handler,
    torrent: await io.open({ ...spec, layout: { ...data.layout, id: `${id}` } }),
  };
}

describe("a disk thread", () => {
  it("serves reads first, then pieces to hash, then a flush of blocks, a check last", async () => {
    io = new CachedDiskIo({ cacheSize: 8 << 20 });
    const [busy, checked, flushed] = [await open(0), await open(1), await open(2)];
    await download(busy.torrent, data, 0);
    // The thread is stuck in this write; what comes meanwhile it takes by urgency.
    await store.called(1);
    const check = checked.torrent.check();
    const slot = flushed.torrent.allocate(pieceIndex(7), blockIndex(0));
    flushed.torrent.put(pieceIndex(7), blockIndex(0), slot);
    const flush = flushed.torrent.flush();
    await download(busy.torrent, data, 1);
    busy.torrent.pin(pieceIndex(2), blockIndex(0), 1);
    await new Promise((resolve) => setImmediate(resolve));
    store.release();
    await Promise.all([check, flush, busy.handler.until(() => busy.handler.read.length === 1)]);
    await busy.handler.until(() => busy.handler.stored.length === 2);
    const order = store.calls().map(({ call, torrent }) => `${call} ${torrent}`);
    expect(order.slice(0, 4)).toEqual(["write 0", "read 0", "write 0", "write 2"]);
    expect(order.lastIndexOf("read 1")).toBe(order.length - 1);
  });

  it("serves blocks that are cached while it is stuck, without being asked", async () => {
    io = new CachedDiskIo({ cacheSize: 8 << 20 });
    const { torrent, handler } = await open(0);
    torrent.pin(pieceIndex(3), blockIndex(0), 1);
    await handler.until(() => handler.read.length === 1);
    await download(torrent, data, 0);
    await store.called(2);
    const slot = torrent.pin(pieceIndex(3), blockIndex(1), 2);
    expect(torrent.view(slot, 0, 16_384).length).toBe(16_384);
    torrent.unpin(slot);
    store.release();
    await handler.until(() => handler.stored.length === 1);
  });

  it("goes on with other torrents while one is flushed", async () => {
    io = new CachedDiskIo({ cacheSize: 8 << 20 });
    const [slow, other] = [await open(0), await open(1)];
    let isFlushed = false;
    const flush = slow.torrent.flush().then(() => (isFlushed = true));
    await store.called(1);
    other.torrent.pin(pieceIndex(2), blockIndex(0), 1);
    await other.handler.until(() => other.handler.read.length === 1);
    expect(isFlushed).toBe(false);
    store.release();
    await flush;
  });
});

it("spreads torrents over the threads that are asked for", async () => {
  io = new CachedDiskIo({ cacheSize: 8 << 20, threads: 3 });
  store.release();
  for (let id = 0; id < 6; id++) {
    const { torrent, handler } = await open(id);
    for (const piece of [1, 2]) torrent.pin(pieceIndex(piece), blockIndex(0), 1);
    await handler.until(() => handler.read.length === 2);
  }
  const threads = new Map<number, Set<string>>();
  for (const { thread, torrent } of store.calls()) {
    threads.set(thread, (threads.get(thread) ?? new Set()).add(torrent));
  }
  expect([...threads.values()].map((torrents) => [...torrents])).toEqual([
    ["0", "3"],
    ["1", "4"],
    ["2", "5"],
  ]);
});
