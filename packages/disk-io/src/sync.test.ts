// What a crash of the machine may take: names of files and folders that were not synced.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fixture } from "../testing/torrent.ts";
import type { TorrentStore } from "./contract.ts";
import { openStore } from "./fs-store.ts";
import type * as sync from "./sync.ts";

/** Every folder that was synced, and how many files there were at the source of a move by then. */
const log = vi.hoisted(() => ({ synced: [] as string[], left: [] as number[], source: "" }));
vi.mock("./sync.ts", async (original) => {
  const real = await original<typeof sync>();
  const syncFolder = (path: string): void => {
    real.syncFolder(path);
    log.synced.push(path);
    if (log.source !== "") log.left.push(readdirSync(log.source).length);
  };
  return { ...real, syncFolder } satisfies typeof sync;
});

const data = fixture(4096, [
  { path: ["t", "a"], length: 3000 },
  { path: ["t", "sub", "deep", "b"], length: 3000 },
]);

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "shoal-sync-"));
  Object.assign(log, { synced: [], left: [], source: "" });
});
afterEach(() => rmSync(base, { recursive: true }));

async function fill(store: TorrentStore): Promise<void> {
  await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
  await store.write(1, 0, [data.bytes.subarray(4096)]);
}

/** The folders synced since the last call, below `base`. */
function synced(): string[] {
  return log.synced
    .splice(0)
    .map((path) => path.slice(base.length + 1))
    .sort();
}

describe("a flush", () => {
  it("makes durable the names of files and of all folders that were made for them, once", async () => {
    const store = await openStore(data.layout, { path: join(base, "new", "root") });
    await fill(store);
    expect(synced()).toEqual([]);
    await store.flush();
    expect(synced()).toEqual([
      "",
      "new",
      "new/root",
      "new/root/t",
      "new/root/t/sub",
      "new/root/t/sub/deep",
    ]);
    await fill(store);
    await store.flush();
    expect(synced()).toEqual(["new/root/t", "new/root/t/sub/deep"]);
    await store.close();
  });

  it("doubts the folders of pieces that a check found, for it may not have made them", async () => {
    const before = await openStore(data.layout, { path: base });
    await fill(before);
    await before.close();
    const store = await openStore(data.layout, { path: base });
    await store.flush([1]);
    expect(synced()).toEqual(["", "t", "t/sub", "t/sub/deep"]);
    await store.close();
  });

  it("tries folders again after one that failed", async () => {
    const root = join(base, "root");
    const store = await openStore(data.layout, { path: root });
    await fill(store);
    rmSync(join(root, "t", "sub"), { recursive: true });
    await expect(store.flush()).rejects.toMatchObject({ code: "ENOENT" });
    expect(synced()).toEqual([]);
    mkdirSync(join(root, "t", "sub", "deep"), { recursive: true });
    await store.write(0, 0, [data.bytes.subarray(0, 3000)]);
    await store.flush();
    expect(synced()).toEqual(["", "root", "root/t", "root/t/sub"]);
    await store.close();
  });

  it("forgets folders that were made and removed again", async () => {
    const store = await openStore(data.layout, { path: base });
    await fill(store);
    await store.rename?.(1, ["t", "b"]);
    await store.flush();
    expect(synced()).toEqual(["", "t"]);
    await store.close();
  });

  it.runIf(process.platform === "linux" && process.getuid?.() === 0)(
    "works in a folder that may be written but not read",
    async () => {
      const root = join(base, "root");
      mkdirSync(root);
      for (const path of [base, root]) chownSync(path, 65_534, 65_534);
      chmodSync(root, 0o300);
      process.seteuid?.(65_534);
      try {
        const store = await openStore(data.layout, { path: root });
        await fill(store);
        await store.flush();
        await store.close();
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});

describe("a move to another file system", () => {
  const isOther = existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev;

  it.runIf(isOther)("removes nothing before its copies and their names are durable", async () => {
    const away = mkdtempSync("/dev/shm/shoal-sync-");
    try {
      const store = await openStore(data.layout, { path: base });
      await fill(store);
      log.source = join(base, "t");
      const target = join(away, "x");
      await store.move?.(target);
      log.source = "";
      expect(log.synced.sort()).toEqual([
        away,
        target,
        ...["t", "t/sub", "t/sub/deep"].map((name) => join(target, name)),
      ]);
      expect(log.left).toEqual(log.synced.map(() => 2));
      expect(existsSync(join(base, "t"))).toBe(false);
      await store.close();
    } finally {
      rmSync(away, { recursive: true });
    }
  });

  it.runIf(isOther)("leaves everything as it was if it fails half-way", async () => {
    const away = mkdtempSync("/dev/shm/shoal-sync-");
    try {
      const store = await openStore(data.layout, { path: base });
      await fill(store);
      mkdirSync(join(away, "t"));
      writeFileSync(join(away, "t", "sub"), "mine");
      expect(() => store.move?.(away)).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
      expect(readdirSync(away, { recursive: true })).toEqual(["t", "t/sub"]);
      const whole = Buffer.alloc(data.bytes.length);
      await store.read(0, 0, [whole.subarray(0, 4096)]);
      await store.read(1, 0, [whole.subarray(4096)]);
      expect(whole.equals(data.bytes)).toBe(true);
      await store.flush();
      await store.close();
    } finally {
      rmSync(away, { recursive: true });
    }
  });
});
