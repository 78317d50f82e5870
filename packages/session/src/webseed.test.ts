// A session whose only source is a web server.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MANY_FILES, reach, until, Workshop } from "../testing/workshop.ts";

let shop: Workshop;
let server: Server;
let asked: string[];
beforeEach(async () => {
  shop = new Workshop();
  asked = [];
  server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push(path);
    const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const file = readFileSync(join(shop.path("seed"), path));
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${file.length}` });
    response.end(file.subarray(Number(from), Number(to) + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await shop.close();
  server.close();
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it("downloads what the torrent's web seed has", async () => {
  const bytes = await shop.torrent("seed", MANY_FILES, { webSeeds: [url()] });
  const session = await shop.session();
  const torrent = await session.add(bytes, { path: shop.path("leech") });
  await torrent.completed();
  expect(shop.files("leech")).toEqual(shop.files("seed"));
  expect(asked).toContain("/payload/a/b/ünï.txt");
  expect(asked).not.toContain("/payload/a/b/empty");
});

it("uses a web seed that is named when adding, for a magnet link too", async () => {
  const bytes = await shop.torrent("seed", MANY_FILES);
  const seeder = await shop.session({ uploadRateLimit: 1 });
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const session = await shop.session();
  const torrent = await session.add(formatMagnet(parseTorrent(bytes)), {
    path: shop.path("leech"),
    peers: [reach(seeder)],
    webSeeds: [url()],
  });
  await torrent.completed();
  expect(shop.files("leech")).toEqual(shop.files("seed"));
});

it("asks nobody without the feature", async () => {
  const bytes = await shop.torrent("seed", MANY_FILES, { webSeeds: [url()] });
  const session = await shop.session({ webSeeds: false });
  const torrent = await session.add(bytes, { path: shop.path("leech") });
  while (torrent.state !== "downloading") await torrent.once("state");
  expect(torrent.stats.webSeeds).toBe(0);
  await session.remove(torrent);
  expect(asked).toEqual([]);
});
