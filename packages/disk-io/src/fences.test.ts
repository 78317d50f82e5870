// Every kind of fence under load, in thousands of schedules: none waits for ever, all keep their order.
import { Bitfield, BLOCK_SIZE, blockIndex, createRng, pieceIndex, type Rng } from "@shoal/core";
import { describe, expect, it } from "vitest";
import {
  arrive,
  download,
  type Fixture,
  fixture,
  notes,
  specOf,
  turn,
} from "../testing/torrent.ts";
import { type DiskTorrent, NO_SLOT, type StoreFactory } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";
import { memoryStore } from "./memory-store.ts";

/** What a store is asked that belongs to a fence. */
type Alone = "flush" | "finish" | "move" | "rename" | "setWanted" | "close";

/** A store whose every call takes a turn of its own, and which sees who shares it. */
class Watched {
  /** Fences as the store saw them. */
  readonly seen: string[] = [];
  readonly faults: string[] = [];
  /** For each such fence, the blocks that must have been written before it, once it runs. */
  readonly due: (() => readonly number[])[] = [];
  readonly #written = new Set<number>();
  readonly #turns: (() => void)[];
  #others = 0;
  #alone: string | undefined;

  constructor(turns: (() => void)[]) {
    this.#turns = turns;
  }

  factory(): StoreFactory {
    const inner = memoryStore();
    return {
      open: async (layout) => {
        const store = await inner.open(layout);
        const alone = (what: Alone, detail = "") => this.#runAlone(what + detail, what);
        return {
          read: (piece, begin, into) => this.#share("read", () => store.read(piece, begin, into)),
          write: (piece, begin, from) => {
            const first = (piece * layout.pieceLength + begin) / BLOCK_SIZE;
            const blocks = from.reduce((sum, view) => sum + view.length, 0) / BLOCK_SIZE;
            for (let n = 0; n < blocks; n++) this.#written.add(first + n);
            return this.#share("write", () => store.write(piece, begin, from));
          },
          flush: () => alone("flush"),
          finish: () => alone("finish"),
          move: (path) => alone("move", path),
          rename: (file, to) => alone("rename", `${file}${to[0]}`),
          setWanted: () => alone("setWanted"),
          close: () => alone("close"),
          remove: () => store.remove?.(),
        };
      },
    };
  }

  async #runAlone(entry: string, what: string): Promise<void> {
    for (const block of this.due[this.seen.length]?.() ?? []) {
      if (!this.#written.has(block)) this.faults.push(`block ${block} not before ${entry}`);
    }
    this.seen.push(entry);
    if (this.#others > 0 || this.#alone !== undefined) this.faults.push(`${what} is not alone`);
    this.#alone = what;
    await this.#pause();
    this.#alone = undefined;
  }

  async #share<T>(what: string, work: () => T): Promise<Awaited<T>> {
    if (this.#alone !== undefined) this.faults.push(`${what} during ${this.#alone}`);
    this.#others++;
    await this.#pause();
    this.#others--;
    return await work();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#turns.push(resolve));
  }
}

/** A torrent, what is done to it at random, and what should come of it. */
class Schedule {
  readonly turns: (() => void)[] = [];
  readonly watched: Watched = new Watched(this.turns);
  /** Fences that the store must see, in this order. */
  readonly asked: string[] = [];
  readonly ends: Promise<unknown>[] = [];
  readonly handler = notes();
  readonly io: CachedDiskIo;
  readonly #rng: Rng;
  readonly #data: Fixture;
  readonly #completed = new Set<number>();
  /** Every block that arrived, numbered through the torrent. */
  readonly #put = new Set<number>();
  #pending = 0;

  constructor(seed: number, data: Fixture) {
    this.#rng = createRng(seed);
    this.#data = data;
    const defer = (next: () => void): void => void this.turns.push(next);
    this.io = new CachedDiskIo({ cacheSize: 0, execute: { defer } });
  }

