// Senders that are no peers: whole downloads, limits, lies, and life with the torrent's states.
import { BLOCK_SIZE, type BlockFacts, type BlockLane, type BlockSource } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, type Sample, sample, testStore, World } from "../testing/world.ts";

const DATA = sample([100_000, 0, 250_001], 32_768);

/** A source that serves the torrent's bytes in chunks, one turn each, when it is told to go. */
class Server implements BlockSource {
  readonly name = "webseed";
  readonly log: string[] = [];
  readonly lanes: { lane: BlockLane; go: () => void }[] = [];
  facts: BlockFacts | undefined;
  /** Spoils each byte that is sent while it is set. */
  lies = false;
  /** Called when the feed has begun, before anything is asked for. */
  onOpen: () => void = () => {};
  /** Bytes that are asked for at a time, and sent at a time. */
  readonly ask: number;
  readonly chunk: number;
  readonly #world: World;
  readonly #data: Sample;
  readonly #count: number;

  constructor(world: World, data: Sample, { ask = 65_536, chunk = 10_000, count = 1 } = {}) {
    this.#world = world;
    this.#data = data;
    this.ask = ask;
    this.chunk = chunk;
    this.#count = count;
  }

  open(facts: BlockFacts) {
    this.facts = facts;
    this.log.push("open");
    for (let i = 0; i < this.#count; i++) this.#serve(facts, `http://seed${i}.test/`);
    this.onOpen();
    return { close: () => void this.log.push("close") };
  }

  async close(): Promise<void> {}

  #serve(facts: BlockFacts, name: string): void {
    let queue = Buffer.alloc(0);
    let mayDeliver = true;
    let over = false;
    const go = (): void => {
      if (over || !mayDeliver) return;
      if (queue.length === 0) {
        const run = lane.take(this.ask);
        if (run === undefined) return;
        this.log.push(`take ${run.offset}+${run.length}`);
        queue = Buffer.from(this.#data.bytes.subarray(run.offset, run.offset + run.length));
        if (this.lies) for (let i = 0; i < queue.length; i++) queue[i] = (queue[i] ?? 0) ^ 1;
      }
      mayDeliver = lane.deliver(queue.subarray(0, this.chunk));
      queue = queue.subarray(this.chunk);
      this.#world.defer(go);
    };
    const lane: BlockLane = facts.openLane(name, {
      wanted: () => this.#world.defer(go),
      drained: () => {
        mayDeliver = true;
        this.#world.defer(go);
      },
      banned: (reason) => {
        over = true;
        this.log.push(`banned ${reason.message}`);
      },
    });
    this.lanes.push({ lane, go });
    this.#world.defer(go);
  }
}

/** A torrent that is not started yet. */
async function torrentWith(world: World, server: Server) {
  const store = await testStore();
  const host = world.host({ blockSources: [server] });
  return { torrent: world.torrent(1, DATA.metainfo, { store }, host), store };
}

describe("a block source", () => {
  it("can bring a whole torrent, in stretches of neighbouring blocks", async () => {
    const world = new World();
    const server = new Server(world, DATA);
    const { torrent, store } = await torrentWith(world, server);
    server.onOpen = () => expect(torrent.stats.webSeeds).toBe(1);
    await world.until(torrent.start());
    await world.until(torrent.completed());
    expect(await store.content(DATA)).toEqual(DATA.bytes);
    expect(torrent.stats).toMatchObject({ received: 350_001, redundant: 0, webSeeds: 0 });
    const takes = server.log.filter((line) => line.startsWith("take"));
    expect(takes.length).toBeLessThanOrEqual(12); // Of 22 blocks.
    expect(server.log.at(-1)).toBe("close");
    await world.until(torrent.close());
    expect(world.deadlines.size).toBe(0);
  });

  it("brings the same bytes whatever is asked and sent at a time, by several lanes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 999, max: 70_000 }),
        fc.integer({ min: 1, max: 4 }),
        async (ask, chunk, count) => {
          const world = new World();
          const server = new Server(world, DATA, { ask, chunk, count });
          const { torrent, store } = await torrentWith(world, server);
          await world.until(torrent.start());
          await world.until(torrent.completed());
          expect((await store.content(DATA)).equals(DATA.bytes)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("shares the work with peers", async () => {
    const world = new World();
    const server = new Server(world, DATA, { ask: BLOCK_SIZE, chunk: 500 });
    const seed = world.torrent(9, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    const { torrent } = await torrentWith(world, server);
    server.onOpen = () => torrent.addPeers([at(9)]);
    await world.until(torrent.start());
    await world.until(torrent.completed());
    expect(seed.stats.uploaded).toBeGreaterThan(0);
    expect(server.log.filter((line) => line.startsWith("take")).length).toBeGreaterThan(0);
    expect(torrent.stats.received).toBeGreaterThanOrEqual(350_001);
  });

  it("keeps to the rate limit", async () => {
    const world = new World();
    const server = new Server(world, DATA);
    const { torrent } = await torrentWith(world, server);
    torrent.downloadRateLimit = 50_000;
    await world.until(torrent.start());
    await world.until(torrent.completed());
    expect(world.time).toBeGreaterThan(4_000);
    expect(world.time).toBeLessThan(9_000);
  });

  it("is banned for data that is wrong for certain, and what it sent comes from others", async () => {
    const world = new World();
    const server = new Server(world, DATA);
    server.lies = true;
    const { torrent } = await torrentWith(world, server);
    const banned: string[] = [];
    torrent.on("banned", ({ address, reason }) => banned.push(`${address} ${reason}`));
    await world.until(torrent.start());
    await world.settle();
    expect(banned).toEqual([expect.stringMatching(/^http:\/\/seed0.test\/ it sent bad data/)]);
    expect(server.log.at(-1)).toMatch("banned it sent bad data");
    expect(torrent.stats.webSeeds).toBe(0);
    const seed = world.torrent(9, DATA.metainfo, { store: await testStore(DATA) });
    await world.until(seed.start());
    torrent.addPeers([at(9)]);
    await world.until(torrent.completed());
  });

  it("is not asked for what it lacks", async () => {
    const world = new World();
    const server = new Server(world, DATA);
    const { torrent } = await torrentWith(world, server);
    server.onOpen = () => server.lanes[0]?.lane.lacks({ offset: 0, length: 40_000 });
    await world.until(torrent.start());
    await world.settle();
    expect(torrent.progress).toMatchObject({ piecesDone: 9, pieceCount: 11 });
    expect(server.log.some((line) => line.startsWith("take 0+"))).toBe(false);
  });

  it("gives back what it took and will not send", async () => {
    const world = new World();
    const server = new Server(world, DATA, { count: 2, ask: 1_000_000 });
    const { torrent } = await torrentWith(world, server);
    server.onOpen = () => {
      const lane = server.lanes[0]?.lane;
      expect(lane?.take(1_000_000)).toEqual({ offset: 0, length: 350_001 });
      lane?.deliver(DATA.bytes.subarray(0, 20_000));
      lane?.release();
      lane?.close();
      expect(lane?.take(1)).toBeUndefined();
    };
    await world.until(torrent.start());
    await world.until(torrent.completed());
  });

  it("rests while the torrent is paused or complete, and begins again", async () => {
    const world = new World();
    const server = new Server(world, DATA);
    const { torrent } = await torrentWith(world, server);
    torrent.setPriorities(new Map([[2, 0]]));
    await world.until(torrent.start());
    await world.until(torrent.completed());
    expect(server.log.at(-1)).toBe("close");
    torrent.setPriorities(new Map([[2, 4]]));
    expect(server.log.at(-1)).toBe("open");
    const paused = torrent.pause();
    await world.until(paused);
    expect([server.log.at(-1), torrent.stats.webSeeds]).toEqual(["close", 0]);
    await world.until(torrent.resume());
    await world.until(torrent.completed());
    expect(torrent.progress.fraction).toBe(1);
  });
});
