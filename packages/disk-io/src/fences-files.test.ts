// Fences on real files in random schedules: two torrents are downloaded and read while they are moved
// between file systems, renamed, selected and released, and while some moves are refused.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_SIZE, blockIndex, createRng, pieceIndex, type Rng } from "@shoal/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  arrive,
  download,
  type Fixture,
  fixture,
  notes,
  specOf,
  turn,
} from "../testing/torrent.ts";
import { type DiskTorrent, NO_SLOT } from "./contract.ts";
import { CachedDiskIo } from "./disk-io.ts";
import { fsStore } from "./fs-store.ts";

let here = "";
let away = "";
beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), "shoal-fences-"));
  away = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "shoal-fences-"));
});
afterEach(() => {
  for (const folder of [here, away]) rmSync(folder, { recursive: true });
});

/** One torrent, what is done to it, and what should come of that. */
class Subject {
  readonly handler = notes();
  readonly data: Fixture;
  readonly fences: Promise<unknown>[] = [];
  /** Where its files are when all fences have ended. */
  root: string;
  readonly names: (readonly string[])[];
  readonly #rng: Rng;
  readonly #completed = new Set<number>();
  #torrent: DiskTorrent | undefined;

  constructor(data: Fixture, root: string, rng: Rng) {
    this.data = data;
    this.root = root;
    this.names = data.layout.files.map(({ path }) => path);
    this.#rng = rng;
  }

  get torrent(): DiskTorrent {
    if (this.#torrent === undefined) throw new Error("not open");
    return this.#torrent;
  }

  async open(io: CachedDiskIo): Promise<void> {
    this.#torrent = await io.open(specOf(this.data, fsStore({ path: this.root }), this.handler));
  }

  act(): void {
    const piece = this.#pick(this.data.geometry.pieceCount);
    const dice = this.#pick(20);
    if (dice < 5) this.complete(piece);
    else if (dice < 9 && !this.#completed.has(piece)) {
      arrive(this.torrent, this.data, pieceIndex(piece), blockIndex(0));
    } else if (dice < 12) this.#read();
    else if (dice < 14) this.#move();
    else if (dice < 15) this.#rename();
    else if (dice < 16) this.#fence(this.torrent.flush());
    else if (dice < 17) this.#fence(this.torrent.finish());
    else if (dice < 18)
      this.#fence(this.torrent.setWanted(this.names.map(() => this.#pick(2) > 0)));
    else if (dice < 19) this.#check();
    else if (this.handler.stored.length > 0) this.#moveInVain();
  }

  /** Lets all that is missing of the piece arrive; the cache is large enough for both torrents. */
  complete(piece: number): void {
    if (this.#completed.has(piece)) return;
    this.#completed.add(piece);
    void download(this.torrent, this.data, piece);
  }

  /** Files by name as they should lie in `root`. */
  files(): Record<string, Buffer> {
    const { bytes, layout } = this.data;
    const all = layout.files.map(({ offset, length }, i) => {
      return [this.names[i]?.join("/"), bytes.subarray(offset, offset + length)] as const;
    });
    return Object.fromEntries(all);
  }

  #read(): void {
    const stored = this.handler.stored[this.#pick(this.handler.stored.length)];
    if (stored === undefined) return;
    const piece = pieceIndex(stored);
    const slot = this.torrent.pin(piece, blockIndex(0), this.#pick(3));
    if (slot === NO_SLOT) return;
    const { bytes, geometry } = this.data;
    const start = geometry.pieceOffset(piece);
    const size = geometry.blockSize(piece, blockIndex(0));
    expect(bytes.subarray(start, start + size).equals(this.torrent.view(slot, 0, size))).toBe(true);
    this.torrent.unpin(slot);
  }

  #move(): void {
    const base = this.#pick(2) === 0 ? here : away;
    this.root = join(base, this.data.layout.id, `${this.#pick(3)}`);
    this.#fence(this.torrent.move(this.root));
  }

  /** Something of it is on the disk, whose name or folder is taken where it should go. */
  #moveInVain(): void {
    const target = join(this.#pick(2) === 0 ? here : away, "taken");
    const refusal = { code: expect.stringMatching(/ERR_DISK_(EXISTS|PATH|IO|MISSING)/) };
    this.#fence(expect(this.torrent.move(target)).rejects.toMatchObject(refusal));
  }

  #rename(): void {
    const file = this.#pick(this.names.length);
    const to = [`${this.#pick(3)}`, `renamed-${file}-${this.#pick(3)}`];
    this.names[file] = to;
    this.#fence(this.torrent.rename(file, to));
  }

  #check(): void {
    const stored = [...this.handler.stored];
    const checked = this.torrent.check().then((good) => {
      for (const piece of stored) expect(good.has(piece)).toBe(true);
    });
    this.#fence(checked);
  }

