// A torrent's life as its users see it, on virtual time.
import { errorCode } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, FakeSource, nodeError, sample, testStore, World } from "../testing/world.ts";
import type { Torrent } from "./torrent.ts";
import type { TorrentState } from "./types.ts";

const DATA = sample([50_000, 0, 100_000, 30_001]);

describe("Torrent", () => {
  it("checks, downloads, seeds, and tells of it", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const store = await testStore();
    const leech = world.torrent(2, DATA.metainfo, { store });
    const log = diary(leech);
    await world.until(seed.start());
    await world.until(leech.start());
    const completed = leech.completed();
    leech.addPeers([at(1)]);
    await world.until(completed);
    const pieces = Array.from({ length: 6 }, () => "piece").join(", ");
    expect(log.join(", ")).toBe(
      `downloading, connected 192.0.2.1, ${pieces}, seeding, disconnected ERR_PEER_REDUNDANT, done 1`,
    );
    expect(await store.content(DATA)).toEqual(DATA.bytes);
    expect(leech.progress).toMatchObject({ piecesDone: 6, pieceCount: 6, downloaded: 180_001 });
    expect(leech.stats).toMatchObject({ received: 180_001, failed: 0 });
    expect(seed.stats.uploaded).toBe(180_001);
    for (const torrent of [seed, leech]) await world.until(torrent.close());
    expect(world.deadlines.size).toBe(0);
  });

  it("costs no alarm while it is idle: seeding, without peers, paused", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const leech = world.torrent(2, DATA.metainfo);
    await world.until(seed.start());
    await world.until(leech.start());
    expect([seed.state, leech.state, world.deadlines.size]).toEqual(["seeding", "downloading", 0]);
    leech.addPeers([at(1)]);
    await world.until(leech.completed());
    await world.pass(10_000);
    expect(world.deadlines.size).toBe(0);
    await world.until(leech.pause());
    expect(world.deadlines.size).toBe(0);
  });

  it("tries a peer again that did not answer", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const leech = world.torrent(2, DATA.metainfo, { peerId: new Uint8Array(20).fill(2) });
    await world.until(leech.start());
    leech.addPeers([at(1)]);
    const completed = leech.completed();
    // It is there, but it does not take connections before it has started.
    await world.pass(1000);
    expect(leech.stats).toMatchObject({ peers: 0, halfOpen: 0, knownPeers: 1 });
    await world.until(seed.start());
    await world.until(completed);
  });

  it("dials at once when it resumes", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const leech = world.torrent(2, DATA.metainfo);
    await world.until(seed.start());
    await world.until(leech.start());
    let connections = 0;
    leech.on("connected", () => connections++);
    leech.addPeers([at(1)]);
    for (let i = 1; i <= 5; i++) {
      while (connections < i) await world.step();
      await Promise.all([leech.pause(), world.settle()]);
      expect(leech.stats).toMatchObject({ peers: 0, halfOpen: 0 });
      await Promise.all([leech.resume(), world.step()]);
    }
    await world.until(leech.completed());
    expect(world.time).toBe(0);
  });

  it("does not announce that it is downloading when it has everything", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const log = diary(seed);
    await world.until(seed.start());
    await world.until(seed.completed());
    expect(log).toEqual(["seeding", "done 1"]);
  });

  it("is completed only when its empty files have been made", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    let isDone = false;
    seed.on("done", () => {
      isDone = true;
    });
    const starting = seed.start();
    while (seed.state !== "seeding") await world.step();
    await Promise.all([starting, world.until(seed.completed())]);
    expect(isDone).toBe(true);
  });

  it("is completed at once when it is, also while paused", async () => {
    const world = new World();
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA), paused: true });
    await world.until(seed.start());
    expect(seed.state).toBe("paused");
    await world.until(seed.completed());
    await world.until(seed.close());
    await expect(seed.completed()).rejects.toMatchObject({ code: "ERR_TORRENT_CLOSED" });
  });

  it("tells those who wait for completion of errors, of closing and of their own signal", async () => {
    const world = new World();
    const store = await testStore();
    const torrent = world.torrent(1, DATA.metainfo, { store });
    await world.until(torrent.start());
    const stop = new AbortController();
    const stopped = expect(torrent.completed({ signal: stop.signal })).rejects.toThrow("enough");
    stop.abort(new Error("enough"));
    await stopped;
    const closed = expect(torrent.completed()).rejects.toMatchObject({
      code: "ERR_TORRENT_CLOSED",
    });
    await world.until(torrent.close());
    await closed;

    const broken = await testStore();
    broken.openError = nodeError("EACCES");
    const failing = world.torrent(2, DATA.metainfo, { store: broken });
    const failed = expect(failing.completed()).rejects.toMatchObject({ code: "ERR_DISK_ACCESS" });
    await world.until(failing.start());
    await failed;
    await expect(failing.completed()).rejects.toMatchObject({ code: "ERR_DISK_ACCESS" });
  });
});

