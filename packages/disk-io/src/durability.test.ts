// Claims follow data: a disk that loses unflushed writes, and a crash after any step.
import { Bitfield, BLOCK_SIZE, blockIndex, createRng, pieceIndex, type Rng } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bench } from "../testing/bench.ts";
import { FragileDisk } from "../testing/fragile-store.ts";
import { nodeError } from "../testing/store.ts";
import {
  arrive,
  download,
  type Fixture,
  fixture,
  notes,
  specOf,
  turn,
} from "../testing/torrent.ts";
import type { CheckTrust, DiskTorrent } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";

/** A client that claims what is confirmed, on a disk that will crash. */
class Client {
  readonly claimed: Bitfield;
  trust: CheckTrust | undefined;
  readonly #turns: (() => void)[] = [];
  readonly #rng: Rng;
  readonly #data: Fixture;
  readonly #io: CachedDiskIo;
  /** What went wrong in flushes. */
  readonly failures: unknown[] = [];
  /** Pieces that the last check found. */
  #found: Bitfield | undefined;
  /** In the order of the store, not yet confirmed. */
  #stored: number[] = [];
  #torrent: DiskTorrent | undefined;

  constructor(rng: Rng, data: Fixture, claimed: Bitfield) {
    this.#rng = rng;
    this.#data = data;
    this.claimed = claimed;
    const defer = (next: () => void): void => void this.#turns.push(next);
    this.#io = new CachedDiskIo({ cacheSize: 0, execute: { defer } });
  }

  async open(disk: FragileDisk): Promise<void> {
    const store = disk.store(() => new Promise((resolve) => this.#turns.push(resolve)));
    const handler = {
      ...notes(),
      pieceStored: (piece: number) => void this.#stored.push(piece),
      piecesDurable: (pieces: readonly number[]) => {
        const expected = this.#stored;
        this.#stored = [];
        expect(pieces.filter((piece) => expected.includes(piece))).toEqual(expected);
        for (const piece of pieces) this.claimed.add(piece);
      },
    };
    this.#torrent = await this.#io.open(specOf(this.#data, store, handler));
  }

  async check(trust: CheckTrust | undefined): Promise<Bitfield> {
    const checking = this.torrent.check(trust === undefined ? {} : { trust });
    await this.#drain();
    this.#found = await checking;
    return this.#found;
  }

  get torrent(): DiskTorrent {
    if (this.#torrent === undefined) throw new Error("not open");
    return this.#torrent;
  }

  /** Does one thing: a block arrives, a job goes on, a flush begins… */
  async act(): Promise<void> {
    const { geometry } = this.#data;
    const dice = this.#rng();
    const piece = pieceIndex(Math.floor(this.#rng() * geometry.pieceCount));
    const isOver =
      this.#found?.has(piece) || this.claimed.has(piece) || this.#stored.includes(piece);
    if (dice < 0.2 && !isOver) {
      await download(this.torrent, this.#data, piece);
    } else if (dice < 0.25 && !isOver) {
      arrive(this.torrent, this.#data, piece, blockIndex(0));
    } else if (dice < 0.26) {
      this.torrent.discard(piece);
      this.#stored = this.#stored.filter((other) => other !== piece);
      this.claimed.delete(piece);
      this.#found?.delete(piece);
    } else if (dice < 0.32) {
      this.#flush();
    } else {
      this.#turns.splice(Math.floor(this.#rng() * this.#turns.length), 1)[0]?.();
      await turn();
    }
  }

  #flush(): void {
    const flushed = this.torrent.flush();
    const facts = this.torrent.fileFacts();
    // As data for a later start would be saved: now or, if the crash comes first, not at all.
    Promise.all([flushed, facts]).then(
      ([, files = []]) => {
        this.trust = { pieces: this.claimed.clone(), files };
      },
      (error) => this.failures.push(error),
    );
  }

  async #drain(): Promise<void> {
    for (let idle = 0; idle < 3; idle++) {
      for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) {
        next();
        await turn();
        idle = 0;
      }
      await turn();
    }
  }
}

describe("i: claims follow data", () => {
  it("after a crash at any point, every confirmed piece is right and nothing else is claimed", async () => {
    let claims = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.integer({ min: 1, max: 120 }),
        async (seed, steps) => {
          const rng = createRng(seed);
          const data = fixture(2 * BLOCK_SIZE, [5 * BLOCK_SIZE, 100, 6 * BLOCK_SIZE + 5]);
          let disk = FragileDisk.empty(data.layout);
          let claimed = new Bitfield(data.geometry.pieceCount);
          let trust: CheckTrust | undefined;
          for (let life = 0; life < 3; life++) {
            const client = new Client(rng, data, claimed);
            await client.open(disk);
            const truth = right(disk, data);
            const good = await client.check(life === 0 ? undefined : trust);
            for (const piece of good) expect(truth).toContain(piece);
            if (trust === undefined) expect([...good]).toEqual(truth);
            for (const piece of trust?.pieces ?? []) expect(good.has(piece)).toBe(true);
            for (let i = 0; i < steps; i++) await client.act();
            expect(client.failures).toEqual([]);
            disk = disk.crash(rng);
            const survivors = right(disk, data);
            for (const piece of client.claimed) expect(survivors).toContain(piece);
            claimed = client.claimed;
            claims += claimed.count;
            trust = client.trust;
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(claims).toBeGreaterThan(100);
  });

  it("confirms what was stored before the flush began, once, in order; and at the close", async () => {
    const b = await bench(4, 16);
    const durable: number[][] = [];
    Object.assign(b.handler, { piecesDurable: (pieces: number[]) => void durable.push(pieces) });
    for (const piece of [2, 0]) await download(b.torrent, b.data, piece);
    const flushed = b.torrent.flush();
    await download(b.torrent, b.data, 1);
    await flushed;
    expect(durable).toEqual([[2, 0]]);
    await b.handler.until(() => b.handler.stored.length === 3);
    await b.torrent.flush();
    await b.torrent.flush();
    expect(durable).toEqual([[2, 0], [1]]);
    await download(b.torrent, b.data, 3);
    await b.io.close();
    expect(durable).toEqual([[2, 0], [1], [3]]);
  });

  it("confirms what a check found, never what was discarded or what a flush has failed for", async () => {
    const b = await bench(4, 16);
    const durable: number[][] = [];
    Object.assign(b.handler, { piecesDurable: (pieces: number[]) => void durable.push(pieces) });
    for (const piece of [0, 1]) await download(b.torrent, b.data, piece);
    await b.handler.until(() => b.handler.stored.length === 2);
    b.torrent.discard(pieceIndex(0));
    const failing = Promise.reject(nodeError("EIO"));
    failing.catch(() => {});
    b.store.pause = failing;
    await expect(b.torrent.flush()).rejects.toMatchObject({ code: "ERR_DISK_IO" });
    b.store.pause = undefined;
    await b.torrent.flush();
    expect(durable).toEqual([]);
    await b.torrent.check();
    await b.torrent.flush();
    expect(durable).toEqual([[0, 1]]);
    await b.io.close();
  });
});

function right(disk: FragileDisk, { geometry, pieceHashes }: Fixture): number[] {
  const pieces = Array.from({ length: geometry.pieceCount }, (_, i) => i);
  return pieces.filter((piece) => disk.holds(piece, pieceHashes));
}
