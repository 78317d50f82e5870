import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixture } from "../testing/torrent.ts";
import { hashFiles } from "./hash-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-hash-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

describe("hashing files", () => {
  it("hashes files and padding as one stream, on several threads", async () => {
    const lengths = [20_000_001, 0, 17_000_000, 5];
    const pad = { path: [".pad"], length: 48_191, pad: true };
    const data = fixture(65_536, [...lengths.slice(0, 2), pad, ...lengths.slice(2)]);
    const files = data.layout.files.map(({ path, length, offset, pad }) => {
      const bytes = data.bytes.subarray(offset, offset + length);
      if (!pad) writeFileSync(at(path.join()), bytes);
      return pad ? { length } : { path: at(path.join()), length };
    });
    const progress: number[] = [];
    const digests = await hashFiles({
      files,
      pieceLength: 65_536,
      threads: 2,
      onProgress: (bytes) => progress.push(bytes),
    });
    expect(Buffer.from(digests).equals(data.pieceHashes)).toBe(true);
    expect(progress.at(-1)).toBe(data.bytes.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it("hashes pieces larger than what is read at once", async () => {
    const data = fixture(1 << 20, [2_500_000]);
    writeFileSync(at("a"), data.bytes);
    const digests = await hashFiles({
      files: [{ path: at("a"), length: 2_500_000 }],
      pieceLength: 1 << 20,
    });
    expect(Buffer.from(digests).equals(data.pieceHashes)).toBe(true);
  });

  it("has no pieces for no bytes", async () => {
    writeFileSync(at("empty"), "");
    const files = [{ path: at("empty"), length: 0 }];
    expect((await hashFiles({ files, pieceLength: 16_384 })).length).toBe(0);
  });

  it("reports files that are shorter, longer or gone", async () => {
    writeFileSync(at("a"), "0123456789");
    const hash = (length: number, name = "a"): Promise<Uint8Array> =>
      hashFiles({ files: [{ path: at(name), length }], pieceLength: 16_384 });
    await expect(hash(10)).resolves.toHaveLength(20);
    await expect(hash(10, "b")).rejects.toMatchObject({ code: "ERR_DISK_MISSING", path: at("b") });
    truncateSync(at("a"), 9);
    await expect(hash(10)).rejects.toMatchObject({ code: "ERR_DISK_CHANGED", path: at("a") });
    appendFileSync(at("a"), "abc");
    await expect(hash(10)).rejects.toMatchObject({ code: "ERR_DISK_CHANGED" });
    await expect(hash(0)).rejects.toMatchObject({ code: "ERR_DISK_CHANGED" });
  });

  it("stops when its signal aborts", async () => {
    writeFileSync(at("a"), new Uint8Array(40_000_000));
    const files = [{ path: at("a"), length: 40_000_000 }];
    const options = { files, pieceLength: 16_384 };
    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(hashFiles({ ...options, signal: aborted })).rejects.toThrow("enough");
    const controller = new AbortController();
    const hashing = hashFiles({
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("stop")),
    });
    await expect(hashing).rejects.toThrow("stop");
  });
});
