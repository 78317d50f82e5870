// The cache contract, line by line: small torrents, in-process jobs, a store that keeps a diary.
// Line e (locked memory) is in memory-lock.test.ts, line i (claims follow data) in durability.test.ts;
// policy.test.ts adds to f, fences.test.ts to g.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bitfield, BLOCK_SIZE, blockIndex, pieceIndex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { bench, downloadAll, pushOut } from "../testing/bench.ts";
import { nodeError } from "../testing/store.ts";
import { arrive, download, fixture, notes, readBlock, specOf, turn } from "../testing/torrent.ts";
import type { CachePolicyFactory } from "./cache-policy.ts";
import { NO_SLOT, type Slot } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";
import { lru } from "./lru-policy.ts";
import { memoryStore } from "./memory-store.ts";

const K16 = BLOCK_SIZE;

describe("a: reading ahead", () => {
  it("reads a block and all following ones of its piece in one call", async () => {
    const b = await bench(8, 8 * 20);
    await downloadAll(b);
    await pushOut(b);
    b.store.diary.length = 0;
    const { hits } = { hits: b.io.stats().readHits };
    for (let block = 2; block < 8; block++) {
      const bytes = await readBlock(b.torrent, b.handler, b.data, pieceIndex(0), blockIndex(block));
      expect(bytes.equals(b.data.bytes.subarray(block * K16, (block + 1) * K16))).toBe(true);
    }
    const reads = b.store.diary.filter(([call]) => call === "read");
    expect(reads.map(([, piece, begin, ...views]) => [piece, begin, sum(views)])).toEqual([
      [0, 2 * K16, 6 * K16],
    ]);
    expect(b.io.stats().readHits - hits).toBe(6);
    await b.io.close();
  });

  it("keeps one read per piece in flight and answers all who wait with it", async () => {
    const b = await bench(4, 4 * 40);
    await downloadAll(b);
    await pushOut(b);
    b.store.diary.length = 0;
    b.handler.read.length = 0;
    for (const block of [1, 2, 1]) {
      expect(b.torrent.pin(pieceIndex(0), blockIndex(block), block)).toBe(NO_SLOT);
    }
    await b.handler.until(() => b.handler.read.length > 0);
    await turn();
    expect(b.store.diary.filter(([call]) => call === "read").length).toBe(1);
    expect(b.handler.read).toEqual([0]);
    await b.io.close();
  });
});

describe("b: writing behind", () => {
  it("writes a whole piece with one call, and keeps it cached", async () => {
    const b = await bench(16, 32);
    await downloadAll(b);
    expect(b.store.diary).toEqual([
      ["write", 0, 0, 16 * K16],
      ["commit", 0, 0],
      ["write", 1, 0, 16 * K16],
      ["commit", 1, 0],
    ]);
    for (let i = 0; i < 32; i++) {
      const slot = b.torrent.pin(pieceIndex(i >> 4), blockIndex(i & 15), 1);
      expect(slot).not.toBe(NO_SLOT);
      b.torrent.unpin(slot);
    }
    expect(b.io.stats().readMisses).toBe(0);
    await b.io.close();
  });

  it("writes one vectored call when the blocks lie apart", async () => {
    const b = await bench(4, 160);
    // Homes become scarce: every group of 16 slots gets a block first.
    for (let i = 0; i < 30; i++) arrive(b.torrent, b.data, pieceIndex(i + 1), blockIndex(0));
    for (const block of [3, 1, 0, 2]) {
      while (!arrive(b.torrent, b.data, pieceIndex(0), blockIndex(block))) await turn();
    }
    b.torrent.complete(pieceIndex(0));
    await b.handler.until(() => b.handler.stored.length === 1);
    const writes = b.store.diary.filter(([call, piece]) => call === "write" && piece === 0);
    expect(writes.map(([, , begin, ...views]) => [begin, sum(views)])).toEqual([[0, 4 * K16]]);
    await b.io.close();
  });

  it("flushes the least recently updated piece when space is needed", async () => {
    const b = await bench(16, 16 * 8);
    // Three partial pieces; piece 1 is updated last though it began first.
    for (let block = 0; block < 8; block++) {
      for (const piece of [1, 0, 2]) {
        arrive(b.torrent, b.data, pieceIndex(piece), blockIndex(block));
      }
    }
    arrive(b.torrent, b.data, pieceIndex(0), blockIndex(8));
    arrive(b.torrent, b.data, pieceIndex(2), blockIndex(8));
    arrive(b.torrent, b.data, pieceIndex(1), blockIndex(8));
    arrive(b.torrent, b.data, pieceIndex(3), blockIndex(0));
    await turn();
    await turn();
    expect(b.store.diary).toEqual([["write", 0, 0, 9 * K16]]);
    await b.io.close();
  });
});