describe("disk errors", () => {
  it("stop the torrent, which tries again every half minute", async () => {
    const world = new World();
    const store = await testStore();
    store.openError = nodeError("EACCES");
    const torrent = world.torrent(1, DATA.metainfo, { store });
    await world.until(torrent.start());
    expect(torrent.state).toBe("error");
    expect(errorCode(torrent.error)).toBe("ERR_DISK_ACCESS");
    await world.pass(29_000);
    store.openError = undefined;
    expect(torrent.state).toBe("error");
    await world.pass(2000);
    expect([torrent.state, torrent.error]).toEqual(["downloading", undefined]);
    expect(world.deadlines.size).toBe(0);
  });

  it("of reading stop it until the user resumes, which checks what is there", async () => {
    const world = new World();
    const store = await testStore(DATA);
    const torrent = world.torrent(1, DATA.metainfo, { store });
    await world.until(torrent.start());
    expect(torrent.state).toBe("seeding");
    store.readError = nodeError("EIO");
    const reading = torrent.files[0]?.stream()[Symbol.asyncIterator]().next();
    await expect(world.until(Promise.resolve(reading))).rejects.toMatchObject({
      code: "ERR_DISK_IO",
    });
    expect([torrent.state, errorCode(torrent.error)]).toEqual(["error", "ERR_DISK_IO"]);
    await world.pass(60_000);
    expect(torrent.state).toBe("error");
    expect(world.deadlines.size).toBe(0);
    store.readError = undefined;
    await world.until(torrent.resume());
    expect(torrent.state).toBe("seeding");
  });

  it.each(["resume", "recheck", "wait"] as const)(
    "of a full disk pass without loss when there is space again: %s",
    async (way) => {
      const world = new World();
      const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
      const store = await testStore();
      const leech = world.torrent(2, DATA.metainfo, { store });
      await world.until(seed.start());
      await world.until(leech.start());
      const failed = leech.once("error");
      store.writeError = nodeError("ENOSPC");
      leech.addPeers([at(1)]);
      expect(errorCode(await world.until(failed))).toBe("ERR_DISK_FULL");
      await world.settle();
      expect(leech).toMatchObject({ state: "error", peers: [] });
      const again = leech.once("error");
      await world.until(leech.resume());
      await world.until(again);
      store.writeError = undefined;
      if (way === "resume") await world.until(leech.resume());
      if (way === "recheck") await world.until(leech.recheck());
      if (way === "wait") await world.pass(31_000);
      leech.addPeers([at(1)]);
      await world.until(leech.completed());
      expect(await store.content(DATA)).toEqual(DATA.bytes);
    },
  );

  it("are forgotten when the user pauses", async () => {
    const world = new World();
    const store = await testStore();
    store.openError = nodeError("EACCES");
    const torrent = world.torrent(1, DATA.metainfo, { store });
    await world.until(torrent.start());
    await world.until(torrent.pause());
    expect([torrent.state, torrent.error]).toEqual(["paused", undefined]);
    expect(world.deadlines.size).toBe(0);
  });
});

