// Large and odd: sizes, numbers, and things that are no files.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PieceGeometry } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download, fixture, notes, specOf } from "../testing/torrent.ts";
import { WITHOUT_KOFFI } from "../testing/without-koffi.ts";
import { createDiskIo } from "./disk-io.ts";
import { fsStore, openStore } from "./fs-store.ts";
import { openHandles } from "./handle-pool.ts";
import { loadNative } from "./native.ts";

const isLinux = process.platform === "linux";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-large-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("size", () => {
  it("takes a torrent of more than 1 TiB, without its space", async () => {
    const pieceLength = 16 << 20;
    const half = 600 * 2 ** 30;
    const data = fixture(pieceLength, [0]);
    const file = { pad: false, executable: false, symlink: undefined, length: half };
    const files = [
      { ...file, path: ["a"], offset: 0 },
      { ...file, path: ["b"], offset: half },
    ];
    const layout = { ...data.layout, pieceLength, totalLength: 2 * half, files };
    const geometry = new PieceGeometry(2 * half, pieceLength);
    const store = await openStore(layout, { path: folder });
    const [first, middle, last] = [0, half / pieceLength, geometry.pieceCount - 1];
    for (const piece of [first, middle, last]) {
      await store.write(piece, pieceLength - 5, [Buffer.from(`${piece}`.padStart(5))]);
    }
    const into = Buffer.alloc(5);
    expect(await store.read(last, pieceLength - 5, [into])).toBe(5);
    expect(into.toString()).toBe(`${last}`.padStart(5));
    expect(statSync(join(folder, "b")).size).toBe(half);
    expect(statSync(join(folder, "b")).blocks * 512).toBeLessThan(2 ** 20);
    // Of "a" there are no bytes behind its first piece, of "b" only holes between two.
    const present = [...((await store.present?.()) ?? [])];
    if (isLinux) expect(present).toEqual([first, middle, last]);
    else expect(present.length).toBe(geometry.pieceCount - middle + 1);
    await store.remove?.();
    await store.close();
  });

  it("takes 50,000 files with few handles", async () => {
    const files = Array.from({ length: 50_000 }, (_, i) => ({
      path: ["t", `${i % 100}`, `${i}`],
      length: 700,
    }));
    const data = fixture(1 << 20, files);
    const io = createDiskIo({ cacheSize: 16 << 20 });
    const handler = notes();
    const torrent = await io.open(specOf(data, fsStore({ path: folder }), handler));
    expect(await torrent.isEmpty()).toBe(true);
    await download(torrent, data, 3);
    await handler.until(() => handler.stored.length === 1);
    expect(io.stats().openHandles).toBeLessThanOrEqual(40);
    expect((await torrent.check()).count).toBe(1);
    expect(readFileSync(join(folder, "t", "5", "4505")).length).toBe(700);
    await torrent.close({ deleteData: true });
    expect(readdirSync(folder)).toEqual([]);
    await io.close();
  });

  it.runIf(isLinux && existsSync("/usr/bin/prlimit"))(
    "opens fewer files where the process may have few",
    () => {
      const script = `
        import { fsStore } from "@shoal/disk-io";
        import { readdirSync } from "node:fs";
        const files = Array.from({ length: 60 }, (_, i) => (
          { path: [String(i)], length: 10, offset: i * 10, pad: false, executable: false, symlink: undefined }));
        const layout = { id: "a", pieceLength: 600, totalLength: 600, files };
        const store = await fsStore({ path: process.env.FOLDER }).open(layout);
        const count = () => readdirSync("/proc/self/fd").length;
        const before = count();
        await store.write(0, 0, [Buffer.alloc(600, 1)]);
        console.log(count() - before, await store.read(0, 0, [Buffer.alloc(600)]));
      `;
      const node = [process.execPath, "--conditions=shoal-source", "--input-type=module", "-e"];
      const output = execFileSync("prlimit", ["--nofile=160:160", ...node, script], {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        encoding: "utf8",
        env: { ...process.env, FOLDER: folder },
      });
      expect(output).toBe("10 600\n");
    },
  );
});

