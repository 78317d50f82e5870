// Sessions that transfer torrents on real loopback sockets and real disks.
import { readFileSync, rmSync, truncateSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MANY_FILES, randomBytes, reach, until, Workshop, write } from "../testing/workshop.ts";

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

describe("two sessions", () => {
  it.each([
    ["127.0.0.1", "many files", MANY_FILES],
    ["::1", "many files", MANY_FILES],
    ["127.0.0.1", "one file in a folder", { "only.bin": 1_000_000 }],
    ["127.0.0.1", "less than a block", { "small.bin": 1 }],
  ])("at %s transfer %s", async (address, _, payload) => {
    const bytes = await shop.torrent("seed", payload);
    const seeder = await shop.session({ bind: [address] });
    const leecher = await shop.session({ bind: [address] });
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrent = await leecher.add(bytes, {
      path: shop.path("leech"),
      peers: [reach(seeder, address)],
    });
    const pieces: number[] = [];
    torrent.on("piece", (piece) => pieces.push(piece));
    await torrent.completed();
    expect(shop.files("leech")).toEqual(shop.files("seed"));
    expect(pieces.sort((a, b) => a - b)).toEqual(pieces.map((_, i) => i));
    expect(torrent.progress).toMatchObject({ state: "seeding", fraction: 1, etaSeconds: 0 });
    expect(torrent.stats).toMatchObject({ failed: 0, bannedPeers: 0 });
  });

  it("transfer a single file whose torrent has no folder", async () => {
    write(shop.path("seed/file.bin"), randomBytes(200_000, 7));
    const { createTorrent } = await import("./create-torrent.ts");
    const bytes = await createTorrent(shop.path("seed/file.bin"));
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrent = await leecher.add(bytes, {
      path: shop.path("leech"),
      peers: [reach(seeder)],
    });
    await torrent.completed();
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });
});

describe("data that is there already", () => {
  it("is checked and completed", async () => {
    const bytes = await shop.torrent("seed", MANY_FILES);
    for (const [name, content] of shop.files("seed")) write(shop.path(`leech/${name}`), content);
    truncateSync(shop.path("leech/payload/a/first.bin"), 200_000);
    rmSync(shop.path("leech/payload/second.bin"));
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrent = await leecher.add(bytes, { path: shop.path("leech") });
    await until(torrent, "downloading");
    // 200,000 bytes are six whole pieces; the seventh to tenth and those of the other file are gone.
    expect(torrent.progress.piecesDone).toBeGreaterThanOrEqual(6);
    const had = torrent.progress.piecesDone;
    torrent.addPeers([reach(seeder)]);
    await torrent.completed();
    expect(shop.files("leech")).toEqual(shop.files("seed"));
    const missing = torrent.progress.pieceCount - had;
    expect(torrent.stats.received).toBeLessThanOrEqual(missing * 32_768);
  });

  it("that is corrupted is found by a recheck and fetched again", async () => {
    const bytes = await shop.torrent("seed", MANY_FILES);
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrent = await leecher.add(bytes, { path: shop.path("leech"), peers: [reach(seeder)] });
    await torrent.completed();
    const file = shop.path("leech/payload/a/first.bin");
    const content = readFileSync(file);
    content[100_000] = (content[100_000] ?? 0) ^ 0xff;
    write(file, content);
    const done = torrent.once("done");
    await torrent.recheck();
    expect(torrent.progress).toMatchObject({ state: "downloading" });
    expect(torrent.progress.piecesDone).toBe(torrent.progress.pieceCount - 1);
    torrent.addPeers([reach(seeder)]);
    await done;
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });
});

