import { BLOCK_SIZE, blockIndex, pieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { bench, downloadAll } from "../testing/bench.ts";
import { nodeError } from "../testing/store.ts";
import { arrive, download, turn } from "../testing/torrent.ts";
import { NO_SLOT } from "./contract.ts";

const K16 = BLOCK_SIZE;

describe("failing writes", () => {
  it("keeps the data dirty, tells once, and goes on after retry", async () => {
    const b = await bench(4, 16);
    b.store.writeError = nodeError("ENOSPC");
    for (let i = 0; i < 3; i++) await download(b.torrent, b.data, i);
    await b.handler.until(() => b.handler.writeErrors.length > 0);
    for (let i = 0; i < 5; i++) await turn();
    expect(b.handler.writeErrors.map(({ code }) => code)).toEqual(["ERR_DISK_FULL"]);
    expect(b.io.stats().dirty).toBe(12 * K16);
    b.store.writeError = undefined;
    b.torrent.retry();
    await b.handler.until(() => b.handler.stored.length === 3);
    expect(b.io.stats()).toMatchObject({ dirty: 0, clean: 12 * K16 });
    await b.io.close();
  });

  it("tells what is wrong by the code", async () => {
    for (const [code, expected] of [
      ["EDQUOT", "ERR_DISK_FULL"],
      ["EACCES", "ERR_DISK_ACCESS"],
      ["EROFS", "ERR_DISK_ACCESS"],
      ["ELOOP", "ERR_DISK_ACCESS"],
      ["ENOTDIR", "ERR_DISK_EXISTS"],
      ["EIO", "ERR_DISK_IO"],
      ["constructor", "ERR_DISK_IO"],
    ] as const) {
      const b = await bench(4, 16);
      b.store.writeError = nodeError(code);
      arrive(b.torrent, b.data, pieceIndex(0), blockIndex(0));
      await expect(b.torrent.flush()).rejects.toMatchObject({ code: expected });
      b.store.writeError = undefined;
      await b.io.close();
      expect(b.store.diary.map(([call]) => call)).toEqual(["write", "write", "flush", "close"]);
    }
  });

  it("reports reads that fail or find too little", async () => {
    const b = await bench(4, 16);
    expect(b.torrent.pin(pieceIndex(1), blockIndex(0), 1)).toBe(NO_SLOT);
    await b.handler.until(() => b.handler.readErrors.length === 1);
    b.store.readError = nodeError("EIO");
    expect(b.torrent.pin(pieceIndex(1), blockIndex(0), 1)).toBe(NO_SLOT);
    await b.handler.until(() => b.handler.readErrors.length === 2);
    expect(b.handler.readErrors.map(({ code }) => code)).toEqual([
      "ERR_DISK_MISSING",
      "ERR_DISK_IO",
    ]);
    expect(b.io.stats().free).toBe(b.io.stats().cacheSize);
    await b.io.close();
  });
});

describe("slots", () => {
  it("takes a block once, and refuses what no block is arriving in", async () => {
    const b = await bench(4, 16);
    const piece = pieceIndex(0);
    const block = blockIndex(0);
    const first = b.torrent.allocate(piece, block);
    const second = b.torrent.allocate(piece, block);
    expect(b.torrent.put(piece, block, first)).toBe(true);
    expect(b.torrent.put(piece, block, second)).toBe(false);
    expect(() => b.torrent.free(second)).toThrow(RangeError);
    expect(() => b.torrent.put(pieceIndex(1), block, first)).toThrow(RangeError);
    expect(() => b.torrent.unpin(first)).toThrow(RangeError);
    expect(() => b.torrent.copyIn(first, 1, new Uint8Array(K16), 0, K16)).toThrow(RangeError);
    await b.io.close();
  });

  it("keeps pinned bytes of a dropped piece until they are unpinned", async () => {
    const b = await bench(4, 16);
    await downloadAll(b);
    const slot = b.torrent.pin(pieceIndex(0), blockIndex(0), 1);
    await b.torrent.close();
    expect(b.io.stats()).toMatchObject({ pinned: K16, clean: 0 });
    expect(b.data.bytes.subarray(0, K16).equals(b.torrent.view(slot, 0, K16))).toBe(true);
    b.torrent.unpin(slot);
    expect(b.io.stats().free).toBe(b.io.stats().cacheSize);
    await b.io.close();
  });
});