describe("pause and resume", () => {
  it("count by the last call, also while data is checked", async () => {
    const world = new World();
    const torrent = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    const log = diary(torrent);
    const starting = torrent.start();
    await world.step();
    expect(torrent.state).toBe("checking");
    const calls = [torrent.pause(), torrent.resume(), torrent.pause()];
    await world.until(Promise.all([starting, ...calls]));
    expect(log).toEqual(["paused"]);
    await world.until(Promise.all([torrent.resume(), torrent.pause(), torrent.resume()]));
    await world.settle();
    expect(log).toEqual(["paused", "seeding", "done 1"]);
  });

  it("are not undone by the retry after an error", async () => {
    const world = new World();
    const store = await testStore();
    store.openError = nodeError("EACCES");
    const torrent = world.torrent(1, DATA.metainfo, { store, paused: true });
    await world.until(torrent.start());
    expect(torrent.state).toBe("error");
    store.openError = undefined;
    await world.pass(31_000);
    expect(torrent.state).toBe("paused");
  });
});

describe("data that could not be verified", () => {
  it("is not overwritten: the retry checks it first", async () => {
    const world = new World();
    const store = await testStore(DATA);
    const torrent = world.torrent(1, DATA.metainfo, { store });
    store.readError = nodeError("EIO");
    await world.until(torrent.start());
    expect(errorCode(torrent.error)).toBe("ERR_DISK_IO");
    store.readError = undefined;
    await world.until(torrent.resume());
    expect(torrent.state).toBe("seeding");
  });

  it("stops a recheck too, until it can be read", async () => {
    const world = new World();
    const store = await testStore(DATA);
    const torrent = world.torrent(1, DATA.metainfo, { store });
    await world.until(torrent.start());
    store.readError = nodeError("EIO");
    await world.until(torrent.recheck());
    expect(torrent.state).toBe("error");
    store.readError = undefined;
    await world.pass(31_000);
    expect(torrent.state).toBe("seeding");
  });
});

