import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Fixture, fixture } from "../testing/torrent.ts";
import type { TorrentStore } from "./contract.ts";
import { fsStore, openStore } from "./fs-store.ts";
import { openHandles } from "./handle-pool.ts";

let base = "";
let folder = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "shoal-fs-"));
  folder = join(base, "downloads");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Writes all pieces, each in two calls of several views. */
async function writeAll(store: TorrentStore, { bytes, geometry }: Fixture): Promise<void> {
  const { pieceLength } = geometry;
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const whole = bytes.subarray(piece * pieceLength, (piece + 1) * pieceLength);
    const cut = whole.length >> 1;
    await store.write(piece, cut, views(whole.subarray(cut), 777));
    await store.write(piece, 0, views(whole.subarray(0, cut), 5000));
  }
}

async function readAll(store: TorrentStore, { bytes, geometry }: Fixture): Promise<Buffer> {
  const all = Buffer.alloc(bytes.length, 0xee);
  for (let piece = 0; piece < geometry.pieceCount; piece++) {
    const start = piece * geometry.pieceLength;
    const whole = all.subarray(start, start + geometry.pieceLength);
    expect(await store.read(piece, 0, views(whole, 1234))).toBe(whole.length);
  }
  return all;
}

function views(bytes: Buffer, size: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

/** All names below a folder. */
function tree(path: string): string[] {
  return existsSync(path) ? readdirSync(path, { recursive: true }).map(String).sort() : [];
}

describe("data in files", () => {
  it("keeps many files of odd sizes, with few handles open", async () => {
    const files = Array.from({ length: 200 }, (_, i) => ({
      path: [`sub${i % 7}`, `datei-${i} – ünïcödé 文件.bin`],
      length: (i * 7919) % 5003,
    }));
    const data = fixture(16_384, files);
    const store = await openStore(data.layout, { path: folder });
    expect(await store.isEmpty?.()).toBe(true);
    await writeAll(store, data);
    expect(openHandles()).toBeGreaterThan(1);
    await store.finish?.();
    expect(openHandles()).toBe(0);
    await store.flush();
    expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
    expect(openHandles()).toBeLessThanOrEqual(40);
    expect(await store.isEmpty?.()).toBe(false);
    await store.close();
    expect(openHandles()).toBe(0);
    for (const { path, length, offset } of data.layout.files) {
      const content = readFileSync(join(folder, ...path));
      expect(content.equals(data.bytes.subarray(offset, offset + length))).toBe(true);
    }
  });

  it("never stores padding, reads it as zeros", async () => {
    const data = fixture(4096, [
      { path: ["a"], length: 1000 },
      { path: [".pad", "3096"], length: 3096, pad: true },
      { path: ["b"], length: 5000 },
    ]);
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    expect(tree(folder)).toEqual(["a", "b"]);
    expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
    await store.close();
  });

  it("writes and reads beyond 4 GiB", async () => {
    const pieceLength = 4 << 20;
    const length = 5 * 2 ** 30;
    const file = { path: ["big"], length, offset: 0, pad: false, executable: false };
    const files = [{ ...file, symlink: undefined }];
    const layout = { id: "big", pieceLength, totalLength: length, files };
    const store = await openStore(layout, { path: folder });
    const last = length / pieceLength - 1;
    await store.write(last, pieceLength - 5, [Buffer.from("hello")]);
    const into = Buffer.alloc(5);
    expect(await store.read(last, pieceLength - 5, [into])).toBe(5);
    expect(into.toString()).toBe("hello");
    expect(statSync(join(folder, "big")).size).toBe(length);
    await store.close();
  });

  it("counts what there is where files are short or missing", async () => {
    const data = fixture(4096, [1000, 2000, 1096]);
    mkdirSync(folder);
    const store = await openStore(data.layout, { path: folder });
    const into = Buffer.alloc(4096);
    expect(await store.read(0, 0, [into])).toBe(0);
    writeFileSync(join(folder, "file0"), data.bytes.subarray(0, 1000));
    expect(await store.read(0, 0, [into])).toBe(1000);
    writeFileSync(join(folder, "file1"), data.bytes.subarray(1000, 1500));
    expect(await store.read(0, 0, [into])).toBe(1500);
    expect(await store.read(0, 1200, [into.subarray(0, 200)])).toBe(200);
    await store.write(0, 1500, [data.bytes.subarray(1500)]);
    expect(await store.read(0, 0, [into])).toBe(4096);
    expect(into.equals(data.bytes)).toBe(true);
    await store.close();
  });

  it("makes folders again that were removed meanwhile", async () => {
    const data = fixture(4096, [
      { path: ["sub", "a"], length: 4096 },
      { path: ["sub", "b"], length: 4096 },
    ]);
    const store = await openStore(data.layout, { path: folder });
    await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
    rmSync(folder, { recursive: true });
    await store.write(1, 0, [data.bytes.subarray(4096)]);
    await store.close();
    expect(tree(folder)).toEqual(["sub", "sub/b"]);
  });

  it("extends short files and truncates none", async () => {
    const data = fixture(4096, [4096]);
    mkdirSync(folder);
    writeFileSync(join(folder, "file0"), "x".repeat(9000));
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    await store.close();
    const content = readFileSync(join(folder, "file0"));
    expect(content.length).toBe(9000);
    expect(content.subarray(0, 4096).equals(data.bytes)).toBe(true);
  });
});

describe("what pieces do not make", () => {
  it("creates empty files, links and executables", async () => {
    const data = fixture(4096, [
      { path: ["run"], length: 100, executable: true },
      { path: ["deep", "er", "empty"], length: 0 },
      { path: ["deep", "link"], length: 0, symlink: ["run"] },
    ]);
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    await store.finish?.();
    await store.finish?.();
    await store.close();
    expect(tree(folder)).toEqual(["deep", "deep/er", "deep/er/empty", "deep/link", "run"]);
    expect(readlinkSync(join(folder, "deep/link"))).toBe("../run");
    expect(statSync(join(folder, "run")).mode & 0o100).toBe(0o100);
  });
});

describe("links", () => {
  it("refuses to write through a folder that leads outside, and makes nothing there", async () => {
    const outside = join(base, "outside");
    mkdirSync(outside);
    mkdirSync(folder);
    symlinkSync(outside, join(folder, "sub"));
    const data = fixture(4096, [{ path: ["sub", "deeper", "f"], length: 100 }]);
    const store = await openStore(data.layout, { path: folder });
    expect(() => store.write(0, 0, [data.bytes])).toThrow(
      expect.objectContaining({ code: "ELOOP" }),
    );
    expect(tree(outside)).toEqual([]);
    await store.close();
  });

  it("refuses to write to a file that is a link", async () => {
    mkdirSync(folder);
    writeFileSync(join(base, "secret"), "secret");
    symlinkSync(join(base, "secret"), join(folder, "file0"));
    const data = fixture(4096, [100]);
    const store = await openStore(data.layout, { path: folder });
    await store.read(0, 0, [Buffer.alloc(6)]);
    expect(() => store.write(0, 0, [data.bytes])).toThrow(
      expect.objectContaining({ code: "ELOOP" }),
    );
    expect(readFileSync(join(base, "secret"), "utf8")).toBe("secret");
    await store.remove?.();
    await store.close();
    expect(tree(base)).toEqual(["downloads", "secret"]);
  });

  it("does not remove through them either", async () => {
    const outside = join(base, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "f"), "mine");
    mkdirSync(folder);
    symlinkSync(outside, join(folder, "sub"));
    const data = fixture(4096, [{ path: ["sub", "f"], length: 4 }]);
    const store = await openStore(data.layout, { path: folder });
    await store.remove?.();
    await store.move?.(join(base, "elsewhere"));
    expect(readFileSync(join(outside, "f"), "utf8")).toBe("mine");
    await store.close();
  });

  it("follows a root that is a link itself", async () => {
    const real = join(base, "real");
    mkdirSync(real);
    symlinkSync(real, folder);
    const data = fixture(4096, [{ path: ["a", "b"], length: 100 }]);
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    await store.close();
    expect(tree(real)).toEqual(["a", "a/b"]);
  });
});

