// Checks: on all cores, behind all other work, and without reading what the store knows.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { blockIndex, pieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { gatedStore } from "../testing/gated-store.ts";
import { diaryStore } from "../testing/store.ts";
import { download, fixture, notes, specOf, turn } from "../testing/torrent.ts";
import { createDiskIo } from "./disk-io.ts";

const MIB = 2 ** 20;

/** How many threads of this process have been told to let others go first. */
function yieldingThreads(): number {
  return readdirSync("/proc/self/task").filter((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    // Behind the name, which may have anything in it, nice is the 17th.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]) > 0;
  }).length;
}

describe("a large check", () => {
  const data = fixture(MIB, [65 * MIB]);

  it("reads on as many threads as it may, of which those that help let others go first", async () => {
    const store = gatedStore({ holdsReads: true });
    const io = createDiskIo({ cacheSize: 0, checkThreads: 3 });
    const torrent = await io.open(specOf(data, store, notes()));
    const check = torrent.check();
    // Each thread is stuck in its first read.
    await store.called(3);
    const threads = new Set(store.calls().map(({ thread }) => thread));
    expect(threads.size).toBe(3);
    if (process.platform === "linux" && getPriority() === 0) expect(yieldingThreads()).toBe(2);
    store.release();
    await check;
    expect(new Set(store.calls().map(({ thread }) => thread))).toEqual(threads);
    expect(io.stats().bytesRead).toBe(65 * MIB);
    if (process.platform === "linux" && getPriority() === 0) expect(yieldingThreads()).toBe(0);
    await io.close();
  });

  it("lets a peer's read of another torrent wait for one batch of 1 MiB", async () => {
    const store = gatedStore({ holdsReads: true });
    const io = createDiskIo({ cacheSize: 0, checkThreads: 1 });
    const checked = await io.open(
      specOf({ ...data, layout: { ...data.layout, id: "0" } }, store, notes()),
    );
    const handler = notes();
    const other = await io.open(
      specOf({ ...data, layout: { ...data.layout, id: "1" } }, store, handler),
    );
    const check = checked.check();
    await store.called(1);
    other.pin(pieceIndex(3), blockIndex(0), 1);
    await turn();
    store.release();
    await handler.until(() => handler.read.length === 1);
    await check;
    // The batch under way, in reads of 256 KiB, then the peer's.
    expect(store.calls().findIndex(({ torrent }) => torrent === "1")).toBe(4);
    await io.close();
  });
});

describe("a store that knows digests", () => {
  it("is believed, and read where it knows none", async () => {
    const data = fixture(16_384, [10 * 16_384]);
    const inner = diaryStore();
    const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();
    const asked: number[] = [];
    const hash = (piece: number): Uint8Array | Promise<Uint8Array> | undefined => {
      asked.push(piece);
      if (piece === 1) return Promise.resolve(data.pieceHashes.subarray(20, 40));
      if (piece === 2) return sha1(Buffer.from("something else"));
      return undefined;
    };
    const store = {
      open: async (layout: typeof data.layout) => ({ ...(await inner.open(layout)), hash }),
    };
    const io = createDiskIo({ cacheSize: 0, threads: 0 });
    const handler = notes();
    const torrent = await io.open(specOf(data, store, handler));
    for (const piece of [2, 3]) await download(torrent, data, piece);
    await handler.until(() => handler.stored.length === 2);
    inner.diary.length = 0;
    expect([...(await torrent.check())]).toEqual([1, 3]);
    const read = inner.diary.filter(([call]) => call === "read").map(([, piece]) => piece);
    expect(read).toEqual([0, 3, 4, 5, 6, 7, 8, 9]);
    expect(asked).toEqual([...Array(10).keys()]);
    await io.close();
  });
});