  open(): Promise<DiskTorrent> {
    return this.io.open(specOf(this.#data, this.watched.factory(), this.handler));
  }

  act(torrent: DiskTorrent): void {
    const { geometry } = this.#data;
    const dice = this.#pick(20);
    const piece = pieceIndex(this.#pick(geometry.pieceCount));
    if (dice < 3 && !this.#completed.has(piece)) {
      this.#completed.add(piece);
      // At once, for a cache this small never refuses a torrent that is smaller.
      void download(torrent, this.#data, piece);
      const blocks = geometry.blockCount(piece);
      for (let n = 0; n < blocks; n++) this.#put.add(piece * geometry.blocksPerPiece + n);
    } else if (dice < 7 && !this.#completed.has(piece)) {
      const block = blockIndex(this.#pick(geometry.blockCount(piece)));
      arrive(torrent, this.#data, piece, block);
      this.#put.add(piece * geometry.blocksPerPiece + block);
    } else if (dice < 9 && this.handler.stored.includes(piece)) {
      const slot = torrent.pin(piece, blockIndex(0), 1);
      if (slot !== NO_SLOT) torrent.unpin(slot);
    } else if (dice < 13) {
      this.fence(torrent);
    } else {
      this.step();
    }
  }

  fence(torrent: DiskTorrent): void {
    const n = this.asked.length;
    const kinds: (() => void)[] = [
      () => this.#expect(torrent.flush(), "flush"),
      () => this.#expect(torrent.move(`/${n}`), `move/${n}`),
      () => this.#expect(torrent.rename(0, [`${n}`]), `rename0${n}`),
      () => this.#expect(torrent.setWanted([true]), "setWanted"),
      () => this.#expect(torrent.finish(), "finish"),
      () => this.#expect(torrent.isEmpty()),
      () => this.#expect(torrent.fileFacts()),
      () => this.#expect(torrent.capacity()),
      () => this.#check(torrent, this.#pick(4)),
    ];
    kinds[this.#pick(kinds.length)]?.();
  }

  step(): void {
    this.turns.splice(this.#pick(this.turns.length), 1)[0]?.();
  }

  /** Goes on until all fences have ended, or nothing is left to do. */
  async drain(): Promise<void> {
    for (let idle = 0; idle < 4 && this.#pending + this.turns.length > 0; idle++) {
      while (this.turns.length > 0) {
        this.step();
        await Promise.resolve();
        idle = 0;
      }
      await turn();
    }
    expect(this.#pending).toBe(0);
  }

  end(promise: Promise<unknown>, seen: string): void {
    this.#expect(promise, seen);
  }

  #check(torrent: DiskTorrent, how: number): void {
    const pieces = Bitfield.full(this.#data.geometry.pieceCount);
    const controller = new AbortController();
    const onProgress = (): void => {
      if (how === 0) controller.abort(new Error("enough"));
    };
    if (how === 1) controller.abort(new Error("enough"));
    const stored = [...this.handler.stored];
    const checking = torrent.check({ pieces, onProgress, signal: controller.signal }).then(
      (good) => {
        for (const piece of stored) expect(good.has(piece)).toBe(true);
      },
      (error) => expect(`${error}`).toMatch(/enough|closed/),
    );
    this.#expect(checking);
  }

  #expect(promise: Promise<unknown>, seen?: string): void {
    if (seen !== undefined) {
      this.asked.push(seen);
      const put = seen === "close" ? [] : [...this.#put];
      const completed = new Set(this.#completed);
      const { blocksPerPiece } = this.#data.geometry;
      // A piece that became complete later is written behind the fence, all of it.
      const isDue = (piece: number): boolean => completed.has(piece) || !this.#completed.has(piece);
      this.watched.due.push(() => put.filter((n) => isDue(Math.floor(n / blocksPerPiece))));
    }
    this.#pending++;
    this.ends.push(promise.finally(() => this.#pending--));
  }

  #pick(bound: number): number {
    return Math.floor(this.#rng() * bound);
  }
}

describe("g: fences in random schedules", () => {
  it.each([0, 1])("run alone, in order, and always end (part %i)", async (part) => {
    const data = fixture(3 * BLOCK_SIZE, [20 * BLOCK_SIZE + 1]);
    let fences = 0;
    for (let seed = part * 1000; seed < (part + 1) * 1000; seed++) {
      const schedule = new Schedule(seed, data);
      const torrent = await schedule.open();
      for (let i = 0; i < 60; i++) {
        schedule.act(torrent);
        await Promise.resolve();
      }
      // Half of the schedules end in the middle of it all.
      if (seed % 2 === 0) await schedule.drain();
      const deleteData = seed % 4 < 2;
      schedule.end(torrent.close({ deleteData }), "close");
      await schedule.drain();
      await Promise.all(schedule.ends);
      const { watched, asked, handler } = schedule;
      expect(watched.faults, `seed ${seed}`).toEqual([]);
      const expected = deleteData ? asked : [...asked.slice(0, -1), "flush", "close"];
      expect(watched.seen, `seed ${seed}`).toEqual(expected);
      expect([...handler.writeErrors, ...handler.failed]).toEqual([]);
      schedule.io.assertExact();
      expect(schedule.io.stats()).toMatchObject({ queuedJobs: 0, dirty: 0, clean: 0, pinned: 0 });
      fences += schedule.ends.length;
      await schedule.io.close();
    }
    expect(fences).toBeGreaterThan(8000);
  });
});