describe("moving", () => {
  const files = [
    { path: ["t", "a"], length: 3000 },
    { path: ["t", "sub", "b"], length: 3000 },
    { path: ["t", "empty"], length: 0 },
    { path: ["t", "link"], length: 0, symlink: ["t", "a"] },
  ];

  it("takes along what is there, leaves others' files, and goes on at the new place", async () => {
    const data = fixture(4096, files);
    const store = await openStore(data.layout, { path: folder });
    await store.write(0, 0, [data.bytes.subarray(0, 4096)]);
    await store.finish?.();
    writeFileSync(join(folder, "t", "sub", "mine"), "mine");
    const target = join(base, "new", "place");
    await store.move?.(target);
    await store.write(1, 0, [data.bytes.subarray(4096)]);
    await store.flush();
    expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
    await store.close();
    expect(tree(folder)).toEqual(["t", "t/sub", "t/sub/mine"]);
    expect(tree(target)).toEqual(["t", "t/a", "t/empty", "t/link", "t/sub", "t/sub/b"]);
    expect(readFileSync(join(target, "t/link")).length).toBe(3000);
  });

  it("overwrites nothing: it moves all or none", async () => {
    const data = fixture(4096, files);
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    const target = join(base, "other");
    mkdirSync(join(target, "t", "sub"), { recursive: true });
    writeFileSync(join(target, "t", "sub", "b"), "mine");
    expect(() => store.move?.(target)).toThrow(expect.objectContaining({ code: "EEXIST" }));
    expect(readFileSync(join(target, "t", "sub", "b"), "utf8")).toBe("mine");
    expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
    // A file where a folder must go fails half-way: what was moved comes back.
    const blocked = join(base, "blocked");
    mkdirSync(join(blocked, "t"), { recursive: true });
    writeFileSync(join(blocked, "t", "sub"), "mine");
    expect(() => store.move?.(blocked)).toThrow();
    expect(tree(blocked)).toEqual(["t", "t/sub"]);
    expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
    await store.close();
  });

  it.runIf(existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev)(
    "copies to another file system",
    async () => {
      const data = fixture(4096, files);
      const store = await openStore(data.layout, { path: folder });
      await writeAll(store, data);
      await store.finish?.();
      const target = mkdtempSync("/dev/shm/shoal-move-");
      try {
        await store.move?.(target);
        expect((await readAll(store, data)).equals(data.bytes)).toBe(true);
        expect(tree(folder)).toEqual([]);
        expect(lstatSync(join(target, "t/link")).isSymbolicLink()).toBe(true);
        await store.remove?.();
        expect(tree(target)).toEqual([]);
      } finally {
        rmSync(target, { recursive: true, force: true });
      }
      await store.close();
    },
  );
});

