// The disk layer in its production set-up: files, one disk thread.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockIndex, pieceIndex } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download, fixture, notes, readBlock, specOf } from "../testing/torrent.ts";
import { createDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-disk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("files and a disk thread", () => {
  it("downloads, verifies, stores and reads back", async () => {
    const data = fixture(65_536, [{ path: ["a", "b.bin"], length: 300_000 }, 0, 77_777]);
    const io = createDiskIo({ cacheSize: 4 << 20 });
    const handler = notes();
    const torrent = await io.open(specOf(data, fsStore({ path: folder }), handler));
    expect(await torrent.isEmpty()).toBe(true);
    for (let piece = 0; piece < data.geometry.pieceCount; piece++) {
      await download(torrent, data, piece);
    }
    await handler.until(() => handler.stored.length === data.geometry.pieceCount);
    expect(handler.stored).toEqual([...Array(data.geometry.pieceCount).keys()]);
    await torrent.finish();
    await torrent.flush();
    expect(readFileSync(join(folder, "a/b.bin")).equals(data.bytes.subarray(0, 300_000))).toBe(
      true,
    );
    expect(readFileSync(join(folder, "file2")).equals(data.bytes.subarray(300_000))).toBe(true);
    expect(readFileSync(join(folder, "file1")).length).toBe(0);
    expect((await torrent.check()).isFull).toBe(true);
    const block = await readBlock(torrent, handler, data, pieceIndex(4), blockIndex(1));
    expect(block.equals(data.bytes.subarray(4 * 65_536 + 16_384, 4 * 65_536 + 32_768))).toBe(true);
    await torrent.close({ deleteData: true });
    expect(existsSync(join(folder, "a"))).toBe(false);
    const { dirty, clean, pinned, inFlight } = io.stats();
    expect({ dirty, clean, pinned, inFlight }).toEqual({
      dirty: 0,
      clean: 0,
      pinned: 0,
      inFlight: 0,
    });
    await io.close();
  });
});