describe("c: one budget", () => {
  it("lets writes evict clean blocks, and a read never a dirty one", async () => {
    const b = await bench(16, 16 * 12);
    for (let i = 0; i < 4; i++) await download(b.torrent, b.data, i);
    await b.handler.until(() => b.handler.stored.length === 4);
    expect(b.io.stats()).toMatchObject({ clean: 64 * K16, free: 0, dirty: 0 });
    for (let i = 0; i < 10; i++) {
      expect(arrive(b.torrent, b.data, pieceIndex(4), blockIndex(i))).toBe(true);
    }
    expect(b.io.stats().dirty).toBe(10 * K16);
    for (let i = 0; i < 4; i++) {
      for (let n = 0; n < 16; n++) {
        await readBlock(b.torrent, b.handler, b.data, pieceIndex(i), blockIndex(n));
      }
      expect(b.io.stats().dirty).toBe(10 * K16);
      b.io.assertExact();
    }
    expect(b.store.diary.filter(([call, piece]) => call === "write" && piece === 4)).toEqual([]);
    await b.io.close();
  });
});

describe("d: hashing", () => {
  it("hashes a cached piece from the cache", async () => {
    const b = await bench(16, 48);
    await downloadAll(b);
    expect(b.io.stats()).toMatchObject({ reads: 0, hashedBytes: 48 * K16, writes: 3 });
    await b.io.close();
  });

  it("reads back of a partly flushed piece only what has left the cache", async () => {
    const b = await bench(32, 32 * 8);
    for (let block = 0; block < 16; block++) {
      arrive(b.torrent, b.data, pieceIndex(0), blockIndex(block));
    }
    await b.torrent.flush();
    for (let piece = 1; piece <= 2; piece++) await download(b.torrent, b.data, piece);
    await b.handler.until(() => b.handler.stored.length === 2);
    const before = b.io.stats();
    for (let block = 16; block < 32; block++) {
      while (!arrive(b.torrent, b.data, pieceIndex(0), blockIndex(block))) await turn();
    }
    b.store.diary.length = 0;
    b.torrent.complete(pieceIndex(0));
    await b.handler.until(() => b.handler.stored.length === 3);
    expect(b.io.stats().bytesRead - before.bytesRead).toBe(16 * K16);
    expect(b.store.diary).toEqual([
      ["read", 0, 0, 16 * K16],
      ["write", 0, 16 * K16, 16 * K16],
      ["commit", 0, 0],
    ]);
    await b.io.close();
  });

  it("tells the digests of a wrong piece's blocks, cached or flushed, and forgets it", async () => {
    const b = await bench(4, 8);
    arrive(b.torrent, b.data, pieceIndex(0), blockIndex(0));
    await b.torrent.flush();
    for (const block of [1, 2]) arrive(b.torrent, b.data, pieceIndex(0), blockIndex(block));
    const slot = b.torrent.allocate(pieceIndex(0), blockIndex(3));
    b.torrent.copyIn(slot, 0, new Uint8Array(K16), 0, K16);
    expect(b.torrent.put(pieceIndex(0), blockIndex(3), slot)).toBe(true);
    b.torrent.complete(pieceIndex(0));
    await b.handler.until(() => b.handler.failed.length === 1);
    const blocks = [0, 1, 2].map((i) => b.data.bytes.subarray(i * K16, (i + 1) * K16));
    const digests = [...blocks, new Uint8Array(K16)].map((block) =>
      createHash("sha1").update(block).digest(),
    );
    expect(Buffer.concat(digests).equals(b.handler.failed[0]?.digests ?? Buffer.of())).toBe(true);
    expect(b.io.stats().free).toBe(b.io.stats().cacheSize);
    // When it passes, the digests of the good blocks are told too.
    await download(b.torrent, b.data, 0);
    await b.handler.until(() => b.handler.stored.length === 1);
    const good = [0, 1, 2, 3].map((i) =>
      createHash("sha1")
        .update(b.data.bytes.subarray(i * K16, (i + 1) * K16))
        .digest(),
    );
    expect(b.handler.goodDigests.map(([piece]) => piece)).toEqual([0]);
    expect(Buffer.concat(good).equals(b.handler.goodDigests[0]?.[1] ?? Buffer.of())).toBe(true);
    await b.io.close();
  });

  it("blames nobody for flushed blocks that are gone: that is a failure of the disk", async () => {
    const b = await bench(4, 128);
    arrive(b.torrent, b.data, pieceIndex(0), blockIndex(0));
    await b.torrent.flush();
    for (let i = 1; i < 32; i++) await download(b.torrent, b.data, i);
    await b.handler.until(() => b.handler.stored.length === 31);
    await b.store.wipe();
    for (const n of [1, 2, 3]) arrive(b.torrent, b.data, pieceIndex(0), blockIndex(n));
    b.torrent.complete(pieceIndex(0));
    await b.handler.until(() => b.handler.writeErrors.length === 1);
    expect(b.handler.writeErrors[0]?.code).toBe("ERR_DISK_MISSING");
    b.torrent.discard(pieceIndex(0));
    b.torrent.retry();
    await download(b.torrent, b.data, 0);
    await b.handler.until(() => b.handler.stored.length === 32);
    await b.io.close();
  });
});