describe("what is no regular file", () => {
  it.runIf(isLinux)("is neither read nor written nor waited for", async () => {
    execFileSync("mkfifo", [join(folder, "file0")]);
    mkdirSync(join(folder, "file1"));
    const data = fixture(4096, [4096, 4096]);
    const store = await openStore(data.layout, { path: folder });
    const refusal: unknown = expect.objectContaining({
      code: expect.stringMatching(/EEXIST|EISDIR/),
    });
    for (const piece of [0, 1]) {
      expect(() => store.read(piece, 0, [Buffer.alloc(10)])).toThrow(refusal);
      expect(() => store.write(piece, 0, [Buffer.alloc(10)])).toThrow(refusal);
    }
    await store.close();
    expect(openHandles()).toBe(0);
  });
});

describe("allocate: full", () => {
  it.runIf(isLinux)("reserves a file with its first write, of wanted files only", async () => {
    const data = fixture(4096, [1_000_000, 1_000_000]);
    const store = await openStore(data.layout, { path: folder, allocate: "full" });
    expect(store.warning).toBeUndefined();
    await store.setWanted?.([true, false]);
    await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
    const { size, blocks } = statSync(join(folder, "file0"));
    expect(size).toBe(1_000_000);
    expect(blocks * 512).toBeGreaterThanOrEqual(1_000_000);
    expect(readdirSync(folder)).toEqual(["file0"]);
    await store.close();
  });

  it.runIf(isLinux && existsSync("/dev/shm"))("finds out at once that a disk is full", async () => {
    const path = mkdtempSync("/dev/shm/shoal-full-");
    try {
      const length = 2 ** 44;
      const data = fixture(1 << 24, [0]);
      const file = { path: ["f"], length, offset: 0, pad: false, executable: false };
      const files = [{ ...file, symlink: undefined }];
      const layout = { ...data.layout, totalLength: length, files };
      const store = await openStore(layout, { path, allocate: "full" });
      expect(() => store.write(0, 0, [Buffer.alloc(10)])).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/ENOSPC|EFBIG/) }),
      );
      await store.remove?.();
      await store.close();
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it.runIf(isLinux)("goes on with sparse files, and says so, where koffi is not installed", () => {
    const script = `
      import { createHash } from "node:crypto";
      import { statSync } from "node:fs";
      import { PieceGeometry } from "@shoal/core";
      import { createDiskIo, fsStore } from "@shoal/disk-io";
      const length = 10 * 2 ** 20;
      const io = createDiskIo({ cacheSize: 0, threads: 0 });
      io.onWarning = ({ code, message }) => console.log(code, /koffi/.test(message));
      const stored = Promise.withResolvers();
      const file = { path: ["f"], length, offset: 0, pad: false, executable: false, symlink: undefined };
      const torrent = await io.open({
        geometry: new PieceGeometry(length, 16384),
        layout: { id: "a", pieceLength: 16384, totalLength: length, files: [file] },
        pieceHashes: Buffer.alloc(640 * 20, createHash("sha1").update(Buffer.alloc(16384, 1)).digest()),
        store: fsStore({ path: process.env.FOLDER, allocate: "full" }),
        handler: { pieceStored: stored.resolve, pieceFailed: stored.reject, writeFailed: stored.reject },
      });
      const slot = torrent.allocate(3, 0);
      torrent.copyIn(slot, 0, Buffer.alloc(16384, 1), 0, 16384);
      torrent.put(3, 0, slot);
      torrent.complete(3);
      console.log(await stored.promise, statSync(process.env.FOLDER + "/f").blocks * 512 < length);
      await io.close();
    `;
    const node = ["--conditions=shoal-source", "--import", WITHOUT_KOFFI, "--input-type=module"];
    const output = execFileSync(process.execPath, [...node, "-e", script], {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      encoding: "utf8",
      env: { ...process.env, FOLDER: folder },
    });
    expect(output).toBe("ERR_DISK_UNSUPPORTED true\n3 true\n");
  });

  it("warns through the disk layer where it can't be had", async () => {
    const data = fixture(4096, [4096]);
    const io = createDiskIo({ cacheSize: 0, threads: 0 });
    const warnings: unknown[] = [];
    io.onWarning = (warning) => warnings.push(warning);
    const store = { open: async () => ({ ...(await emptyStore()), warning: "files are sparse" }) };
    await io.open(specOf(data, store, notes()));
    expect(warnings).toEqual([expect.objectContaining({ code: "ERR_DISK_UNSUPPORTED" })]);
    await io.close();
  });
});

