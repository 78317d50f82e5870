// Stores around stores: slow, timed, read-only.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockIndex, pieceIndex } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeError } from "../testing/store.ts";
import { download, fixture, notes, readBlock, specOf } from "../testing/torrent.ts";
import type { StoreFactory } from "./contract.ts";
import { createDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";
import { memoryStore } from "./memory-store.ts";
import { readOnly } from "./read-only.ts";
import { slow } from "./slow.ts";
import { type TimedCall, timed } from "./timed.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-around-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const data = fixture(32_768, [100_000]);
const whole = data.bytes.subarray(0, 32_768);

/** Downloads the torrent into a store. */
async function fill(store: StoreFactory, threads = 0): Promise<void> {
  const io = createDiskIo({ cacheSize: 0, threads });
  const handler = notes();
  const torrent = await io.open(specOf(data, store, handler));
  for (let i = 0; i < data.geometry.pieceCount; i++) await download(torrent, data, i);
  await handler.until(() => handler.stored.length === data.geometry.pieceCount);
  await io.close();
}

describe("slow", () => {
  it("takes its time, one call after the other", async () => {
    const slept: number[] = [];
    let wake: () => void = () => {};
    const sleep = (ms: number): Promise<void> => {
      slept.push(ms);
      return new Promise((resolve) => {
        wake = resolve;
      });
    };
    const factory = slow(memoryStore(), { latencyMs: 5, bytesPerSecond: 32_768_000, sleep });
    expect(factory.thread).toBeUndefined();
    const store = await factory.open(data.layout);
    const done: string[] = [];
    const first = Promise.resolve(store.write(0, 0, [whole])).then(() => done.push("write"));
    const second = Promise.resolve(store.flush()).then(() => done.push("flush"));
    await turns();
    expect([slept, done]).toEqual([[6], []]);
    wake();
    await first;
    await turns();
    expect([slept, done]).toEqual([[6, 5], ["write"]]);
    wake();
    await second;
  });

  it("goes on after a call that failed", async () => {
    const factory = slow(readOnly(memoryStore()), { sleep: () => Promise.resolve() });
    const store = await factory.open(data.layout);
    await expect(store.write(0, 0, [whole])).rejects.toMatchObject({ code: "EROFS" });
    expect(await store.read(0, 0, [Buffer.alloc(9)])).toBe(0);
  });

  it("runs in disk threads around stores that do", async () => {
    await fill(slow(fsStore({ path: folder }), { latencyMs: 1 }), 1);
    expect(readFileSync(join(folder, "file0")).equals(data.bytes)).toBe(true);
  });
});

describe("timed", () => {
  it("tells what each call took, also of those that fail", async () => {
    const calls: TimedCall[] = [];
    let time = 0;
    const clock = (): number => time++;
    const failing: StoreFactory = {
      open: () => ({
        read: () => 0,
        write: () => Promise.reject(nodeError("EIO")),
        flush: () => {
          throw nodeError("EIO");
        },
        close: () => Promise.resolve(),
      }),
    };
    const store = await timed(failing, (call) => calls.push(call), clock).open(data.layout);
    expect("commit" in store).toBe(false);
    await store.read(0, 0, [Buffer.alloc(9), Buffer.alloc(2)]);
    await expect(store.write(0, 0, [Buffer.alloc(4)])).rejects.toThrow("EIO");
    expect(() => store.flush()).toThrow("EIO");
    await store.close();
    expect(calls).toEqual([
      { call: "read", bytes: 11, ms: 1, failed: false },
      { call: "write", bytes: 4, ms: 1, failed: true },
      { call: "flush", bytes: 0, ms: 1, failed: true },
      { call: "close", bytes: 0, ms: 1, failed: false },
    ]);
  });
});

describe("readOnly", () => {
  it.each([0, 1])("serves what is there and changes nothing (%i threads)", async (threads) => {
    const files = fsStore({ path: folder });
    await fill(files);
    const io = createDiskIo({ cacheSize: 0, threads });
    const handler = notes();
    const torrent = await io.open(specOf(data, readOnly(files), handler));
    await torrent.setWanted([false]);
    expect((await torrent.check()).isFull).toBe(true);
    const block = await readBlock(torrent, handler, data, pieceIndex(0), blockIndex(1));
    expect(block.equals(data.bytes.subarray(16_384, 32_768))).toBe(true);
    await torrent.finish();
    await torrent.flush();
    const refused = { code: "ERR_DISK_ACCESS" };
    await expect(torrent.move(join(folder, "other"))).rejects.toMatchObject(refused);
    await expect(torrent.rename(0, ["other"])).rejects.toMatchObject(refused);
    await download(torrent, data, 1);
    await handler.until(() => handler.writeErrors.length === 1);
    expect(handler.writeErrors[0]).toMatchObject(refused);
    await expect(torrent.close({ deleteData: true })).rejects.toMatchObject(refused);
    await io.close();
    expect(readdirSync(folder)).toEqual(["file0"]);
  });
});

/** Lets everything run that only waits for microtasks. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
