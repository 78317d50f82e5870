import { errorCode } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { at, nodeError, sample, testStore, World } from "../testing/world.ts";

const DATA = sample([50_000, 0, 300_000, 30_001]);
/** Where file 2 lies. */
const FILE = DATA.bytes.subarray(50_000, 350_000);

async function collect(stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function seeded(world: World) {
  const store = await testStore(DATA);
  const torrent = world.torrent(1, DATA.metainfo, { store });
  await world.until(torrent.start());
  return { torrent, store, file: torrent.files[2] };
}

describe("streams", () => {
  it.each([
    [0, 300_000],
    [0, 0],
    [300_000, 300_000],
    [0, 1],
    [299_999, 300_000],
    [15_000, 16_000],
    [1, 100_000],
    [31_999, 32_001],
  ])("give bytes %i to %i", async (start, end) => {
    const world = new World();
    const { file } = await seeded(world);
    const bytes = await world.until(collect(file?.stream({ start, end })));
    expect(bytes.equals(FILE.subarray(start, end))).toBe(true);
  });

  it("give copies: what was given stays as it is when the cache is used again", async () => {
    const world = new World();
    const { torrent, file } = await seeded(world);
    const chunks: Uint8Array[] = [];
    const reading = file?.stream()[Symbol.asyncIterator]();
    for (;;) {
      const next = await world.until(reading?.next() ?? Promise.reject(new Error("no file")));
      if (next.done) break;
      chunks.push(next.value);
      await world.until(torrent.recheck());
    }
    expect(Buffer.concat(chunks).equals(FILE)).toBe(true);
  });

  it("give the whole file by default, nothing of an empty one", async () => {
    const world = new World();
    const { torrent, file } = await seeded(world);
    expect((await world.until(collect(file?.stream()))).equals(FILE)).toBe(true);
    expect(await world.until(collect(torrent.files[1]?.stream()))).toHaveLength(0);
  });

  it.each([
    [-1, 5],
    [5, 4],
    [0, 300_001],
    [Number.NaN, 5],
    [0.5, 5],
    [0, 5.5],
  ])("refuse bytes %d to %d", async (start, end) => {
    const { file } = await seeded(new World());
    await expect(collect(file?.stream({ start, end }))).rejects.toMatchObject({
      code: "ERR_TORRENT_RANGE",
    });
  });

  it("that begin before the check see what it found", async () => {
    const world = new World();
    const store = await testStore(DATA);
    const torrent = world.torrent(1, DATA.metainfo, { store });
    const reading = collect(torrent.files[2]?.stream());
    await world.settle();
    const [, bytes] = await Promise.all([torrent.start(), world.until(reading)]);
    expect(bytes.equals(FILE)).toBe(true);
  });

  it("fetch what they need first, and withdraw the hurry when they end", async () => {
    const world = new World();
    const { torrent: seed } = await seeded(world);
    const leech = world.torrent(2, DATA.metainfo);
    await world.until(leech.start());
    const order: number[] = [];
    leech.on("piece", (piece) => order.push(piece));
    const reading = collect(leech.files[2]?.stream({ start: 200_000, end: 260_000 }));
    leech.addPeers([at(1)]);
    const bytes = await world.until(reading);
    expect(bytes.equals(FILE.subarray(200_000, 260_000))).toBe(true);
    // Bytes 250,000–310,000 of the torrent.
    expect(new Set(order.slice(0, 3))).toEqual(new Set([7, 8, 9]));
    await world.until(leech.completed());
    await world.until(Promise.all([seed.close(), leech.close()]));
  });

  it("end with their signal, before and while they wait", async () => {
    const world = new World();
    const torrent = world.torrent(1, DATA.metainfo);
    await world.until(torrent.start());
    const stop = new AbortController();
    const reading = collect(torrent.files[2]?.stream({ signal: stop.signal }));
    const failed = expect(reading).rejects.toThrow("enough");
    await world.settle();
    stop.abort(new Error("enough"));
    await failed;
    const late = collect(torrent.files[2]?.stream({ signal: stop.signal }));
    await expect(late).rejects.toThrow("enough");
  });

  it("end when the torrent closes, whether they wait or pause", async () => {
    const world = new World();
    const { torrent, file } = await seeded(world);
    const paused = file?.stream()[Symbol.asyncIterator]();
    await world.until(paused?.next() ?? Promise.reject(new Error("no file")));
    const leech = world.torrent(2, DATA.metainfo);
    await world.until(leech.start());
    const waiting = expect(collect(leech.files[2]?.stream())).rejects.toMatchObject({
      code: "ERR_TORRENT_CLOSED",
    });
    await world.until(Promise.all([torrent.close(), leech.close()]));
    await waiting;
    await expect(paused?.next()).rejects.toMatchObject({ code: "ERR_TORRENT_CLOSED" });
    await expect(collect(file?.stream())).rejects.toMatchObject({ code: "ERR_TORRENT_CLOSED" });
  });

  it("end when their data can't be read; others go on", async () => {
    const world = new World();
    const { torrent, store, file } = await seeded(world);
    const first = file?.stream({ end: 100 });
    store.readError = nodeError("EIO");
    const failed = expect(world.until(collect(first))).rejects.toMatchObject({
      code: "ERR_DISK_IO",
    });
    await failed;
    expect(errorCode(torrent.error)).toBe("ERR_DISK_IO");
    store.readError = undefined;
    await world.until(torrent.resume());
    expect((await world.until(collect(file?.stream()))).equals(FILE)).toBe(true);
  });

  it("don't end for the failure of another's read", async () => {
    const world = new World();
    const store = await testStore(DATA);
    const seed = world.torrent(1, DATA.metainfo, { store });
    await world.until(seed.start());
    const leechStore = await testStore();
    const leech = world.torrent(2, DATA.metainfo, {
      store: leechStore,
      priorities: new Map([[2, 0]]),
    });
    await world.until(leech.start());
    leech.addPeers([at(1)]);
    await world.until(leech.completed());
    const waiting = collect(leech.files[2]?.stream());
    await world.settle();
    // Closing and opening again would empty the cache too; reading what is not cached must fail.
    await world.until(leech.recheck());
    leechStore.readError = nodeError("EIO");
    await expect(world.until(collect(leech.files[3]?.stream()))).rejects.toMatchObject({
      code: "ERR_DISK_IO",
    });
    leechStore.readError = undefined;
    await world.until(leech.resume());
    leech.setPriorities(new Map([[2, 4]]));
    leech.addPeers([at(1)]);
    const got = await world.until(waiting);
    expect(got.equals(FILE)).toBe(true);
  });

  it("never give data that a recheck found to be bad", async () => {
    const world = new World();
    const { torrent, store, file } = await seeded(world);
    const reading = file?.stream()[Symbol.asyncIterator]();
    const first = await world.until(reading?.next() ?? Promise.reject(new Error("no file")));
    const inside = await store.open({
      id: torrent.infoHash,
      pieceLength: 32_768,
      totalLength: DATA.bytes.length,
      files: [],
    });
    await inside.write(2, 0, [new Uint8Array(32_768)]);
    const chunks = [first.value as Uint8Array];
    const rechecking = torrent.recheck();
    const rest = (async () => {
      for (;;) {
        const next = await reading?.next();
        if (next === undefined || next.done) return;
        chunks.push(next.value);
      }
    })();
    const helper = world.torrent(3, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(helper.start());
    await world.until(rechecking);
    torrent.addPeers([at(3)]);
    await world.until(rest);
    const got = Buffer.concat(chunks);
    expect(got.equals(FILE)).toBe(true);
  });
});