describe("removing", () => {
  it("removes the torrent's files and the folders that it leaves empty", async () => {
    const data = fixture(4096, [
      { path: ["t", "a", "x"], length: 10 },
      { path: ["t", "b", "y"], length: 10 },
    ]);
    const store = await openStore(data.layout, { path: folder });
    await writeAll(store, data);
    writeFileSync(join(folder, "t", "b", "mine"), "mine");
    await store.remove?.();
    await store.close();
    expect(tree(folder)).toEqual(["t", "t/b", "t/b/mine"]);
  });
});

describe("foreign files in the way", () => {
  it("fails, and does not hang, below a folder that takes none", async () => {
    const data = fixture(4096, [4096]);
    const store = await fsStore({ path: "/proc/shoal/downloads" }).open(data.layout);
    const write = async (): Promise<void> => store.write(0, 0, [data.bytes]);
    await expect(write()).rejects.toMatchObject({ code: expect.stringMatching(/^E[A-Z]+$/) });
    await store.close();
  });

  it("reports a root and a folder that are files", async () => {
    const data = fixture(4096, [{ path: ["a", "b"], length: 100 }]);
    const store = await fsStore({ path: folder }).open(data.layout);
    writeFileSync(folder, "");
    const write = (): unknown => store.write(0, 0, [data.bytes]);
    expect(write).toThrow(expect.objectContaining({ code: "EEXIST" }));
    rmSync(folder);
    mkdirSync(folder);
    writeFileSync(join(folder, "a"), "");
    expect(write).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
    await store.close();
  });
});
