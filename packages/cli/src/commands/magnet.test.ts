// Magnet links on the command line, each way of finding the other side alone.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { formatEndpoint, toHex } from "@shoal/core";
import { createDht } from "@shoal/dht/node";
import { formatMagnet, type MagnetSource, parseTorrent } from "@shoal/metainfo";
import { createTrackerServer } from "@shoal/tracker/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Shop } from "../../testing/shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

/** Seeds a new torrent. @returns what it is and where its peer is. */
async function seeded(...options: string[]) {
  const file = await shop.torrent();
  const { peer } = await shop.seed(file, ...options);
  return { metainfo: parseTorrent(readFileSync(file)), peer };
}

function link({ infoHashes }: MagnetSource, rest: Partial<MagnetSource> = {}): string {
  return formatMagnet({ infoHashes, ...rest });
}

describe("download <magnet>", () => {
  it("needs nothing but a peer", async () => {
    const { metainfo, peer } = await seeded();
    const { code, err, lines } = await shop.download(link(metainfo), "--peer", peer);
    expect([code, err]).toEqual([0, ""]);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
    expect(lines.filter(({ event }) => event !== "progress").map(({ event }) => event)).toEqual([
      "added",
      "ready",
      "done",
    ]);
  });

  it("takes an info-hash, and the peer that the link names", async () => {
    const { metainfo, peer } = await seeded();
    const hash = toHex(metainfo.infoHashes.v1 ?? new Uint8Array());
    expect((await shop.download(hash, "--peer", peer)).code).toBe(0);
    const [address = "", port] = peer.split(":");
    const named = link(metainfo, { peers: [{ address, port: Number(port) }] });
    const { code } = await shop.shoal("download", named, "-o", shop.path("again"));
    expect(code).toBe(0);
    expect(shop.read("again")).toEqual(shop.read("seed"));
  });

  it("finds its peer in the DHT", async () => {
    const node = await createDht({ addresses: ["127.0.0.1"], bootstrap: [] });
    const dht = [
      "--dht-bootstrap",
      node.addresses.map(formatEndpoint)[0] ?? "",
      "--bind",
      "127.0.0.1",
    ];
    const { metainfo } = await seeded(...dht);
    const { code, err } = await shop.download(link(metainfo), ...dht);
    await node.close();
    expect([code, err]).toEqual([0, ""]);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
  });

  it("finds its peer by the tracker that the link names", async () => {
    const tracker = await createTrackerServer({ http: { host: "127.0.0.1" }, udp: false });
    const url = tracker.httpUrl ?? "";
    shop.fill(join("seed", "payload"), { "a.bin": 100_000 });
    const seeding = shop.start("seed", shop.path("seed", "payload"), "--tracker", url, "--json");
    await seeding.line("ready");
    const metainfo = parseTorrent(readFileSync(shop.path("seed", "payload.torrent")));
    const { code, err } = await shop.download(link(metainfo, { trackers: [[url]] }));
    await tracker.close();
    expect([code, err]).toEqual([0, ""]);
  });

  it("downloads from web seeds alone once a torrent file on the web told the metadata", async () => {
    const file = await shop.torrent();
    const metainfo = parseTorrent(readFileSync(file));
    const server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? "");
      const body = path === "/t" ? readFileSync(file) : readFileSync(shop.path("seed", path));
      const [, from = "0", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      if (request.headers.range === undefined) return response.end(body);
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${body.length}` });
      return response.end(body.subarray(Number(from), Number(to) + 1));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const magnet = link(metainfo, { exactSources: [`${base}t`] });
    const { code, err } = await shop.download(magnet, "--webseed", base);
    server.close();
    expect([code, err]).toEqual([0, ""]);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
  });

  it("downloads the chosen files only, and says which there are not", async () => {
    const { metainfo, peer } = await seeded();
    const { code } = await shop.download(link(metainfo), "--peer", peer, "--files", "3");
    expect(code).toBe(0);
    const wanted = shop.read("leech");
    expect(Object.keys(wanted)).toContain("payload/second.bin");
    expect(Object.keys(wanted)).not.toContain("payload/a/first.bin");
    const wrong = await shop.shoal(
      "download",
      link(metainfo),
      "-o",
      shop.path("no"),
      "--peer",
      peer,
      "--files",
      "9",
    );
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("names file 9")]);
  });

  it("--metadata-only writes the torrent file and nothing else", async () => {
    const { metainfo, peer } = await seeded();
    const { code, err, lines } = await shop.download(
      link(metainfo, { trackers: [["http://127.0.0.1:1/announce"]] }),
      "--peer",
      peer,
      "--metadata-only",
      "--no-tracker",
    );
    expect([code, err]).toEqual([0, ""]);
    expect(lines.at(-1)).toMatchObject({
      event: "created",
      path: shop.path("leech/payload.torrent"),
    });
    expect(Object.keys(shop.read("leech"))).toEqual(["payload.torrent"]);
    const written = parseTorrent(readFileSync(shop.path("leech", "payload.torrent")));
    expect(written).toMatchObject({
      infoHashes: metainfo.infoHashes,
      trackers: [["http://127.0.0.1:1/announce"]],
    });
  });

  it("can be interrupted while nobody tells the metadata", async () => {
    const running = shop.start(
      "download",
      `magnet:?xt=urn:btih:${"0".repeat(40)}`,
      "-o",
      shop.path("leech"),
      "--json",
    );
    await running.line("progress");
    expect(await running.leave()).toBe(130);
  });
});
