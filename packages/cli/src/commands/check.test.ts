import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Shop } from "../../testing/shop.ts";

let shop: Shop;
let torrent: string;
beforeEach(async () => {
  shop = new Shop();
  torrent = await shop.torrent();
});
afterEach(() => shop.close());

const check = (...args: string[]) =>
  shop.shoal("check", torrent, "--data", shop.path("seed"), ...args);

it("finds good data good", async () => {
  const { code, out, err } = await check();
  expect(code).toBe(0);
  expect(err).toBe("");
  expect(out).toMatch(/all good: \S+payload \(4 files, 16 pieces\)\n$/);
});

describe("names bad files and pieces", () => {
  it("where bytes differ", async () => {
    const file = shop.path("seed/payload/a/first.bin");
    const bytes = readFileSync(file);
    bytes[200_000] = (bytes[200_000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const { code, lines } = await check("--json");
    expect(code).toBe(1);
    // The file of 70,000 bytes comes before.
    expect(lines.at(-2)).toMatchObject({
      event: "checked",
      ok: false,
      badPieces: [8],
      badFiles: [{ path: "payload/a/first.bin", problem: "32.0 KiB of 293 KiB are in bad pieces" }],
    });
    expect(lines.at(-1)).toMatchObject({ event: "error", code: "ERR_CLI_DATA" });
  });

  it("where a file is missing, too short or too long", async () => {
    rmSync(shop.path("seed/payload/a/b/empty"));
    writeFileSync(shop.path("seed/payload/a/b/ünï.txt"), "short");
    appendFileSync(shop.path("seed/payload/second.bin"), "more");
    const { code, out, err } = await check();
    expect(code).toBe(1);
    expect(out).toContain("bad  payload/a/b/empty: missing\n");
    expect(out).toContain("bad  payload/a/b/ünï.txt: has 5 bytes instead of 70000\n");
    expect(out).toContain("bad  payload/second.bin: has 123461 bytes instead of 123457\n");
    expect(out).toContain("bad pieces: 3 of 16 (0–2)\n");
    expect(err).toMatch(/^error: 4 files and 3 pieces of .* \(ERR_CLI_DATA\)\n$/);
  });

  it("where there is nothing at all", async () => {
    rmSync(shop.path("seed"), { recursive: true });
    const { code, out } = await check();
    expect(code).toBe(1);
    expect(out).toContain("bad files: 4 of 4\nbad pieces: 16 of 16 (0–15)\n");
  });
});

it("changes nothing", async () => {
  rmSync(shop.path("seed/payload/a/b/empty"));
  const before = shop.read("seed");
  await check();
  expect(shop.read("seed")).toEqual(before);
});
