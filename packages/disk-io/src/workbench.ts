// Runs disk jobs on stores and the slab: the same code in a disk thread and in-process.
import { createHash, hash } from "node:crypto";
import { Bitfield, BLOCK_SIZE, equalBytes, PieceGeometry, pieceIndex } from "@shoal/core";
import type { MaybePromise, StoreLayout, TorrentStore } from "./contract.ts";
import { faultOf } from "./error.ts";
import { type Counters, type Job, noCounters, type Outcome } from "./jobs.ts";
import { SparseHash, sparseDigest, zeroDigest } from "./sparse-hash.ts";
import { run, type Steps, wait } from "./steps.ts";

/** Bytes of a SHA-1 digest. */
const DIGEST = 20;
/** What is read at once to be hashed: this much stays in a core's own cache. */
const CHUNK = 256 * 1024;

/** A torrent's open store. */
interface Open {
  readonly store: TorrentStore;
  readonly geometry: PieceGeometry;
  readonly pieceHashes: Uint8Array;
}

/** Stores by torrent, the slab, and what was done so far. */
export class Workbench {
  readonly counters: Counters = noCounters();
  readonly #slab: Uint8Array;
  readonly #open = new Map<number, Open>();
  #scratch: Buffer | undefined;

  /** @param slab All of the slab's memory; empty if no job will touch it. */
  constructor(slab: Uint8Array) {
    this.#slab = slab;
  }

  /** Takes over an open store. Jobs of kind `open` do the same with a store's module. */
  adopt(torrent: number, layout: StoreLayout, pieceHashes: Uint8Array, store: TorrentStore): void {
    const geometry = new PieceGeometry(layout.totalLength, layout.pieceLength);
    this.#open.set(torrent, { store, geometry, pieceHashes });
  }

  /** Runs one job. Never throws or rejects: failures are outcomes. */
  perform(job: Job): MaybePromise<Outcome> {
    return run(this.#guarded(job));
  }

  *#guarded(job: Job): Steps<Outcome> {
    try {
      if (job.kind === "complete") return yield* this.#complete(this.#find(job.torrent), job);
      return { fault: undefined, value: yield* this.#work(job) };
    } catch (error) {
      return { fault: faultOf(error), value: undefined };
    }
  }

  *#work(job: Exclude<Job, { kind: "complete" }>): Steps<Outcome["value"]> {
    if (job.kind === "open") {
      const module = (yield* wait(import(job.module))) as StoreModule;
      const store = yield* wait(module.openStore(job.layout, job.options));
      // A copy: what came is a view, and the message has brought all of the memory behind it.
      this.adopt(job.torrent, job.layout, new Uint8Array(job.pieceHashes), store);
      return store.warning;
    }
    const open = this.#find(job.torrent);
    const { store } = open;
    switch (job.kind) {
      case "read":
        return yield* this.#read(open, job.piece, job.runs);
      case "write":
        return yield* this.#write(open, job.piece, job.runs);
      case "check":
        return yield* this.#check(open, job.pieces);
      case "digest":
        return yield* this.#digest(open, job.pieces);
      case "flush":
        yield* wait(store.flush(job.found));
        return undefined;
      case "finish":
        yield* wait(store.finish?.());
        return undefined;
      case "isEmpty":
        if (store.isEmpty !== undefined) return yield* wait(store.isEmpty());
        return (yield* this.#present(open))?.count === 0;
      case "fileFacts":
        return yield* wait(store.fileFacts?.());
      case "move":
        if (store.move === undefined) throw unsupported("move its data");
        yield* wait(store.move(job.path));
        return undefined;
      case "rename":
        if (store.rename === undefined) throw unsupported("rename files");
        yield* wait(store.rename(job.file, job.to));
        return undefined;
      case "setWanted":
        yield* wait(store.setWanted?.(job.wanted));
        return undefined;
      case "present":
        // It is to look anew, and this is what makes it.
        yield* wait(store.fileFacts?.());
        return withZeros(open, yield* this.#present(open))?.bytes;
      case "capacity":
        return yield* wait(store.capacity?.());
      case "close":
        this.#open.delete(job.torrent);
        if (job.deleteData) yield* wait(store.remove?.());
        yield* wait(store.close());
        return undefined;
    }
  }

  /** The pieces that the store has data of, if it knows. */
  *#present({ store, geometry }: Open): Steps<Bitfield | undefined> {
    const present = new Bitfield(geometry.pieceCount);
    if (store.present === undefined) {
      const isEmpty = (yield* wait(store.isEmpty?.())) ?? false;
      return isEmpty ? present : undefined;
    }
    for (const piece of yield* wait(store.present())) present.add(piece);
    return present;
  }

  #find(torrent: number): Open {
    const open = this.#open.get(torrent);
    if (open === undefined) throw coded("ERR_DISK_CLOSED", "the torrent's store is not open");
    return open;
  }

