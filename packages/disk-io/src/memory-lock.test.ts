// Locking memory: with the system's leave, without it, and without koffi.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fixture, notes, specOf } from "../testing/torrent.ts";
import { createDiskIo } from "./disk-io.ts";
import { MemoryLock } from "./memory-lock.ts";
import { memoryStore } from "./memory-store.ts";
import type { Native } from "./native.ts";

const MIB = 2 ** 20;
const isLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;

/** Bytes that the kernel counts as locked in this process. */
function lockedBytes(): number {
  const [, kib] = /VmLck:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kib) * 1024;
}

describe("locking the cache", () => {
  it.runIf(isLinux)("holds all of it in RAM, or warns once and goes on without", async () => {
    const before = lockedBytes();
    const io = createDiskIo({ cacheSize: 40 * MIB, lockMemory: true });
    const warnings: unknown[] = [];
    io.onWarning = (warning) => warnings.push(warning);
    const data = fixture(16_384, [16_384]);
    const open = (id: string) => {
      const layout = { ...data.layout, id };
      return io.open({ ...specOf(data, memoryStore(), notes()), layout });
    };
    expect(io.stats().lockedBytes).toBe(0);
    await Promise.all([open("a"), open("b")]);
    if (isRoot || warnings.length === 0) {
      expect(warnings).toEqual([]);
      expect(io.stats().lockedBytes).toBe(40 * MIB);
      expect(lockedBytes() - before).toBeGreaterThanOrEqual(40 * MIB);
    } else {
      expect(warnings).toEqual([expect.objectContaining({ code: "ERR_DISK_UNSUPPORTED" })]);
      expect(io.stats().lockedBytes).toBe(0);
    }
    await io.close();
    expect(io.stats().lockedBytes).toBe(0);
    expect(lockedBytes()).toBe(before);
  });

  const canLimit = isLinux && isRoot && existsSync("/usr/bin/prlimit");
  it.runIf(canLimit)("goes on with a warning where the limit is low", () => {
    const script = `
      import { readFileSync } from "node:fs";
      import { createDiskIo, memoryStore } from "@shoal/disk-io";
      import { PieceGeometry } from "@shoal/core";
      const io = createDiskIo({ cacheSize: 40 * 2 ** 20, lockMemory: true });
      io.onWarning = ({ code }) => console.log(code);
      const layout = { id: "a", pieceLength: 16384, totalLength: 1, files: [] };
      const geometry = new PieceGeometry(1, 16384);
      const handler = {};
      await io.open({ geometry, layout, handler, pieceHashes: new Uint8Array(20), store: memoryStore() });
      console.log(io.stats().lockedBytes, /VmLck:\\s+0 kB/.test(readFileSync("/proc/self/status", "utf8")));
      await io.close();
    `;
    const node = [process.execPath, "--conditions=shoal-source", "--input-type=module", "-e"];
    // Root without the privilege to lock what it likes.
    const bounded = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"];
    const output = execFileSync("prlimit", ["--memlock=65536", ...bounded, ...node, script], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      encoding: "utf8",
    });
    expect(output).toBe("ERR_DISK_UNSUPPORTED\n0 true\n");
  });
});

describe("MemoryLock", () => {
  const memory = new Uint8Array(40 * MIB);

  it("says what to do where koffi is missing", async () => {
    const lock = new MemoryLock(memory, () => Promise.resolve(undefined));
    const refusal = await lock.lock();
    expect(refusal?.message).toMatch(/koffi/);
    await lock.unlock();
  });

  it("unlocks what it had locked when the rest is refused, and tells one caller", async () => {
    const log: string[] = [];
    const native: Native = {
      lock: ({ byteOffset }) => {
        log.push(`lock ${byteOffset / MIB}`);
        return byteOffset > 20 * MIB ? "ENOMEM" : undefined;
      },
      unlock: ({ byteOffset, length }) => {
        log.push(`unlock ${byteOffset / MIB} ${length / MIB}`);
        return undefined;
      },
      allocate: undefined,
      dropCached: undefined,
    };
    const lock = new MemoryLock(memory, () => Promise.resolve(native));
    const [first, second] = await Promise.all([lock.lock(), lock.lock()]);
    expect(first?.message).toMatch(/ENOMEM/);
    expect(second).toBeUndefined();
    expect(lock.lockedBytes).toBe(0);
    expect(log).toEqual(["lock 0", "lock 16", "lock 32", "unlock 0 16", "unlock 16 16"]);
    await lock.unlock();
  });
});