describe("closing", () => {
  it("is final, whatever was begun before", async () => {
    const world = new World();
    const store = await testStore();
    store.openError = nodeError("EACCES");
    const host = world.host();
    const torrent = world.torrent(1, DATA.metainfo, { store }, host);
    await world.until(torrent.start());
    store.openError = undefined;
    const all = Promise.all([torrent.resume(), torrent.close()]);
    await world.until(all);
    await world.settle();
    expect(torrent.state).toBe("closed");
    expect(world.deadlines.size).toBe(0);
    expect(host.disk.stats()).toMatchObject({ free: host.disk.stats().cacheSize });
  });

  it("waits for good-byes no longer than five seconds, also for those of an error", async () => {
    const world = new World();
    const tracker = new FakeSource("tracker");
    tracker.goodbye = new Promise(() => {});
    const store = await testStore();
    const torrent = world.torrent(1, DATA.metainfo, { store }, world.host({ sources: [tracker] }));
    const seed = world.torrent(2, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    await world.until(torrent.start());
    store.writeError = nodeError("EIO");
    torrent.addPeers([at(2)]);
    await world.until(torrent.once("error"));
    store.writeError = undefined;
    const begun = world.time;
    await world.until(torrent.close());
    expect(world.time - begun).toBeLessThanOrEqual(5000);
    await world.until(seed.close());
    expect(world.deadlines.size).toBe(0);
    expect(tracker.log).toEqual(["open", "close"]);
  });
});

describe("operations in any order", () => {
  const operation = fc.constantFrom(
    "start",
    "pause",
    "resume",
    "recheck",
    "close",
    "wants nothing",
    "wants all",
    "add peers",
    "turn",
    "turn",
    "many turns",
    "second",
    "minute",
    "open fails",
    "writes fail",
    "reads fail",
    "disk is well",
  );
  type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

  it("never hang, and leave nothing after close", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 1, maxLength: 25 }),
        fc.constantFrom("nothing", "everything", "half"),
        fc.boolean(),
        async (operations, has, paused) => {
          await live(operations, has, paused);
        },
      ),
      { numRuns: 200 },
    );
  });

  async function live(operations: readonly Operation[], has: string, paused: boolean) {
    const world = new World();
    const tracker = new FakeSource("tracker");
    if (operations.length % 2 === 0) tracker.goodbye = new Promise(() => {});
    const host = world.host({ sources: [tracker] });
    const store = await testStore(has === "nothing" ? undefined : DATA);
    if (has === "half") {
      const bad = await store.open({
        id: Buffer.from(DATA.metainfo.infoHashes.v1 ?? []).toString("hex"),
        pieceLength: 32_768,
        totalLength: DATA.bytes.length,
        files: [],
      });
      for (const piece of [0, 2]) await bad.write(piece, 100, [new Uint8Array(5)]);
    }
    const seed = world.torrent(1, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    const torrent = world.torrent(2, DATA.metainfo, { store, paused }, host);
    const results: Promise<unknown>[] = [torrent.start()];
    for (const name of operations) {
      const result = act(world, torrent, store, name);
      if (/turn|second|minute/.test(name)) await result;
      results.push(result);
      result.catch(() => {});
    }
    store.openError = undefined;
    store.readError = undefined;
    store.writeError = undefined;
    results.push(torrent.close());
    const outcomes = await world.until(Promise.allSettled(results));
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        expect(errorCode(outcome.reason)).toMatch(/^ERR_(TORRENT_CLOSED|DISK_(FULL|IO|ACCESS))$/);
      }
    }
    expect(torrent.state).toBe("closed");
    await world.until(seed.close());
    await world.settle();
    expect(world.deadlines.size).toBe(0);
    expect(host.disk.stats()).toMatchObject({
      free: host.disk.stats().cacheSize,
      queuedJobs: 0,
      openHandles: 0,
    });
    expect(host.budget).toMatchObject({ connections: 0, halfOpen: 0 });
    const opened = tracker.log.filter((entry) => entry === "open").length;
    expect(tracker.log.filter((entry) => entry === "close")).toHaveLength(opened);
  }

  async function act(
    world: World,
    torrent: Torrent,
    store: Awaited<ReturnType<typeof testStore>>,
    name: Operation,
  ): Promise<unknown> {
    switch (name) {
      case "start":
      case "pause":
      case "resume":
      case "recheck":
      case "close":
        return torrent[name]();
      case "wants nothing":
        return torrent.setPriorities(new Map([0, 2, 3].map((index) => [index, 0] as const)));
      case "wants all":
        return torrent.setPriorities(new Map([0, 2, 3].map((index) => [index, 4] as const)));
      case "add peers":
        return torrent.addPeers([at(1), at(9)]);
      case "turn":
        return world.step();
      case "many turns":
        return world.settle();
      case "second":
        return world.pass(1000);
      case "minute":
        return world.pass(60_000);
      case "open fails":
        store.openError = nodeError("EACCES");
        return undefined;
      case "writes fail":
        store.writeError = nodeError("ENOSPC");
        return undefined;
      case "reads fail":
        store.readError = nodeError("EIO");
        return undefined;
      case "disk is well":
        store.openError = undefined;
        store.readError = undefined;
        store.writeError = undefined;
        return undefined;
    }
  }
});

function diary(torrent: Torrent): string[] {
  const log: string[] = [];
  torrent.on("state", (state: TorrentState) => log.push(state));
  torrent.on("piece", () => log.push("piece"));
  torrent.on("connected", ({ address }) => log.push(`connected ${address}`));
  torrent.on("disconnected", ({ error }) => log.push(`disconnected ${errorCode(error)}`));
  torrent.on("done", ({ fraction }) => log.push(`done ${fraction}`));
  return log;
}
