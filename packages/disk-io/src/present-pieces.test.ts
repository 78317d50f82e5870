// Holes of sparse files: a check does not read them, and takes none for what is there.
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PieceGeometry } from "@shoal/core";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { notes } from "../testing/torrent.ts";
import { createDiskIo } from "./disk-io.ts";
import { FilePlan } from "./file-plan.ts";
import { fsStore } from "./fs-store.ts";
import type { Native } from "./native.ts";
import { presentPieces } from "./present-pieces.ts";

const MIB = 2 ** 20;
const isLinux = process.platform === "linux";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-holes-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.runIf(isLinux)("checks more than 1 TiB in holes without reading them", async () => {
  const pieceLength = 16 * MIB;
  const totalLength = 1200 * 2 ** 30;
  const { pieceCount } = new PieceGeometry(totalLength, pieceLength);
  const data = Buffer.alloc(pieceLength, "data");
  const sha1 = (bytes: Uint8Array): Buffer => createHash("sha1").update(bytes).digest();
  const pieceHashes = Buffer.alloc(pieceCount * 20, sha1(data));
  // This one should be zeros, and lies in a hole: that is right.
  pieceHashes.set(sha1(Buffer.alloc(pieceLength)), 40_000 * 20);
  const there = [0, 30_000, pieceCount - 1];
  const fd = openSync(join(folder, "big"), "w");
  for (const piece of there) writeSync(fd, data, 0, pieceLength, piece * pieceLength);
  // A few bytes make no piece, but it has to be read.
  writeSync(fd, data, 0, 10, 50_000 * pieceLength + 5 * MIB);
  closeSync(fd);
  const file = { path: ["big"], length: totalLength, offset: 0, pad: false, executable: false };
  const io = createDiskIo({ cacheSize: 0, threads: 0 });
  const torrent = await io.open({
    geometry: new PieceGeometry(totalLength, pieceLength),
    pieceHashes,
    layout: { id: "big", pieceLength, totalLength, files: [{ ...file, symlink: undefined }] },
    store: fsStore({ path: folder }),
    handler: notes(),
  });
  expect([...(await torrent.check())]).toEqual([...there, 40_000].sort((a, b) => a - b));
  expect(io.stats().bytesRead).toBe(5 * pieceLength);
  await io.close();
});

describe("pieces that are present", () => {
  const UNIT = 64 * MIB;

  /** Stats and holes of a file of so many units, each of which is data or a hole. */
  function file(offset: number, length: number, size: number, isData: readonly boolean[]) {
    const blocks = (isData.filter(Boolean).length * UNIT) / 512;
    return { offset, length, stats: { size, blocks }, open: () => offset };
  }

  /** Only asks `nextData`, of files that are known by where they begin. */
  function native(isDataAt: (file: number, position: number) => boolean): Native {
    const nextData = (fd: number, position: number): number => {
      for (let at = position; at < 64 * UNIT; at = (Math.floor(at / UNIT) + 1) * UNIT) {
        if (isDataAt(fd, at)) return at;
      }
      return Number.POSITIVE_INFINITY;
    };
    return {
      nextData,
      lock: undefined,
      unlock: undefined,
      allocate: undefined,
      dropCached: undefined,
    };
  }

  it("are all that touch data, or two files, and that end within the files", async () => {
    const units = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        units,
        units,
        fc.nat(UNIT - 1),
        fc.nat(4 * UNIT),
        async (a, b, cut, less) => {
          const pieceLength = 48 * MIB;
          const first = a.length * UNIT - cut;
          const second = b.length * UNIT;
          const size = Math.max(0, second - less);
          const entry = { pad: false, executable: false, symlink: undefined };
          const plan = new FilePlan({
            id: "",
            pieceLength,
            totalLength: first + second,
            files: [
              { ...entry, path: ["a"], length: first, offset: 0 },
              { ...entry, path: ["b"], length: second, offset: first },
            ],
          });
          const isData = (fd: number, at: number): boolean =>
            (fd === 0 ? a : b)[Math.floor(at / UNIT)] ?? false;
          const files = [file(0, first, first, a), file(first, second, size, b)];
          const holes = files.reduce(
            (sum, { stats }) => sum + Math.max(0, stats.size - stats.blocks * 512),
            0,
          );
          let asked = false;
          const present = await presentPieces(plan, files, () => {
            asked = true;
            return Promise.resolve(native(isData));
          });
          expect(asked).toBe(holes >= 256 * MIB);
          for (let piece = 0; piece < plan.pieceCount; piece++) {
            const start = piece * pieceLength;
            const end = start + pieceLength;
            const isCut = size < second && Math.min(end, first + second) > first + size;
            const home = files.find((one) => one.offset <= start && end <= one.offset + one.length);
            const isDense = (home?.stats.size ?? 0) <= (home?.stats.blocks ?? 0) * 512;
            let hasData = home === undefined || isDense;
            for (let at = start; at < end && home !== undefined; at += MIB) {
              hasData ||= isData(home.offset, at - home.offset);
            }
            hasData ||= home !== undefined && isData(home.offset, end - 1 - home.offset);
            const isPresent = !isCut && (hasData || !asked);
            expect(present.includes(piece), `piece ${piece}`).toBe(isPresent);
          }
        },
      ),
    );
  });

  it("are those that the sizes tell where holes can't be found", async () => {
    const entry = { path: ["a"], pad: false, executable: false, symlink: undefined, offset: 0 };
    const length = 8 * UNIT;
    const plan = new FilePlan({
      id: "",
      pieceLength: UNIT,
      totalLength: length,
      files: [{ ...entry, length }],
    });
    const files = [file(0, length, length - 1, [])];
    const seven = [0, 1, 2, 3, 4, 5, 6];
    expect(await presentPieces(plan, files, () => Promise.resolve(undefined))).toEqual(seven);
    const unknowing = { ...native(() => false), nextData: undefined };
    expect(await presentPieces(plan, files, () => Promise.resolve(unknowing))).toEqual(seven);
    const gone = files.map((one) => ({ ...one, open: () => undefined }));
    expect(await presentPieces(plan, gone, () => Promise.resolve(native(() => false)))).toEqual(
      seven,
    );
  });
});