describe("dropBehind", () => {
  // Not of a tmpfs, which has no other place for its data: ext4, btrfs, XFS.
  const onDisk = [0xef53, 0x9123683e, 0x58465342].includes(statfsSync(tmpdir()).type);
  const canTell = isLinux && onDisk && existsSync("/usr/bin/fincore");

  it.runIf(isLinux)("lets the system forget, and reads the same", async () => {
    const dropCached = (await loadNative())?.dropCached;
    expect(dropCached).toBeDefined();
    const data = fixture(1 << 20, [3_000_000]);
    const store = await openStore(data.layout, { path: folder, dropBehind: true });
    await store.write(0, 0, [data.bytes.subarray(0, 1 << 20)]);
    await store.flush();
    const into = Buffer.alloc(1 << 20);
    expect(await store.read(0, 0, [into])).toBe(1 << 20);
    expect(into.equals(data.bytes.subarray(0, 1 << 20))).toBe(true);
    if (canTell) expect(cachedBytes(join(folder, "file0"))).toBe(0);
    await store.close();
    expect(dropCached?.(1_000_000, 0, 0)).toBe("EBADF");
  });

  it.runIf(canTell)("is not what happens otherwise", async () => {
    const data = fixture(1 << 20, [3_000_000]);
    const store = await openStore(data.layout, { path: folder });
    await store.write(0, 0, [data.bytes.subarray(0, 1 << 20)]);
    await store.flush();
    expect(cachedBytes(join(folder, "file0"))).toBeGreaterThan(0);
    await store.close();
  });
});

describe("renaming", () => {
  const paths = [
    { path: ["t", "a"], length: 3000 },
    { path: ["t", "sub", "b"], length: 3000 },
  ];

  it("gives a file another name, there already or not, and goes on with it", async () => {
    const data = fixture(4096, paths);
    const store = await openStore(data.layout, { path: folder });
    await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
    await store.rename?.(1, ["t", "new", "c"]);
    await store.write(1, 0, [data.bytes.subarray(4096)]);
    const names = readdirSync(folder, { recursive: true }).map(String).sort();
    expect(names).toEqual(["t", "t/a", "t/new", "t/new/c"]);
    expect(readFileSync(join(folder, "t/new/c")).equals(data.bytes.subarray(3000))).toBe(true);
    await store.close();
  });

  it("overwrites nothing and leaves nowhere", async () => {
    const data = fixture(4096, paths);
    const store = await openStore(data.layout, { path: folder });
    await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
    writeFileSync(join(folder, "mine"), "mine");
    const rename = (to: string[]) => () => store.rename?.(0, to);
    expect(rename(["mine"])).toThrow(expect.objectContaining({ code: "EEXIST" }));
    expect(rename(["t", "sub", "b"])).toThrow(expect.objectContaining({ code: "ERR_DISK_PATH" }));
    expect(rename(["..", "x"])).toThrow(expect.objectContaining({ code: "ERR_DISK_PATH" }));
    expect(readFileSync(join(folder, "mine"), "utf8")).toBe("mine");
    expect(await store.read(0, 0, [Buffer.alloc(4096)])).toBe(4096);
    await store.close();
  });
});

/** How much of a file the system has in memory. */
function cachedBytes(path: string): number {
  const options = ["--bytes", "--noheadings", "--output", "RES", path];
  return Number(execFileSync("fincore", options, { encoding: "utf8" }));
}

async function emptyStore() {
  return {
    read: () => 0,
    write: () => {},
    flush: () => {},
    close: () => {},
  };
}
