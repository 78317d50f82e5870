// `download` and `seed` with each other, on real sockets and disks.

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createTrackerServer, type TrackerServer } from "@shoal/tracker/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Shop } from "../../testing/shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

const download = (torrent: string, peer: string, ...options: string[]) =>
  shop.download(torrent, "--peer", peer, ...options);

describe("download", () => {
  it("fetches from a peer, and says how it went", async () => {
    const torrent = await shop.torrent();
    const { seeding, peer } = await shop.seed(torrent);
    const { code, lines, err } = await download(torrent, peer);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
    const infoHash = expect.stringMatching(/^[0-9a-f]{40}$/);
    const total = 493_458;
    expect(lines.find(({ event }) => event === "ready")).toEqual({
      event: "ready",
      port: expect.any(Number),
      infoHash,
    });
    expect(lines.find(({ event }) => event === "progress")).toEqual({
      event: "progress",
      downloaded: expect.any(Number),
      total,
      downloadRate: expect.any(Number),
      uploadRate: expect.any(Number),
      peers: expect.any(Number),
    });
    expect(lines.at(-1)).toEqual({
      event: "done",
      infoHash,
      path: shop.path("leech", "payload"),
      downloaded: total,
      total,
      received: total,
      seconds: expect.any(Number),
      downloadRate: expect.any(Number),
    });
    expect(await seeding.leave()).toBe(0);
  });

  it("takes up what lies there", async () => {
    const torrent = await shop.torrent();
    const { peer } = await shop.seed(torrent);
    await download(torrent, peer);
    rmSync(shop.path("leech/payload/second.bin"));
    const again = await download(torrent, peer);
    expect(again.lines.at(-1)).toMatchObject({ event: "done", downloaded: 493_458 });
    expect(again.lines.at(-1)?.received).toBeLessThan(200_000);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
    const complete = await download(torrent, peer);
    expect(complete.lines.at(-1)).toMatchObject({ event: "done", received: 0 });
  });

  it("fetches only the files that are named", async () => {
    const torrent = await shop.torrent();
    const { peer } = await shop.seed(torrent);
    const { code } = await download(torrent, peer, "--files", "3", "--sequential");
    expect(code).toBe(0);
    expect(shop.read("leech")["payload/second.bin"]).toBe(shop.read("seed")["payload/second.bin"]);
    expect(shop.read("leech")["payload/a/first.bin"]).not.toBe(
      shop.read("seed")["payload/a/first.bin"],
    );
  });

  it("refuses files that are not there", async () => {
    const torrent = await shop.torrent();
    const { code, lines } = await download(torrent, "127.0.0.1:9", "--files", "0,7");
    expect(code).toBe(2);
    expect(lines.at(-1)).toMatchObject({ event: "error", code: "ERR_CLI_USAGE" });
    expect(existsSync(shop.path("leech"))).toBe(false);
  });

  it("goes on seeding if wished, which another download proves", async () => {
    const torrent = await shop.torrent();
    const { seeding, peer } = await shop.seed(torrent);
    const args = ["-o", shop.path("middle"), "--peer", peer, "--json", "--seed"];
    const middle = shop.start("download", torrent, ...args);
    await middle.line("done");
    const { port } = await middle.line("ready");
    await seeding.leave();
    const { code } = await download(torrent, `localhost:${port}`);
    expect(code).toBe(0);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
    expect(await middle.leave()).toBe(0);
  });

  it("keeps within the limit", async () => {
    const torrent = await shop.torrent({ "one.bin": 400_000 });
    const { peer } = await shop.seed(torrent);
    const { lines } = await download(torrent, peer, "--down", "400K");
    expect(lines.at(-1)?.seconds).toBeGreaterThan(0.4);
  });

  it("ends with 130 when interrupted, and says that it leaves", async () => {
    const torrent = await shop.torrent();
    const args = ["-o", shop.path("leech"), "--no-tracker", "--json"];
    const running = shop.start("download", torrent, ...args);
    await running.line("ready");
    expect(await running.leave()).toBe(130);
    await running.line("note");
    expect(running.lines.at(-1)).toMatchObject({ event: "error", code: "ERR_CLI_INTERRUPTED" });
  });
});