describe("f: replacement", () => {
  /** Whether piece 0 outlives that peer 1 reads 30 others, after these peers have read it. */
  async function outlives(peers: readonly number[], policy?: CachePolicyFactory): Promise<boolean> {
    const b = await bench(8, 8 * 40, 0, policy);
    await downloadAll(b);
    for (const peer of peers) {
      for (let n = 0; n < 8; n++) {
        await readBlock(b.torrent, b.handler, b.data, pieceIndex(0), blockIndex(n), peer);
      }
    }
    for (let i = 1; i <= 30; i++) {
      for (let n = 0; n < 8; n++) {
        await readBlock(b.torrent, b.handler, b.data, pieceIndex(i), blockIndex(n), 1);
      }
    }
    const slot = b.torrent.pin(pieceIndex(0), blockIndex(7), 1);
    if (slot !== NO_SLOT) b.torrent.unpin(slot);
    await b.io.close();
    return slot !== NO_SLOT;
  }

  it("keeps what several peers use while one reads everything", async () => {
    expect(await outlives([1, 2])).toBe(true);
  });

  it("takes a peer's use of many blocks, or again, for one", async () => {
    expect(await outlives([1])).toBe(false);
    expect(await outlives([1, 1, 1])).toBe(false);
  });

  it("is a policy that can be replaced: with lru the last use alone counts", async () => {
    expect(await outlives([1, 2], lru())).toBe(false);
  });

  it("evicts clean blocks of a partial piece last: they'd be read back to hash it", async () => {
    const b = await bench(16, 16 * 12);
    for (let n = 0; n < 8; n++) arrive(b.torrent, b.data, pieceIndex(0), blockIndex(n));
    await b.torrent.flush();
    for (let i = 1; i < 12; i++) {
      await download(b.torrent, b.data, i);
      await b.handler.until(() => b.handler.stored.length === i);
    }
    const { bytesRead } = b.io.stats();
    for (let n = 8; n < 16; n++) {
      while (!arrive(b.torrent, b.data, pieceIndex(0), blockIndex(n))) await turn();
    }
    b.torrent.complete(pieceIndex(0));
    await b.handler.until(() => b.handler.stored.length === 12);
    expect(b.io.stats().bytesRead).toBe(bytesRead);
    await b.io.close();
  });
});

