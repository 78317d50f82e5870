// Disk threads: their death, their end, and that they keep nothing alive.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { blockIndex, pieceIndex } from "@shoal/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { crashStore } from "../testing/crash-store.ts";
import { arrive, download, fixture, notes, specOf } from "../testing/torrent.ts";
import { CachedDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";
import { openHandles } from "./handle-pool.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-thread-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a thread that dies", () => {
  for (const how of ["exit", "throw"] as const) {
    it(`ends what was outstanding with an error (${how}), and others go on in a new one`, async () => {
      const io = new CachedDiskIo({ cacheSize: 0 });
      const data = fixture(65_536, [300_000]);
      const handler = notes();
      const torrent = await io.open(specOf(data, crashStore(how), handler));
      await download(torrent, data, 0);
      await download(torrent, data, 1);
      const checked = torrent.check();
      await expect(checked).rejects.toMatchObject({ code: "ERR_DISK_THREAD" });
      expect(handler.writeErrors.map(({ code }) => code)).toEqual(["ERR_DISK_THREAD"]);
      torrent.pin(pieceIndex(3), blockIndex(0), 1);
      await handler.until(() => handler.readErrors.length === 1);
      await expect(torrent.close()).rejects.toMatchObject({ code: "ERR_DISK_THREAD" });
      expect(io.stats()).toMatchObject({ free: 1 << 20, queuedJobs: 0 });

      const other = notes();
      const second = await io.open(specOf(data, fsStore({ path: folder }), other));
      await download(second, data, 0);
      await other.until(() => other.stored.length === 1);
      await io.close();
    });
  }
});

describe("closing", () => {
  it("leaves no thread, handle or slot", async () => {
    const before = resources();
    const io = new CachedDiskIo({ cacheSize: 4 << 20, threads: 2 });
    const data = fixture(65_536, [1_000_000]);
    for (const name of ["a", "b", "c"]) {
      const spec = specOf(data, fsStore({ path: join(folder, name) }), notes());
      const torrent = await io.open({ ...spec, layout: { ...data.layout, id: name } });
      await download(torrent, data, 0);
      arrive(torrent, data, pieceIndex(1), blockIndex(2));
      torrent.complete(pieceIndex(0));
    }
    await io.close();
    expect(io.stats()).toMatchObject({ free: 4 << 20, queuedJobs: 0, openHandles: 0 });
    expect(openHandles()).toBe(0);
    expect(resources()).toEqual(before);
    // What had arrived is on disk.
    expect(readdirSync(folder)).toEqual(["a", "b", "c"]);
    await expect(io.open(specOf(data, fsStore({ path: folder }), notes()))).rejects.toMatchObject({
      code: "ERR_DISK_CLOSED",
    });
  });

  it("is not needed for the process to end, once nothing is to be done", () => {
    const script = `
      import { PieceGeometry } from "@shoal/core";
      import { createDiskIo, fsStore } from "@shoal/disk-io";
      const file = { path: ["f"], length: 9, offset: 0, pad: false, executable: false, symlink: undefined };
      const io = createDiskIo({ cacheSize: 0 });
      const torrent = await io.open({
        geometry: new PieceGeometry(9, 16384),
        pieceHashes: new Uint8Array(20),
        layout: { id: "x", pieceLength: 16384, totalLength: 9, files: [file] },
        store: fsStore({ path: ${JSON.stringify(folder)} }),
        handler: {},
      });
      console.log((await torrent.check()).count);
    `;
    const args = ["--conditions=shoal-source", "--input-type=module-typescript", "--eval", script];
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    const printed = execFileSync(process.execPath, args, {
      cwd,
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(printed).toBe("0\n");
  });
});

function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== "Immediate" && name !== "Timeout");
}