describe("seed", () => {
  it("makes the torrent of a folder, and leaves it alone the next time", async () => {
    shop.fill("seed/payload", { "one.bin": 50_000 });
    const start = () => shop.start("seed", shop.path("seed/payload"), "--json");
    const first = start();
    const created = await first.line("created");
    expect(created).toMatchObject({
      path: shop.path("seed/payload.torrent"),
      magnet: expect.stringContaining("dn=payload"),
    });
    const { port, infoHash } = await first.line("ready");
    expect(infoHash).toBe(created.infoHash);
    const torrent = shop.path("seed/payload.torrent");
    expect((await download(torrent, `127.0.0.1:${port}`)).code).toBe(0);
    await first.leave();
    const before = readFileSync(torrent);
    const second = start();
    await second.line("ready");
    await second.leave();
    expect(readFileSync(torrent)).toEqual(before);
  });

  it("overwrites no other file", async () => {
    const payload = shop.write("one.bin", "payload");
    shop.write("one.bin.torrent", "precious");
    const garbage = await shop.shoal("seed", payload);
    expect(garbage.code).toBe(1);
    expect(garbage.err).toMatch(/^error: '\S+one\.bin\.torrent' is no usable torrent/m);
    expect(readFileSync(shop.path("one.bin.torrent"), "utf8")).toBe("precious");
    rmSync(shop.path("one.bin.torrent"));
    await shop.shoal("create", payload, "-o", shop.path("one.bin.torrent"));
    const other = await shop.shoal("seed", payload, "--tracker", "http://127.0.0.1:9/announce");
    expect(other.code).toBe(1);
    expect(other.err).toContain("(ERR_CLI_EXISTS)");
  });

  it("fails when data is missing or bad, and says which", async () => {
    const torrent = await shop.torrent();
    rmSync(shop.path("seed/payload/second.bin"));
    writeFileSync(shop.path("seed/payload/a/first.bin"), new Uint8Array(300_001));
    const { code, err } = await shop.shoal("seed", torrent, "--data", shop.path("seed"));
    expect(code).toBe(1);
    expect(err).toContain("3 of 4 files are missing or bad");
    expect(err).toContain("payload/second.bin (missing)");
    expect(err).toMatch(/\(ERR_CLI_DATA\)\n$/);
  });

  it("knows when --data names the payload instead of its folder", async () => {
    const torrent = await shop.torrent();
    const { code, err } = await shop.shoal("seed", torrent, "--data", shop.path("seed/payload"));
    expect(code).toBe(1);
    expect(err).toContain(`try --data '${shop.path("seed")}'`);
  });
});

describe("with a tracker", () => {
  let tracker: TrackerServer;
  beforeEach(async () => {
    const at = { host: "127.0.0.1" };
    tracker = await createTrackerServer({ http: at, udp: at });
  });
  afterEach(() => tracker.close());

  it.each(["httpUrl", "udpUrl"] as const)(
    "peers find each other (%s), and say good-bye",
    async (url) => {
      const torrent = await shop.torrent({ "one.bin": 200_000 }, "--tracker", tracker[url] ?? "");
      const { seeding } = await shop.seed(torrent);
      const { infoHash } = await seeding.line("ready");
      const { code } = await shop.download(torrent);
      expect(code).toBe(0);
      expect(shop.read("leech")).toEqual(shop.read("seed"));
      expect(tracker.swarm(String(infoHash))).toMatchObject({
        completed: 1,
        stopped: 1,
        seeders: 1,
      });
      expect(await seeding.leave()).toBe(0);
      expect(tracker.swarm(String(infoHash))).toMatchObject({
        stopped: 2,
        seeders: 0,
        leechers: 0,
      });
    },
  );

  it("that is not to be asked, nothing is announced", async () => {
    const torrent = await shop.torrent({ "one.bin": 1000 }, "--tracker", tracker.httpUrl ?? "");
    const args = ["-o", shop.path("leech"), "--no-tracker", "--json"];
    const running = shop.start("download", torrent, ...args);
    await running.line("ready");
    await running.leave();
    expect(tracker.stats().announces).toBe(0);
  });
});

describe("from a URL", () => {
  let server: Server;
  let url: string;
  let body: Uint8Array = new Uint8Array();
  beforeEach(async () => {
    server = createServer((request, response) => {
      if (request.url === "/payload.torrent") response.end(body);
      else if (request.url === "/endless")
        for (let i = 0; i < 11; i++) response.write(new Uint8Array(1_000_000));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  it("a torrent is fetched", async () => {
    const torrent = await shop.torrent({ "one.bin": 1000 });
    body = readFileSync(torrent);
    const { peer } = await shop.seed(torrent);
    expect((await download(`${url}/payload.torrent`, peer)).code).toBe(0);
    expect(shop.read("leech")).toEqual(shop.read("seed"));
  });

  it.each([
    ["/nothing", "ERR_SESSION_SOURCE"],
    ["/endless", "ERR_NET_TOO_LARGE"],
  ])("what is no torrent is refused: %s", async (path, errorCode) => {
    const { code, lines } = await download(`${url}${path}`, "127.0.0.1:9");
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ event: "error", code: errorCode });
  });

  it("a server that nobody listens at is told of", async () => {
    server.close();
    const { code, lines } = await download(`${url}/payload.torrent`, "127.0.0.1:9");
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ event: "error", code: "ERR_NET_REFUSED" });
  });
});