describe("g: fences", () => {
  it("waits for what came before, writes partial pieces first, holds what comes after", async () => {
    const b = await bench(4, 16);
    let go = (): void => {};
    b.store.pause = new Promise((resolve) => {
      go = resolve;
    });
    await download(b.torrent, b.data, 0);
    arrive(b.torrent, b.data, pieceIndex(1), blockIndex(2));
    const moved = b.torrent.move("/x");
    await download(b.torrent, b.data, 2);
    const flushed = b.torrent.flush();
    await turn();
    expect(b.store.diary.map(([call, piece]) => [call, piece])).toEqual([["write", 0]]);
    go();
    await Promise.all([moved, flushed]);
    expect(b.store.diary.map(([call, piece]) => [call, piece])).toEqual([
      ["write", 0],
      ["commit", 0],
      ["write", 1],
      ["move", 2],
      ["write", 2],
      ["commit", 2],
      ["flush", 0],
    ]);
    await b.io.close();
  });

  it("ends a check early when the torrent is closed", async () => {
    const b = await bench(4, 1024);
    await downloadAll(b);
    let checked = 0;
    const check = b.torrent.check({
      onProgress: (count) => {
        checked = count;
        void b.torrent.close();
      },
    });
    await expect(check).rejects.toMatchObject({ code: "ERR_DISK_CLOSED" });
    expect(checked).toBeLessThan(256);
    await b.torrent.close();
    await b.io.close();
  });

  it("aborts a check with the signal's reason, and checks only what it is asked to", async () => {
    const b = await bench(4, 1024);
    await download(b.torrent, b.data, 2);
    const pieces = new Bitfield(256);
    for (const piece of [1, 2, 3]) pieces.add(piece);
    expect([...(await b.torrent.check({ pieces }))]).toEqual([2]);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(b.torrent.check({ signal })).rejects.toBe(reason);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(reason);
    const check = b.torrent.check({ onProgress, signal: controller.signal });
    await expect(check).rejects.toBe(reason);
    await b.io.close();
  });

  it("passes a full disk: flush says so, close lets go of everything and says so", async () => {
    const b = await bench(4, 16);
    b.store.writeError = nodeError("ENOSPC");
    arrive(b.torrent, b.data, pieceIndex(0), blockIndex(0));
    await expect(b.torrent.flush()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    await b.torrent.check();
    await expect(b.torrent.close()).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    expect(b.io.stats().free).toBe(b.io.stats().cacheSize);
    await expect(b.torrent.flush()).rejects.toMatchObject({ code: "ERR_DISK_CLOSED" });
    await b.io.close();
  });
});

describe("h: the account", () => {
  it("never exceeds the budget and publishes every byte of it", async () => {
    const b = await bench(16, 16 * 30);
    for (let i = 0; i < 30; i++) {
      for (let block = 0; block < 16; block++) {
        while (!arrive(b.torrent, b.data, pieceIndex(i), blockIndex(block))) await turn();
        const { cacheSize, dirty, clean, pinned, inFlight, free } = b.io.stats();
        expect(cacheSize).toBe(1 << 20);
        expect(dirty + clean + pinned + inFlight + free).toBe(cacheSize);
      }
      b.torrent.complete(pieceIndex(i));
    }
    await b.handler.until(() => b.handler.stored.length === 30);
    b.io.assertExact();
    await b.io.close();
  });

  it("tells how many bytes a call of the system moves", async () => {
    const path = mkdtempSync(join(tmpdir(), "shoal-account-"));
    const io = new CachedDiskIo({ cacheSize: 4 << 20, threads: 0 });
    expect(io.stats()).toMatchObject({ bytesPerSystemCall: 0, hitRate: 0 });
    // Three pieces in five files: every part is too small for more than one call.
    const data = fixture(16_384, [10_000, 20_000, 100, 0, 10_000]);
    const handler = notes();
    const torrent = await io.open(specOf(data, fsStore({ path }), handler));
    for (let piece = 0; piece < 3; piece++) await download(torrent, data, piece);
    await handler.until(() => handler.stored.length === 3);
    expect(io.stats()).toMatchObject({ writes: 3, systemWrites: 6, reads: 0, systemReads: 0 });
    expect(io.stats().bytesPerSystemCall).toBe(40_100 / 6);
    await torrent.check();
    expect(io.stats()).toMatchObject({ writes: 3, systemWrites: 6, reads: 3, systemReads: 6 });
    expect(io.stats().bytesPerSystemCall).toBe(80_200 / 12);
    // A store that does not tell has taken one call each.
    const other = await io.open(specOf(data, memoryStore(), handler));
    await download(other, data, 0);
    await handler.until(() => handler.stored.length === 4);
    expect(io.stats()).toMatchObject({ writes: 4, systemWrites: 7 });
    await io.close();
    rmSync(path, { recursive: true });
  });

  it("asks receivers to pause while the disk is slow, and to go on when it has caught up", async () => {
    const b = await bench(4, 100);
    const changes: boolean[] = [];
    b.io.onCongestion = (congested) => changes.push(congested);
    let go = (): void => {};
    b.store.pause = new Promise((resolve) => {
      go = resolve;
    });
    let taken = 0;
    for (; !b.io.congested; taken++) {
      arrive(b.torrent, b.data, pieceIndex(taken >> 2), blockIndex(taken & 3));
      if ((taken & 3) === 3) b.torrent.complete(pieceIndex(taken >> 2));
    }
    // There is room for a chunk more of what the socket has brought already.
    for (let i = 0; i < 16; i++, taken++) {
      expect(arrive(b.torrent, b.data, pieceIndex(taken >> 2), blockIndex(taken & 3))).toBe(true);
    }
    go();
    await b.handler.until(() => changes.length === 2);
    expect(changes).toEqual([true, false]);
    await b.torrent.close({ deleteData: true });
    await b.io.close();
  });

  it("tells what became of blocks read ahead, and of pieces evicted too early", async () => {
    const b = await bench(8, 8 * 40);
    await downloadAll(b);
    await pushOut(b);
    const read = (piece: number, block: number, peer: number): Promise<Buffer> =>
      readBlock(b.torrent, b.handler, b.data, pieceIndex(piece), blockIndex(block), peer);
    const before = b.io.stats();
    for (let n = 0; n < 4; n++) await read(0, n, 1);
    const { readAheadUsed, readAheadWasted, readHits, readMisses } = b.io.stats();
    expect(readAheadUsed - before.readAheadUsed).toBe(3 * K16);
    expect([readHits - before.readHits, readMisses - before.readMisses]).toEqual([4, 1]);
    expect(b.io.stats().hitRate).toBe((readHits - readMisses) / readHits);
    for (let i = 1; i < 30; i++) for (let n = 0; n < 8; n++) await read(i, n, 1);
    expect(b.io.stats().readAheadWasted - readAheadWasted).toBeGreaterThanOrEqual(4 * K16);
    const { ghostHits } = b.io.stats();
    await read(29, 0, 2);
    expect(b.io.stats().ghostHits).toBe(ghostHits);
    await read(18, 0, 2);
    expect(b.io.stats().ghostHits).toBe(ghostHits + 1);
    await b.io.close();
  });

  it.each([0, 1 << 20, (1 << 20) + 5 * K16])(
    "is exact with pins, cacheSize %i",
    async (cacheSize) => {
      const b = await bench(8, 8 * 20, cacheSize);
      const account = (): void => {
        const { cacheSize: size, dirty, clean, pinned, inFlight, free } = b.io.stats();
        expect(dirty + clean + pinned + inFlight + free).toBe(size);
        expect(size).toBe(Math.max(1 << 20, cacheSize));
      };
      await downloadAll(b);
      const pins: Slot[] = [];
      for (let piece = 0; piece < 20; piece++) {
        for (let block = 0; block < 8; block += 3) {
          await readBlock(b.torrent, b.handler, b.data, pieceIndex(piece), blockIndex(block));
          const slot = b.torrent.pin(pieceIndex(piece), blockIndex(block), piece);
          if (slot !== NO_SLOT) pins.push(slot);
          account();
          if (pins.length > 32) for (const old of pins.splice(0, 16)) b.torrent.unpin(old);
        }
      }
      expect(b.io.stats().pinned).toBe(pins.length * K16);
      for (const slot of pins) b.torrent.unpin(slot);
      b.io.assertExact();
      await b.io.close();
    },
  );
});

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