  #fence(end: Promise<unknown>): void {
    this.fences.push(end);
  }

  #pick(bound: number): number {
    return Math.floor(this.#rng() * bound);
  }
}

/** A folder in which each name is taken that a file of the torrents, or a folder of theirs, may have. */
function occupy(folder: string): void {
  mkdirSync(folder);
  for (const name of ["file0", "file1", "0", "1", "2", ".a.parts", ".b.parts"]) {
    writeFileSync(join(folder, name), "mine");
  }
}

/** Files by name, with what is in them. */
function filesIn(folder: string): Record<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]),
  );
}

it("g: fences on files always end, and lose nothing, in random schedules", async () => {
  for (const base of [here, away]) occupy(join(base, "taken"));
  let fences = 0;
  for (let seed = 0; seed < 40; seed++) {
    const rng = createRng(seed);
    const turns: (() => void)[] = [];
    const step = (): void => turns.splice(Math.floor(rng() * turns.length), 1)[0]?.();
    const defer = (next: () => void): void => void turns.push(next);
    const io = new CachedDiskIo({ cacheSize: 0, execute: { defer } });
    /** Goes on until the promise has settled: one that waits for ever fails by the test's time. */
    const settle = async <T>(promise: Promise<T>): Promise<T> => {
      let isSettled = false;
      const settled = promise.finally(() => (isSettled = true));
      settled.catch(() => {});
      while (!isSettled) {
        step();
        await turn();
      }
      return settled;
    };
    const subjects = ["a", "b"].map((id) => {
      const data = fixture(3 * BLOCK_SIZE, [8 * BLOCK_SIZE + 1, 9 * BLOCK_SIZE], seed);
      return new Subject({ ...data, layout: { ...data.layout, id } }, join(here, id), rng);
    });
    for (const subject of subjects) await subject.open(io);
    for (let i = 0; i < 160; i++) {
      subjects[i & 1]?.act();
      for (let n = Math.floor(rng() * 3); n > 0; n--) step();
      if (rng() < 0.3) await turn();
    }
    for (const subject of subjects) {
      const { torrent, data, handler } = subject;
      fences += subject.fences.length;
      await settle(Promise.all([...subject.fences, torrent.setWanted([true, true])]));
      for (let piece = 0; piece < data.geometry.pieceCount; piece++) subject.complete(piece);
      await settle(torrent.flush());
      await settle(handler.until(() => handler.stored.length === data.geometry.pieceCount));
      expect((await settle(torrent.check())).isFull, `seed ${seed}`).toBe(true);
      expect([...handler.writeErrors, ...handler.readErrors, ...handler.failed]).toEqual([]);
      expect(filesIn(subject.root), `seed ${seed}`).toEqual(subject.files());
      await settle(torrent.close({ deleteData: true }));
      expect(filesIn(subject.root)).toEqual({});
      io.assertExact();
    }
    expect(io.stats()).toMatchObject({ free: io.stats().cacheSize, queuedJobs: 0, openHandles: 0 });
    await settle(io.close());
  }
  for (const base of [here, away]) {
    const left = Object.entries(filesIn(base));
    expect(left.map(([name]) => name.slice(0, 6))).toEqual(Array(7).fill("taken/"));
    expect(new Set(left.map(([, bytes]) => bytes.toString()))).toEqual(new Set(["mine"]));
  }
  expect(fences).toBeGreaterThan(1000);
});
