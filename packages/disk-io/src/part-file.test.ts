// Files that nobody wants: where their bytes go, and how they come home.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Fixture, fixture, notes, specOf } from "../testing/torrent.ts";
import type { TorrentStore } from "./contract.ts";
import { createDiskIo } from "./disk-io.ts";
import { fsStore, openStore } from "./fs-store.ts";
import { PartHeader } from "./part-header.ts";

const PIECE = 4096;
const PARTS = ".fixture-1.parts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-parts-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Five files of one and a half pieces: every other piece belongs to two of them. */
function torrent(): Fixture {
  return fixture(PIECE, [6144, 6144, 6144, 6144, 6144]);
}

function open(data: Fixture): Promise<TorrentStore> {
  return openStore(data.layout, { path: folder });
}

function pieceOf({ bytes }: Fixture, piece: number): Buffer {
  return bytes.subarray(piece * PIECE, (piece + 1) * PIECE);
}

async function write(store: TorrentStore, data: Fixture, pieces: number[]): Promise<void> {
  for (const piece of pieces) await store.write(piece, 0, [pieceOf(data, piece)]);
}

async function expectPieces(store: TorrentStore, data: Fixture, pieces: number[]): Promise<void> {
  for (const piece of pieces) {
    const expected = pieceOf(data, piece);
    const into = Buffer.alloc(expected.length);
    expect(await store.read(piece, 0, [into])).toBe(expected.length);
    expect(into.equals(expected)).toBe(true);
  }
}

/** Whether only the files of these numbers, at the indices. */
function only(...files: number[]): boolean[] {
  return [0, 1, 2, 3, 4].map((file) => files.includes(file));
}

const size = (name: string): number => statSync(join(folder, name)).size;

