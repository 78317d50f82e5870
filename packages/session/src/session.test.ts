// A session's registry, settings and ways to fail, on real sockets.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { errorCode } from "@shoal/core";
import { tcpTransport } from "@shoal/net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reach, until, Workshop } from "../testing/workshop.ts";
import { createSession } from "./create-session.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

describe("add", () => {
  it("takes bytes, paths and file URLs", async () => {
    const bytes = await shop.torrent("seed", { "a.bin": 1000 });
    const session = await shop.session();
    const file = shop.path("a.torrent");
    writeFileSync(file, bytes);
    for (const source of [bytes, file, pathToFileURL(file), pathToFileURL(file).href]) {
      const torrent = await session.add(source, { path: shop.path("seed") });
      expect(session.torrents).toEqual([torrent]);
      expect(session.get(torrent.infoHash)).toBe(torrent);
      await session.remove(torrent);
    }
    expect(session.torrents).toEqual([]);
  });

  it.each([
    ["a magnet link without a hash", "magnet:?dn=nothing"],
    ["an empty file", new Uint8Array(0)],
    ["what is no torrent", Buffer.from("d4:infod6:lengthi5eee")],
    ["a path that leads nowhere", "/nonexistent/x.torrent"],
    ["a URL that nobody serves", "http://127.0.0.1:1/x.torrent"],
  ])("refuses %s with a code", async (_, source) => {
    const session = await shop.session();
    const error = await session.add(source).catch((thrown: unknown) => thrown);
    expect(errorCode(error)).toMatch(/^(ERR_(SESSION|METAINFO|BENCODE|NET)_|ENOENT)/);
    expect(session.torrents).toEqual([]);
  });

  it("refuses what is there already, until it is removed", async () => {
    const bytes = await shop.torrent("seed", { "a.bin": 1000 });
    const session = await shop.session();
    const options = { path: shop.path("seed") };
    const torrent = await session.add(bytes, options);
    const again = session.add(bytes, options);
    await expect(again).rejects.toMatchObject({ code: "ERR_SESSION_DUPLICATE" });
    await session.remove(torrent);
    await until(await session.add(bytes, options), "seeding");
  });

  it("refuses files that the torrent has not, and registers nothing", async () => {
    const bytes = await shop.torrent("seed", { "a.bin": 1000 });
    const session = await shop.session();
    const adding = session.add(bytes, { priorities: new Map([[1, 4]]) });
    await expect(adding).rejects.toMatchObject({ code: "ERR_TORRENT_FILE" });
    expect(session.torrents).toEqual([]);
  });

  it("refuses everything after close", async () => {
    const bytes = await shop.torrent("seed", { "a.bin": 1000 });
    const session = await shop.session();
    await session.close();
    await expect(session.add(bytes)).rejects.toMatchObject({ code: "ERR_SESSION_CLOSED" });
  });
});

describe("remove", () => {
  it("tells once, however often it is called, and refuses strangers", async () => {
    const bytes = await shop.torrent("seed", { "a.bin": 1000 });
    const session = await shop.session();
    const torrent = await session.add(bytes, { path: shop.path("seed") });
    const removed: string[] = [];
    session.on("removed", ({ infoHash }) => removed.push(infoHash));
    await Promise.all([session.remove(torrent), session.remove(torrent), session.close()]);
    expect(removed).toEqual([torrent.infoHash]);
    await expect(session.remove(torrent)).rejects.toMatchObject({ code: "ERR_SESSION_UNKNOWN" });
  });
});

describe("settings", () => {
  it("default to the preset's and change live", async () => {
    const desktop = await shop.session();
    expect(desktop.settings).toEqual(DEFAULT_SETTINGS);
    const embedded = await shop.session({ preset: "embedded", uploadSlots: 3 });
    expect(embedded.settings).toMatchObject({ uploadSlots: 3, maxConnections: 40 });
    expect((await shop.session({ preset: "seedbox" })).settings.uploadSlots).toBe(Infinity);
    embedded.configure({ downloadRateLimit: 1000, uploadSlots: 0 });
    expect(embedded.settings).toMatchObject({ downloadRateLimit: 1000, uploadSlots: 0 });
  });

  it.each([
    { downloadRateLimit: -1 },
    { uploadSlots: Number.NaN },
    { maxHalfOpen: "8" },
    { dialsPerSecond: null },
    { colour: "red" },
    { preset: "mainframe" },
    { port: 65_536 },
    { port: -1 },
    { port: 1.5 },
    { bind: "127.0.0.1" },
    { cacheSize: Number.NaN },
    { cacheSize: -1 },
    { diskThreads: -1 },
    { diskThreads: 0.5 },
  ])("are refused when wrong: %o", async (options) => {
    const opening = createSession({
      listen: false,
      dht: false,
      lsd: false,
      portMapping: false,
      ...(options as object),
    });
    await expect(opening).rejects.toMatchObject({ code: "ERR_SESSION_SETTING" });
  });

  it("stay as they were when a change is refused", async () => {
    const session = await shop.session();
    for (const wrong of [
      { uploadSlots: 3, maxConnections: -1 },
      { uploadSlots: 3, no: 1 },
    ]) {
      expect(() => session.configure(wrong as object)).toThrow(/maxConnections|'no'/);
      expect(session.settings).toEqual(DEFAULT_SETTINGS);
    }
  });
});

describe("a port in use", () => {
  it("is a typed error, and nothing is left behind", async () => {
    const first = await shop.session();
    const before = process.getActiveResourcesInfo().sort();
    const second = createSession({
      bind: ["127.0.0.1"],
      port: first.port,
      dht: false,
      lsd: false,
      portMapping: false,
    });
    await expect(second).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_IN_USE" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.getActiveResourcesInfo().sort()).toEqual(before);
  });

  it("makes way for the next one unless it was asked for", async () => {
    const sessions = await Promise.all([
      shop.session({ port: undefined as never }),
      shop.session({ port: undefined as never }),
    ]);
    expect(new Set(sessions.map(({ port }) => port)).size).toBe(2);
  });
});

it("hangs up on the silent longest first, so that they can't bar the door", async () => {
  const bytes = await shop.torrent("seed", { "a.bin": 100_000 });
  const seeder = await shop.session();
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const stranger = tcpTransport();
  const { signal } = new AbortController();
  const silent = [];
  for (let i = 0; i < 150; i++) silent.push(await stranger.dial(reach(seeder), { signal }));
  for (const duplex of silent) {
    duplex.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
  }
  const leecher = await shop.session();
  const torrent = await leecher.add(bytes, { path: shop.path("leech"), peers: [reach(seeder)] });
  await torrent.completed();
  for (const duplex of silent) duplex.destroy();
});
