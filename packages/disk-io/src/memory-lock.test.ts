// Line e of the cache contract: memory is locked where asked, else there is a warning, and it goes on.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fixture, notes, specOf } from "../testing/torrent.ts";
import { WITHOUT_KOFFI } from "../testing/without-koffi.ts";
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

describe("e: locked memory", () => {
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
  it.runIf(canLimit)("goes on with a warning where the limit is low, as root too", () => {
    const who = ["--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"];
    expect(limited(who)).toBe("ERR_DISK_UNSUPPORTED ulimit\n0 true\ntrue\n");
  });

  it.runIf(canLimit && canNobody())("goes on with a warning as an unprivileged user", () => {
    expect(limited(NOBODY)).toBe("ERR_DISK_UNSUPPORTED ulimit\n0 true\ntrue\n");
  });

  it.runIf(isLinux)("goes on with a warning where koffi is not installed", () => {
    const output = inProcess([process.execPath, "--import", WITHOUT_KOFFI]);
    expect(output).toBe("ERR_DISK_UNSUPPORTED koffi\n0 true\ntrue\n");
  });
});

const NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/** Whether a user without rights can run Node on these files, which may lie in somebody's home. */
function canNobody(): boolean {
  const here = fileURLToPath(import.meta.url);
  const run = (...args: string[]): boolean =>
    spawnSync("setpriv", [...NOBODY, "test", ...args]).status === 0;
  return run("-r", here) && run("-x", process.execPath);
}

/** Runs {@link inProcess} with a limit of 64 KiB, with what `setpriv` is told. */
function limited(who: readonly string[]): string {
  return inProcess(["prlimit", "--memlock=65536", "setpriv", ...who, process.execPath]);
}

/**
 * Asks for locked memory in a process of its own, then downloads a piece there.
 *
 * @returns what it printed: the warning; the bytes locked, and whether the kernel agrees that there are
 *   none; whether the piece is stored.
 */
function inProcess([command = "", ...args]: readonly string[]): string {
  const script = `
    import { createHash } from "node:crypto";
    import { readFileSync } from "node:fs";
    import { createDiskIo, memoryStore } from "@shoal/disk-io";
    import { PieceGeometry } from "@shoal/core";
    const io = createDiskIo({ cacheSize: 40 * 2 ** 20, lockMemory: true });
    io.onWarning = ({ code, message }) => console.log(code, /ulimit|koffi/.exec(message)?.[0]);
    const stored = Promise.withResolvers();
    const torrent = await io.open({
      geometry: new PieceGeometry(5, 16384),
      layout: { id: "a", pieceLength: 16384, totalLength: 5, files: [] },
      pieceHashes: createHash("sha1").update("shoal").digest(),
      store: memoryStore(),
      handler: { pieceStored: stored.resolve, pieceFailed: stored.reject, writeFailed: stored.reject },
    });
    console.log(io.stats().lockedBytes, /VmLck:\\s+0 kB/.test(readFileSync("/proc/self/status", "utf8")));
    const slot = torrent.allocate(0, 0);
    torrent.copyIn(slot, 0, Buffer.from("shoal"), 0, 5);
    torrent.put(0, 0, slot);
    torrent.complete(0);
    console.log((await stored.promise) === 0);
    await io.close();
  `;
  const node = ["--conditions=shoal-source", "--input-type=module", "-e", script];
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  return execFileSync(command, [...args, ...node], { cwd, encoding: "utf8" });
}

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
      nextData: undefined,
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