describe("unwanted files", () => {
  it("are not created: their share of pieces lies in the part file, also after a restart", async () => {
    const data = torrent();
    let store = await open(data);
    await store.setWanted?.(only(1));
    await write(store, data, [1, 2]);
    expect(readdirSync(folder)).toEqual([PARTS, "file1"]);
    await expectPieces(store, data, [1, 2]);
    await store.finish?.();
    await store.flush();
    await store.close();
    expect(readdirSync(folder)).toEqual([PARTS, "file1"]);

    store = await open(data);
    await expectPieces(store, data, [1, 2]);
    expect(await store.isEmpty?.()).toBe(false);
    expect([...((await store.present?.()) ?? [])]).toEqual(expect.arrayContaining([1, 2]));
    await store.close();
  });

  it("come home when they are wanted, and the file shrinks and goes", async () => {
    const data = torrent();
    const store = await open(data);
    await store.setWanted?.(only());
    await write(store, data, [0, 1, 2, 3, 4, 5, 6, 7]);
    expect(readdirSync(folder)).toEqual([PARTS]);
    const full = size(PARTS);
    expect(full).toBe(4096 + 7 * PIECE + (5 * 6144 - 7 * PIECE));

    await store.setWanted?.(only(1));
    expect(readFileSync(join(folder, "file1")).equals(data.bytes.subarray(6144, 12_288))).toBe(
      true,
    );
    // Pieces 1 and 2 had bytes of it; piece 1 has bytes of file 0 too, piece 2 has none but its own.
    expect(size(PARTS)).toBe(4096 + 7 * PIECE);
    await expectPieces(store, data, [0, 1, 2, 3, 4, 5, 6, 7]);

    await store.setWanted?.(only(0, 1, 2));
    await expectPieces(store, data, [0, 1, 2, 3, 4, 5, 6, 7]);
    expect(size(PARTS)).toBe(4096 + 4 * PIECE);
    await store.setWanted?.(only(0, 1, 2, 3, 4));
    expect(readdirSync(folder)).toEqual(["file0", "file1", "file2", "file3", "file4"]);
    await expectPieces(store, data, [0, 1, 2, 3, 4, 5, 6, 7]);
    await store.flush();
    await store.close();
  });

  it("stay where they are if they exist", async () => {
    const data = torrent();
    const store = await open(data);
    await write(store, data, [0, 1]);
    await store.setWanted?.(only(2));
    await write(store, data, [2, 3, 4, 5]);
    expect(readdirSync(folder)).toEqual([PARTS, "file0", "file1", "file2"]);
    await expectPieces(store, data, [0, 1, 2, 3, 4, 5]);
    await store.close();
  });

  it("move along and are removed with the rest", async () => {
    const data = torrent();
    const store = await open(data);
    await store.setWanted?.(only(1));
    await write(store, data, [1, 2]);
    const target = join(folder, "other");
    await store.move?.(target);
    expect(readdirSync(target)).toEqual([PARTS, "file1"]);
    await expectPieces(store, data, [1, 2]);
    await write(store, data, [0]);
    await expectPieces(store, data, [0, 1, 2]);
    await store.remove?.();
    await store.close();
    expect(readdirSync(target)).toEqual([]);
    const again = await openStore(data.layout, { path: target });
    expect(await again.isEmpty?.()).toBe(true);
    await again.close();
  });

  it("come home at the end, if a later start wants everything from the beginning", async () => {
    const data = torrent();
    let store = await open(data);
    await store.setWanted?.(only(1));
    await write(store, data, [0, 1, 2]);
    await store.close();
    store = await open(data);
    await write(store, data, [3, 4, 5, 6, 7]);
    await store.finish?.();
    expect(readdirSync(folder)).toEqual(["file0", "file1", "file2", "file3", "file4"]);
    await expectPieces(store, data, [0, 1, 2, 3, 4, 5, 6, 7]);
    await store.flush();
    await store.close();
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    expect(Buffer.concat(files).equals(data.bytes)).toBe(true);
  });

  it("include empty ones", async () => {
    const data = fixture(PIECE, [100, { path: ["empty"], length: 0 }]);
    const store = await open(data);
    await store.setWanted?.([true, false]);
    await store.finish?.();
    expect(readdirSync(folder)).toEqual([]);
    await store.setWanted?.([true, true]);
    await store.finish?.();
    expect(readdirSync(folder)).toEqual(["empty"]);
    await store.close();
  });

  it("are never written over a foreign file", async () => {
    writeFileSync(join(folder, PARTS), "of another program");
    const data = torrent();
    const store = await open(data);
    await store.setWanted?.(only(1));
    expect(() => store.write(1, 0, [pieceOf(data, 1)])).toThrow(
      expect.objectContaining({ code: "EEXIST" }),
    );
    await store.remove?.();
    await store.close();
    expect(readFileSync(join(folder, PARTS), "utf8")).toBe("of another program");
  });

  it("take over a part file that a crash cut short", async () => {
    const data = torrent();
    for (const length of [0, 5, 24, 1000]) {
      const header = new PartHeader({ pieceLength: PIECE, pieceCount: 8, fileCount: 5 });
      writeFileSync(join(folder, PARTS), header.bytes.subarray(0, length));
      const store = await open(data);
      await store.setWanted?.(only(1));
      await write(store, data, [1]);
      await expectPieces(store, data, [1]);
      await store.remove?.();
      await store.close();
    }
  });

  it("are selected while others are downloaded, by a fence of the disk layer", async () => {
    const data = torrent();
    const io = createDiskIo({ cacheSize: 0 });
    const disk = await io.open(specOf(data, fsStore({ path: folder }), notes()));
    await disk.setWanted(only(0));
    await disk.setWanted(only());
    await disk.rename(0, ["sub", "renamed"]);
    expect((await disk.check()).count).toBe(0);
    expect(await disk.capacity()).toBeGreaterThan(0);
    await io.close();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("any sequence of writes, selections and restarts", () => {
  it("keeps every byte, in no more space than needed", async () => {
    const step = fc.oneof(
      fc.record({ write: fc.nat({ max: 7 }) }),
      fc.record({ wanted: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }) }),
      fc.constant("restart" as const),
      fc.constant("flush" as const),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const path = join(folder, `${run++}`);
        mkdirSync(path);
        const data = torrent();
        let store = await openStore(data.layout, { path });
        let wanted = [true, true, true, true, true];
        const written = new Set<number>();
        for (const one of steps) {
          if (one === "flush") await store.flush();
          else if (one === "restart") {
            await store.close();
            store = await openStore(data.layout, { path });
            await store.setWanted?.(wanted);
          } else if ("write" in one) {
            await write(store, data, [one.write]);
            written.add(one.write);
          } else {
            ({ wanted } = one);
            await store.setWanted?.(wanted);
          }
        }
        await expectPieces(store, data, [...written]);
        await store.setWanted?.([true, true, true, true, true]);
        await expectPieces(store, data, [...written]);
        await store.flush();
        await store.close();
        expect(existsSync(join(path, PARTS))).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe("PartHeader", () => {
  const shape = { pieceLength: 16_384, pieceCount: 3000, fileCount: 70 };

  it("is read as it was written", () => {
    const header = new PartHeader(shape);
    expect(header.size).toBe(12_288);
    for (const piece of [2999, 0, 7, 8]) header.take(piece);
    for (const file of [0, 9, 69]) header.setFile(file, true);
    header.free(0);
    const again = PartHeader.parse(header.bytes, shape);
    expect(again?.pieces).toEqual([2999, 7, 8]);
    expect([again?.slotOf(2999), again?.slotOf(0), again?.slotOf(7)]).toEqual([0, undefined, 2]);
    expect([0, 1, 9, 69].map((file) => again?.hasFile(file))).toEqual([true, false, true, true]);
    expect(again?.take(5)).toBe(1);
    expect(again?.slotAt(1)).toBe(12_288 + 16_384);
  });

  it("forgets slots that can't be, and refuses what is none of the torrent's", () => {
    const header = new PartHeader(shape);
    header.take(0);
    header.bytes.writeUInt32BE(1, header.entryAt(1));
    header.bytes.writeUInt32BE(0xffffffff, header.entryAt(2));
    const again = PartHeader.parse(header.bytes, shape);
    expect([0, 1, 2].map((piece) => again?.slotOf(piece))).toEqual([0, undefined, undefined]);
    expect(PartHeader.parse(header.bytes, { ...shape, pieceLength: 32_768 })).toBeUndefined();
    expect(PartHeader.parse(Buffer.from("foreign"), shape)).toBeUndefined();
  });
});
