// Magnet links in a session, on real sockets: from a peer, from a torrent file on the web, and neither.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { toHex } from "@shoal/core";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MANY_FILES, reach, until, Workshop } from "../testing/workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

async function seeding() {
  const bytes = await shop.torrent("seed", MANY_FILES);
  const metainfo = parseTorrent(bytes);
  const session = await shop.session();
  await until(await session.add(bytes, { path: shop.path("seed") }), "seeding");
  return { bytes, metainfo, session };
}

it("gets metadata and data from the peer that the link names", async () => {
  const { metainfo, session } = await seeding();
  const link = formatMagnet({ ...metainfo, peers: [reach(session)] });
  const leecher = await shop.session();
  const torrent = await leecher.add(link, { path: shop.path("leech") });
  expect(torrent.state).toBe("metadata");
  const { name } = await torrent.once("metadata");
  expect(name).toBe("payload");
  await torrent.completed();
  expect(shop.files("leech")).toEqual(shop.files("seed"));
});

it("takes an info-hash alone, over IPv6 too", async () => {
  const bytes = await shop.torrent("seed", { "a.bin": 500_000 });
  const { infoHashes } = parseTorrent(bytes);
  const [seeder, leecher] = [
    await shop.session({ bind: ["::1"] }),
    await shop.session({ bind: ["::1"] }),
  ];
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const torrent = await leecher.add(toHex(infoHashes.v1 ?? new Uint8Array()), {
    path: shop.path("leech"),
    peers: [reach(seeder, "::1")],
  });
  await torrent.completed();
  expect(shop.files("leech")).toEqual(shop.files("seed"));
});

it("gets the metadata from an exact source (xs), and says which of them were no good", async () => {
  const { bytes, metainfo, session } = await seeding();
  const other = await shop.torrent("other", { "b.bin": 10 });
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/gone" ? 404 : 200;
    response.end(request.url === "/good" ? bytes : request.url === "/other" ? other : "?");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const exactSources = ["gone", "other", "junk", "good"].map((path) => `${base}/${path}`);
  // Without ut_metadata: nothing but the web has it.
  const leecher = await shop.session({ metadata: false });
  const warnings: string[] = [];
  leecher.on("warning", ({ message }) => warnings.push(message));
  const torrent = await leecher.add(formatMagnet({ ...metainfo, exactSources }), {
    path: shop.path("leech"),
    peers: [reach(session)],
  });
  await torrent.completed();
  expect(shop.files("leech")).toEqual(shop.files("seed"));
  for (const warning of warnings) expect(warning).toMatch(/404|not [0-9a-f]{40}|expected/);
  server.close();
});

it("can be removed while it waits for metadata, and refuses what it can't fetch", async () => {
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}`;
  const session = await shop.session();
  const torrent = await session.add(link);
  await until(torrent, "metadata");
  await expect(session.add(link)).rejects.toMatchObject({ code: "ERR_SESSION_DUPLICATE" });
  await session.remove(torrent);
  expect(torrent.state).toBe("closed");
  const bare = await shop.session({ metadata: false });
  await expect(bare.add(link)).rejects.toMatchObject({ code: "ERR_SESSION_SOURCE" });
  await expect(session.add("magnet:?dn=x")).rejects.toMatchObject({
    code: "ERR_METAINFO_MAGNET_NO_HASH",
  });
});
