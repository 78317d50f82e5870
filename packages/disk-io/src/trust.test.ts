// Checks that take the caller's word for files that have not changed.
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bitfield } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diaryStore } from "../testing/store.ts";
import { download, type Fixture, fixture, type Notes, notes, specOf } from "../testing/torrent.ts";
import type { CheckTrust, DiskTorrent } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";

const K16 = 16_384;
let folder: string;
let io: CachedDiskIo;
let data: Fixture;
let handler: Notes;
let torrent: DiskTorrent;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "shoal-trust-"));
  io = new CachedDiskIo({ cacheSize: 0, threads: 0 });
  // Pieces 0–3 lie in file 0, piece 4 in 0 and 2, pieces 5–8 in file 2.
  const pad = { path: [".pad", "1"], length: 10, pad: true };
  data = fixture(K16, [4 * K16 + 10, pad, 4 * K16 + 1000, 0]);
  handler = notes();
  torrent = await io.open(specOf(data, fsStore({ path: folder }), handler));
});
afterEach(async () => {
  await io.close();
  rmSync(folder, { recursive: true });
});

/** Downloads all pieces but 2 and 6. @returns what a client would remember. */
async function most(): Promise<CheckTrust> {
  const wanted = [0, 1, 3, 4, 5, 7, 8];
  for (const piece of wanted) await download(torrent, data, piece);
  await handler.until(() => handler.stored.length === wanted.length);
  const [, files = []] = await Promise.all([torrent.flush(), torrent.fileFacts()]);
  const pieces = new Bitfield(data.geometry.pieceCount);
  for (const piece of wanted) pieces.add(piece);
  return { pieces, files };
}

/** Checks; tells what was found and how many bytes were read for it. */
async function check(options: Parameters<DiskTorrent["check"]>[0]): Promise<[number[], number]> {
  const before = io.stats().bytesRead;
  const good = await torrent.check(options);
  return [[...good], io.stats().bytesRead - before];
}

describe("a check that trusts", () => {
  it("reads nothing if sizes and times are the same, and answers only what it is asked", async () => {
    const trust = await most();
    expect(trust.files.map(({ size }) => size)).toEqual([4 * K16 + 10, 0, 4 * K16 + 1000, 0]);
    expect(await check({ trust })).toEqual([[0, 1, 3, 4, 5, 7, 8], 0]);
    const pieces = new Bitfield(data.geometry.pieceCount);
    for (const piece of [1, 2]) pieces.add(piece);
    expect(await check({ trust, pieces })).toEqual([[1], 0]);
  });

  it("reads the pieces of a file that was written to", async () => {
    const trust = await most();
    const file = join(folder, "file2");
    const bytes = readFileSync(file);
    bytes[2 * K16] = (bytes[2 * K16] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    utimesSync(file, 1e9, 1e9);
    const [good, read] = await check({ trust });
    // Offset 2·16 KiB of the file is in piece 6, which was not there anyhow: still only it is bad.
    expect(good).toEqual([0, 1, 3, 4, 5, 7, 8]);
    expect(read).toBeLessThanOrEqual(4 * K16 + 1020);
    expect(read).toBeGreaterThan(3 * K16);
  });

  it("notices another size under the same time, and a file that is gone", async () => {
    const trust = await most();
    const file = join(folder, "file0");
    const { mtimeMs } = statSync(file);
    writeFileSync(file, readFileSync(file).subarray(0, K16));
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
    expect((await check({ trust }))[0]).toEqual([0, 5, 7, 8]);
    rmSync(join(folder, "file2"));
    // Even without trust, though the file was still open.
    expect((await check({ trust }))[0]).toEqual([0]);
    expect((await check({}))[0]).toEqual([0]);
  });

  it("has a flush fail whose file is gone", async () => {
    await download(torrent, data, 6);
    await handler.until(() => handler.stored.length === 1);
    rmSync(join(folder, "file2"));
    await expect(torrent.flush()).rejects.toMatchObject({ code: "ERR_DISK_MISSING" });
  });

  it("reads everything if the store has no facts, or the caller's are of another torrent", async () => {
    const trust = await most();
    const all = 9 * K16 - (9 * K16 - data.bytes.length) - 10;
    const [good, read] = await check({ trust: { ...trust, files: trust.files.slice(1) } });
    expect(good).toEqual([0, 1, 3, 4, 5, 7, 8]);
    expect(read).toBeGreaterThanOrEqual(all);
    const other = await io.open(specOf({ ...data }, diaryStore(), notes()));
    expect(await other.fileFacts()).toBeUndefined();
    expect([...(await other.check({ trust }))]).toEqual([]);
    await other.close();
  });

  it("has what it found, but not what it was told, confirmed by the next flush", async () => {
    const trust = await most();
    const durable: number[] = [];
    Object.assign(handler, { piecesDurable: (pieces: number[]) => durable.push(...pieces) });
    utimesSync(join(folder, "file2"), 1e9, 1e9);
    await torrent.check({ trust });
    await torrent.flush();
    expect(durable).toEqual([4, 5, 7, 8]);
  });
});