  /** One call to the store for each stretch of consecutive blocks. */
  *#read(open: Open, piece: number, runs: readonly number[]): Steps<number> {
    let total = 0;
    for (let i = 0; i < runs.length; ) {
      const stretch = this.#stretch(open, piece, runs, i);
      i = stretch.next;
      const { begin, views } = stretch;
      total += yield* this.#readInto(open, piece, begin, views);
    }
    return total;
  }

  *#write(open: Open, piece: number, runs: readonly number[]): Steps<undefined> {
    for (let i = 0; i < runs.length; ) {
      const stretch = this.#stretch(open, piece, runs, i);
      i = stretch.next;
      yield* this.#writeFrom(open, piece, stretch.begin, stretch.views);
    }
    return undefined;
  }

  /** Hashes, and if the piece is right, writes what the store lacks and commits. */
  *#complete(open: Open, { piece, runs, wantsDigests }: CompleteJob): Steps<Outcome> {
    const digest = yield* this.#hashRuns(open, piece, runs);
    const at = piece * DIGEST;
    const value = equalBytes(digest, open.pieceHashes.subarray(at, at + DIGEST));
    const digests =
      wantsDigests || !value ? { digests: yield* this.#blockDigests(open, piece, runs) } : {};
    if (value) {
      yield* this.#write(open, piece, lackingOf(runs));
      yield* wait(open.store.commit?.(piece));
    }
    return { fault: undefined, value, ...digests };
  }

  *#hashRuns(open: Open, piece: number, runs: readonly number[]): Steps<Uint8Array> {
    const size = open.geometry.pieceSize(pieceIndex(piece));
    this.counters.hashedBytes += size;
    if (runs.length === 3 && (runs[0] ?? -1) >= 0) {
      return hash("sha1", this.#view(runs[0] ?? 0, size), "buffer");
    }
    const sha1 = createHash("sha1");
    for (let i = 0, at = 0; i < runs.length; i += 3) {
      const slot = runs[i] ?? 0;
      const length = Math.min((runs[i + 1] ?? 0) * BLOCK_SIZE, size - at);
      if (slot >= 0) sha1.update(this.#view(slot, length));
      else yield* this.#readBack(open, piece, at, length, (chunk) => void sha1.update(chunk));
      at += length;
    }
    return sha1.digest();
  }

  *#blockDigests(open: Open, piece: number, runs: readonly number[]): Steps<Uint8Array> {
    const size = open.geometry.pieceSize(pieceIndex(piece));
    const digests = new Uint8Array(open.geometry.blockCount(pieceIndex(piece)) * DIGEST);
    let at = 0;
    const add = (bytes: Uint8Array): void => {
      for (let start = 0; start < bytes.length; start += BLOCK_SIZE, at += BLOCK_SIZE) {
        const block = bytes.subarray(start, start + BLOCK_SIZE);
        digests.set(hash("sha1", block, "buffer"), (at / BLOCK_SIZE) * DIGEST);
      }
    };
    for (let i = 0, begin = 0; i < runs.length; i += 3) {
      const slot = runs[i] ?? 0;
      const length = Math.min((runs[i + 1] ?? 0) * BLOCK_SIZE, size - begin);
      if (slot >= 0) add(this.#view(slot, length));
      else yield* this.#readBack(open, piece, begin, length, add);
      begin += length;
    }
    return digests;
  }

  *#check(open: Open, pieces: readonly number[]): Steps<Uint8Array> {
    const good = new Uint8Array(pieces.length);
    for (const [i, piece] of pieces.entries()) {
      const known = yield* wait(open.store.hash?.(piece));
      const digest = known ?? (yield* this.#hashStored(open, piece));
      const expected = open.pieceHashes.subarray(piece * DIGEST, (piece + 1) * DIGEST);
      if (digest !== undefined && equalBytes(digest, expected)) good[i] = 1;
    }
    return good;
  }

  *#digest(open: Open, pieces: readonly number[]): Steps<Uint8Array> {
    const digests = new Uint8Array(pieces.length * DIGEST);
    for (const [i, piece] of pieces.entries()) {
      const digest = yield* this.#hashStored(open, piece);
      if (digest === undefined)
        throw coded("ERR_DISK_MISSING", `data of piece ${piece} is missing`);
      digests.set(digest, i * DIGEST);
    }
    return digests;
  }

  /** The digest of a piece as it lies in the store; undefined if data is missing. */
  *#hashStored(open: Open, piece: number): Steps<Uint8Array | undefined> {
    const size = open.geometry.pieceSize(pieceIndex(piece));
    if (size <= CHUNK) {
      const chunk = this.#chunk(size);
      if ((yield* this.#readInto(open, piece, 0, [chunk])) < size) return undefined;
      this.counters.hashedBytes += size;
      return sparseDigest(chunk);
    }
    const sha1 = new SparseHash();
    const update = (chunk: Uint8Array): void => {
      sha1.update(chunk);
    };
    const found = yield* this.#readChunks(open, piece, 0, size, update);
    this.counters.hashedBytes += found;
    return found < size ? undefined : sha1.digest();
  }

  /** Like {@link #readChunks}, of blocks that were written: it is an error if they are gone. */
  *#readBack(
    open: Open,
    piece: number,
    begin: number,
    length: number,
    use: (chunk: Uint8Array) => void,
  ): Steps<void> {
    const found = yield* this.#readChunks(open, piece, begin, length, use);
    if (found < length) throw coded("ERR_DISK_MISSING", "blocks that were written are gone");
  }

  /** Shows part of a piece chunk by chunk; stops where data is missing. Returns what there was. */
  *#readChunks(
    open: Open,
    piece: number,
    begin: number,
    length: number,
    use: (chunk: Uint8Array) => void,
  ): Steps<number> {
    let done = 0;
    while (done < length) {
      const chunk = this.#chunk(Math.min(CHUNK, length - done));
      const count = yield* this.#readInto(open, piece, begin + done, [chunk]);
      done += count;
      use(chunk.subarray(0, count));
      if (count < chunk.length) break;
    }
    return done;
  }

  *#readInto(open: Open, piece: number, begin: number, into: Uint8Array[]): Steps<number> {
    const { store } = open;
    const before = store.calls?.reads ?? 0;
    const count = yield* wait(store.read(piece, begin, into));
    this.counters.reads++;
    this.counters.systemReads += (store.calls?.reads ?? 1) - before;
    this.counters.bytesRead += count;
    return count;
  }

  *#writeFrom(open: Open, piece: number, begin: number, from: Uint8Array[]): Steps<void> {
    const { store } = open;
    const before = store.calls?.writes ?? 0;
    yield* wait(store.write(piece, begin, from));
    this.counters.writes++;
    this.counters.systemWrites += (store.calls?.writes ?? 1) - before;
    for (const view of from) this.counters.bytesWritten += view.length;
  }

  /** The longest stretch of consecutive blocks from run `i` on; neighbouring slots share a view. */
  #stretch(
    { geometry }: Open,
    piece: number,
    runs: readonly number[],
    i: number,
  ): { begin: number; views: Uint8Array[]; next: number } {
    const size = geometry.pieceSize(pieceIndex(piece));
    const begin = (runs[i] ?? 0) * BLOCK_SIZE;
    const views: Uint8Array[] = [];
    let at = begin;
    let next = i;
    while (next < runs.length && (runs[next] ?? 0) * BLOCK_SIZE === at) {
      const length = Math.min((runs[next + 2] ?? 0) * BLOCK_SIZE, size - at);
      views.push(this.#view(runs[next + 1] ?? 0, length));
      at += length;
      next += 3;
    }
    return { begin, views, next };
  }

  /** Private memory to read into; the next call gives the same. */
  #chunk(length: number): Uint8Array {
    this.#scratch ??= Buffer.allocUnsafeSlow(CHUNK);
    return this.#scratch.subarray(0, length);
  }

  #view(slot: number, length: number): Uint8Array {
    return this.#slab.subarray(slot * BLOCK_SIZE, slot * BLOCK_SIZE + length);
  }
}

