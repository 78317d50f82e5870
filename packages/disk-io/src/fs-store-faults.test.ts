// Files that others change, and folders that refuse: typed errors, and recovery without a restart.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockIndex, pieceIndex } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { arrive, download, fixture, type Notes, notes, specOf } from "../testing/torrent.ts";
import type { DiskIo, DiskTorrent } from "./contract.ts";
import { createDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";

const data = fixture(65_536, [100_000, { path: ["sub", "b"], length: 200_000 }]);
const { pieceCount } = data.geometry;

/** Root may do anything: it becomes this user for a while. */
const NOBODY = 65_534;

let folder = "";
let io: DiskIo;
let handler: Notes;
let torrent: DiskTorrent;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-faults-"));
  io = createDiskIo({ cacheSize: 0 });
  handler = notes();
  torrent = await io.open(specOf(data, fsStore({ path: join(folder, "a") }), handler));
});
afterEach(async () => {
  await io.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

async function fill(from = 0, to = pieceCount): Promise<void> {
  for (let i = from; i < to; i++) await download(torrent, data, i);
  await handler.until(() => handler.stored.length === to);
}

const path = (...names: string[]): string => join(folder, "a", ...names);

async function good(): Promise<number[]> {
  return [...(await torrent.check())];
}

describe("files that others change", () => {
  it("are found shorter or missing by a check, and downloaded again in place", async () => {
    await fill();
    truncateSync(path("file0"), 70_000);
    expect(await good()).toEqual([0, 2, 3, 4]);
    rmSync(path("sub"), { recursive: true });
    expect(await good()).toEqual([0]);
    handler.stored.length = 1;
    await fill(1);
    expect(await good()).toEqual([0, 1, 2, 3, 4]);
    expect(readFileSync(path("file0")).equals(data.bytes.subarray(0, 100_000))).toBe(true);
  });

  it("are seen by a check if they were replaced", async () => {
    await fill();
    writeFileSync(path("other"), Buffer.alloc(100_000, 7));
    renameSync(path("other"), path("file0"));
    expect(await good()).toEqual([2, 3, 4]);
    expect(readFileSync(path("file0")).equals(Buffer.alloc(100_000, 7))).toBe(true);
  });

  it("are not taken for those that were written", async () => {
    await download(torrent, data, 0);
    await handler.until(() => handler.stored.length === 1);
    writeFileSync(path("other"), Buffer.alloc(65_536, 7));
    renameSync(path("other"), path("file0"));
    await expect(torrent.flush()).rejects.toMatchObject({ code: "ERR_DISK_CHANGED" });
    expect(await good()).toEqual([]);
  });

  it("that are gone fail reads, typed", async () => {
    await fill();
    // A check drops what is cached; removed afterwards, it is missed by reads only.
    await torrent.check();
    await torrent.move(join(folder, "b"));
    rmSync(join(folder, "b"), { recursive: true });
    torrent.pin(pieceIndex(3), blockIndex(0), 1);
    await handler.until(() => handler.readErrors.length > 0);
    expect(handler.readErrors[0]).toMatchObject({ code: "ERR_DISK_MISSING" });
  });
});

describe("folders that refuse", () => {
  it("stop writing with an error, until there is a way", async () => {
    writeFileSync(join(folder, "a"), "a file where the folder should be");
    await download(torrent, data, 0);
    await handler.until(() => handler.writeErrors.length === 1);
    expect(handler.writeErrors[0]).toMatchObject({ code: "ERR_DISK_EXISTS" });
    rmSync(join(folder, "a"));
    torrent.retry();
    await handler.until(() => handler.stored.length === 1);
    expect(await good()).toEqual([0]);
  });

  it.runIf(process.platform !== "win32")(
    "are told by their code when they are read-only",
    async () => {
      mkdirSync(path());
      const isRoot = process.getuid?.() === 0;
      if (isRoot) for (const one of [folder, path()]) chownSync(one, NOBODY, NOBODY);
      if (isRoot) process.seteuid?.(NOBODY);
      try {
        chmodSync(path(), 0o500);
        await download(torrent, data, 0);
        await handler.until(() => handler.writeErrors.length === 1);
        expect(handler.writeErrors[0]).toMatchObject({ code: "ERR_DISK_ACCESS" });
        chmodSync(path(), 0o700);
        torrent.retry();
        await handler.until(() => handler.stored.length === 1);
        chmodSync(path("file0"), 0o400);
        expect(await good()).toEqual([0]);
        await download(torrent, data, 1);
        await handler.until(() => handler.writeErrors.length === 2);
        expect(handler.writeErrors[1]).toMatchObject({ code: "ERR_DISK_ACCESS" });
        chmodSync(path("file0"), 0o600);
        torrent.retry();
        await handler.until(() => handler.stored.length === 2);
      } finally {
        if (isRoot) process.seteuid?.(0);
      }
    },
  );

  it("refuse names that are too long when they come to it", async () => {
    const deep = Array.from({ length: 30 }, () => "x".repeat(200));
    const long = fixture(65_536, [{ path: deep, length: 10 }]);
    const noted = notes();
    const layout = { ...long.layout, id: "long" };
    const spec = specOf({ ...long, layout }, fsStore({ path: join(folder, "c") }), noted);
    const other = await io.open(spec);
    await download(other, long, 0);
    await noted.until(() => noted.writeErrors.length === 1);
    expect(noted.writeErrors[0]).toMatchObject({ code: "ERR_DISK_PATH" });
    await other.close({ deleteData: true });
  });
});

describe("moving and renaming while it downloads", () => {
  const isOther = existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev;

  it.runIf(isOther)("takes along what is there, to another file system and back", async () => {
    const away = mkdtempSync("/dev/shm/shoal-away-");
    try {
      const ends: Promise<void>[] = [];
      for (let i = 0; i < pieceCount; i++) {
        const piece = pieceIndex(i);
        arrive(torrent, data, piece, blockIndex(0));
        ends.push(torrent.move(i % 2 === 0 ? join(away, `${i}`) : join(folder, `${i}`)));
        ends.push(torrent.rename(1, ["sub", `${i}`]));
        for (let block = blockIndex(1); block < data.geometry.blockCount(piece); block++) {
          arrive(torrent, data, piece, block);
        }
        torrent.complete(piece);
      }
      await Promise.all(ends);
      await torrent.flush();
      await handler.until(() => handler.stored.length === pieceCount);
      expect((await torrent.check()).isFull).toBe(true);
      const last = join(away, `${pieceCount - 1}`);
      const whole = Buffer.concat([
        readFileSync(join(last, "file0")),
        readFileSync(join(last, "sub", `${pieceCount - 1}`)),
      ]);
      expect(whole.equals(data.bytes)).toBe(true);
      expect(readdirSync(join(away, "0"))).toEqual([]);
      await torrent.close({ deleteData: true });
      expect(readdirSync(last)).toEqual([]);
    } finally {
      rmSync(away, { recursive: true, force: true });
    }
  });
});