describe("selected files", () => {
  it("are fetched alone, the rest when it is asked for", async () => {
    const bytes = await shop.torrent("seed", MANY_FILES);
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const all = await leecher.add(bytes, {
      path: shop.path("leech"),
      priorities: new Map([0, 1, 2, 4].map((index) => [index, 0] as const)),
      peers: [reach(seeder)],
    });
    await all.completed();
    const [, , first, second] = all.files;
    expect(second).toMatchObject({ path: "payload/second.bin", priority: 4, downloaded: 123_457 });
    expect(first?.priority).toBe(0);
    expect(first?.downloaded).toBeLessThan(first?.length ?? 0);
    expect(shop.files("leech").get("payload/second.bin")).toEqual(
      shop.files("seed").get("payload/second.bin"),
    );
    expect(all.progress.piecesDone).toBeLessThan(all.progress.pieceCount);
    // Nothing is created of what nobody wants.
    const names = [...shop.files("leech").keys()].sort();
    expect(names).toEqual([`.${all.infoHash}.parts`, "payload/second.bin"]);
    const done = all.once("done");
    all.setPriorities(new Map(all.files.map(({ index }) => [index, 4] as const)));
    expect(all.state).toBe("downloading");
    await done;
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });
});

describe("a torrent's life", () => {
  it("pauses in the middle and goes on", async () => {
    const bytes = await shop.torrent("seed", { "big.bin": 3_000_000 });
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrent = await leecher.add(bytes, { path: shop.path("leech"), peers: [reach(seeder)] });
    while (torrent.progress.piecesDone < 10) await torrent.once("piece");
    await torrent.pause();
    expect(torrent).toMatchObject({ state: "paused", peers: [] });
    expect(leecher.stats).toMatchObject({ connections: 0, halfOpen: 0 });
    await torrent.resume();
    await torrent.completed();
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });

  it("ends with or without its data", async () => {
    const bytes = await shop.torrent("seed", MANY_FILES);
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    for (const deleteData of [false, true]) {
      const torrent = await leecher.add(bytes, {
        path: shop.path("leech"),
        peers: [reach(seeder)],
      });
      await torrent.completed();
      await leecher.remove(torrent, { deleteData });
      expect(torrent.state).toBe("closed");
      expect(leecher.torrents).toEqual([]);
      const left = deleteData ? new Map() : shop.files("seed");
      expect(shop.files("leech")).toEqual(left);
    }
  });

  it("ends in the middle of a transfer and can be taken up again", async () => {
    const bytes = await shop.torrent("seed", { "big.bin": 3_000_000 });
    const seeder = await shop.session();
    const leecher = await shop.session();
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const options = { path: shop.path("leech"), peers: [reach(seeder)] };
    const first = await leecher.add(bytes, options);
    while (first.progress.piecesDone < 10) await first.once("piece");
    const waiting = first.completed();
    const [ended] = await Promise.allSettled([waiting, leecher.remove(first)]);
    expect(ended).toMatchObject({ status: "rejected", reason: { code: "ERR_TORRENT_CLOSED" } });
    const had = first.progress.piecesDone;
    const second = await leecher.add(bytes, options);
    await second.completed();
    expect(second.stats.received).toBeLessThanOrEqual(3_000_000 - had * 32_768 + 32_768);
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });
});

it("streams a file while it is downloaded", async () => {
  const bytes = await shop.torrent("seed", MANY_FILES);
  const seeder = await shop.session();
  const leecher = await shop.session();
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const torrent = await leecher.add(bytes, { path: shop.path("leech"), peers: [reach(seeder)] });
  const chunks: Uint8Array[] = [];
  for await (const chunk of torrent.files[2]?.stream({ start: 10, end: 250_000 }) ?? []) {
    chunks.push(chunk);
  }
  expect(Buffer.concat(chunks)).toEqual(
    shop.files("seed").get("payload/a/first.bin")?.subarray(10, 250_000),
  );
});

it("seeds to ten leechers, more than there are slots, in one process", async () => {
  const bytes = await shop.torrent("seed", { "big.bin": 2_000_000 });
  const seeder = await shop.session();
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const leechers = await Promise.all(Array.from({ length: 10 }, () => shop.session()));
  const addresses = leechers.map((leecher) => reach(leecher));
  const torrents = await Promise.all(
    leechers.map((leecher, i) =>
      leecher.add(bytes, {
        path: shop.path(`leech${i}`),
        peers: [reach(seeder), ...addresses],
      }),
    ),
  );
  await Promise.all(torrents.map((torrent) => torrent.completed()));
  const expected = shop.files("seed");
  for (const i of torrents.keys()) expect(shop.files(`leech${i}`)).toEqual(expected);
});