/** Adds the pieces that should be zeros only: a store may have nothing of them but a hole. */
function withZeros(
  { geometry, pieceHashes }: Open,
  present: Bitfield | undefined,
): Bitfield | undefined {
  for (let i = 0; present !== undefined && i < geometry.pieceCount; i++) {
    const piece = pieceIndex(i);
    if (present.has(piece)) continue;
    const expected = pieceHashes.subarray(piece * DIGEST, (piece + 1) * DIGEST);
    if (equalBytes(zeroDigest(geometry.pieceSize(piece)), expected)) present.add(piece);
  }
  return present;
}

/** What the module of `StoreFactory.thread` exports. */
interface StoreModule {
  openStore(layout: StoreLayout, options: unknown): MaybePromise<TorrentStore>;
}

type CompleteJob = Extract<Job, { kind: "complete" }>;

/** The runs of a `complete` job that must be written, in the form of a `write` job. */
function lackingOf(runs: readonly number[]): number[] {
  const lacking: number[] = [];
  for (let i = 0, block = 0; i < runs.length; i += 3) {
    const [slot = 0, blocks = 0, isLacking = 0] = [runs[i], runs[i + 1], runs[i + 2]];
    if (isLacking === 1) lacking.push(block, slot, blocks);
    block += blocks;
  }
  return lacking;
}

function unsupported(what: string): Error {
  return coded("ERR_DISK_UNSUPPORTED", `the store can't ${what}`);
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
