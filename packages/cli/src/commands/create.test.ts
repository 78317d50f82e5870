import { readFileSync } from "node:fs";
import { parseTorrent } from "@shoal/metainfo";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MANY_FILES, Shop } from "../../testing/shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

it("writes what was asked for", async () => {
  shop.fill("payload", MANY_FILES);
  const file = shop.path("new.torrent");
  const trackers = ["http://one.example/announce", "udp://two.example:1/announce"];
  const words = ["--webseed", "http://w.example/", "--comment", "words", "--source", "SITE"];
  const shape = ["--piece-length", "16K", "--private"];
  const tiers = trackers.flatMap((url) => ["--tracker", url]);
  const payload = shop.path("payload");
  const args = [payload, "-o", file, ...shape, ...tiers, ...words];
  const { code, out, err } = await shop.shoal("create", ...args);
  expect(err).toBe("");
  expect(code).toBe(0);
  const metainfo = parseTorrent(readFileSync(file));
  expect(metainfo).toMatchObject({
    name: "payload",
    isPrivate: true,
    trackers: trackers.map((url) => [url]),
    webSeeds: ["http://w.example/"],
    comment: "words",
    source: "SITE",
    geometry: { pieceLength: 16_384 },
  });
  expect(metainfo.files.map(({ path, length }) => [path.slice(1).join("/"), length])).toEqual([
    ["a/b/empty", 0],
    ["a/b/ünï.txt", 70_000],
    ["a/first.bin", 300_001],
    ["second.bin", 123_457],
  ]);
  const printed = out.slice(out.indexOf("torrent "));
  expect(printed).toMatch(
    /^torrent {3}\S+new\.torrent\ninfo-hash [0-9a-f]{40}\nmagnet {4}magnet:\?xt=\S+\n$/,
  );
});

it("tells programs of progress and result", async () => {
  const file = shop.write("one.bin", new Uint8Array(100_000));
  const { lines } = await shop.shoal("create", file, "-o", shop.path("x.torrent"), "--json");
  expect(lines[0]).toMatchObject({ event: "hashing", total: 100_000 });
  expect(lines.at(-1)).toMatchObject({
    event: "created",
    path: shop.path("x.torrent"),
    infoHash: expect.stringMatching(/^[0-9a-f]{40}$/),
    magnet: expect.stringContaining("dn=one.bin"),
  });
});

it("overwrites nothing", async () => {
  const payload = shop.write("one.bin", "payload");
  const file = shop.write("x.torrent", "precious");
  const { code, err } = await shop.shoal("create", payload, "-o", file);
  expect(code).toBe(1);
  expect(err).toMatch(/x\.torrent' exists already .* \(ERR_CLI_EXISTS\)\n$/);
  expect(readFileSync(file, "utf8")).toBe("precious");
});

it.each([
  ["what is not there", "nowhere", "ENOENT"],
  ["an empty folder", "", "ERR_SESSION_SOURCE"],
])("refuses %s", async (_, name, errorCode) => {
  const file = shop.path("never.torrent");
  const { code, err } = await shop.shoal("create", shop.path(name), "-o", file);
  expect(code).toBe(1);
  expect(err).toMatch(new RegExp(`^error: [^\\n]+ \\(${errorCode}\\)\\n$`));
});
