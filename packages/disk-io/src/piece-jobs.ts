// The pieces of one torrent that are in the cache, and the jobs that read, write and verify them.
import { type BlockIndex, blockIndex, type PieceIndex } from "@shoal/core";
import type { Cache } from "./cache.ts";
import { CachedPiece, type PieceOwner } from "./cached-piece.ts";
import { type DiskTorrentSpec, NO_SLOT } from "./contract.ts";
import { Durability } from "./durability.ts";
import { type DiskError, diskError, type Fault } from "./error.ts";
import { Gate, type GateOwner } from "./gate.ts";
import type { Executor, Job, Outcome } from "./jobs.ts";
import { addToRuns, completeRuns, runsOf } from "./runs.ts";

/** What a torrent's pieces need of the whole disk layer. */
export interface PieceHost {
  readonly cache: Cache;
  /** Something changed that flushing, waiting reads or congestion may depend on. */
  balance(): void;
  /** A read can't begin now; {@link PieceJobs.read} is to be called again when it may. */
  postpone(piece: CachedPiece, from: BlockIndex): void;
}

/** Stands for the pieces of torrents that nothing was cached of: never added to. */
const NONE: Map<number, CachedPiece> = new Map();

/** See the head of the file. Who is told of results is the torrent's handler. */
export class PieceJobs implements PieceOwner, GateOwner {
  pieces: Map<number, CachedPiece> = NONE;
  readonly gate: Gate;
  readonly durability: Durability = new Durability();
  /** Why writes wait for `retry`. */
  failure: DiskError | undefined;
  readonly #torrent: number;
  readonly #spec: DiskTorrentSpec;
  readonly #host: PieceHost;
  /** The pieces that jobs under way or held are about. */
  #subjects: Map<Job, CachedPiece> | undefined;
  /** Pieces that were wrong once: whoever is told that they are right wants to compare. */
  #failedOnce: Set<number> | undefined;
  #isClosed = false;

  constructor(torrent: number, spec: DiskTorrentSpec, executor: Executor, host: PieceHost) {
    this.#torrent = torrent;
    this.#spec = spec;
    this.#host = host;
    this.gate = new Gate(executor, this);
  }

  /** The piece's entry, a new one if the cache knows nothing of it. */
  enter(piece: PieceIndex): CachedPiece {
    let entry = this.pieces.get(piece);
    if (entry === undefined) {
      const key = this.#torrent * 2 ** 31 + piece;
      entry = new CachedPiece(this, piece, this.#spec.geometry.blockCount(piece), key);
      if (this.pieces === NONE) this.pieces = new Map();
      this.pieces.set(piece, entry);
    }
    return entry;
  }

  /** Every piece that holds slots, dropped ones that a job still uses too. */
  entries(): CachedPiece[] {
    return [...new Set([...this.pieces.values(), ...(this.#subjects?.values() ?? [])])];
  }

  /** Forgets the piece; slots that a job uses are freed when it ends. */
  drop(entry: CachedPiece): void {
    entry.dropped = true;
    this.pieces.delete(entry.index);
    if (!entry.busy) this.#host.cache.drop(entry);
  }

  /** All blocks have come: verifies the piece as soon as nothing is writing it. */
  complete(entry: CachedPiece): void {
    if (entry.phase !== "partial") return;
    entry.phase = "completing";
    // A write under way has to end first: only then is it known what the store has.
    if (!entry.busy && this.failure === undefined) this.#startComplete(entry, false);
  }

  /** Begins to write a partial piece's dirty blocks, if that may be done now. */
  writeOut(entry: CachedPiece): boolean {
    return !this.gate.isHolding && this.#startWrite(entry);
  }

  /** Writes all partial pieces, ahead of the fence that asks for it. */
  writeOutAll(): void {
    for (const entry of this.pieces.values()) this.#startWrite(entry);
  }

  /** Begins to read the block and those that follow it and are missing, or has it postponed. */
  read(entry: CachedPiece, from: BlockIndex): void {
    if (this.#isClosed) return;
    const { cache } = this.#host;
    entry.reading = true;
    const runs: number[] = [];
    if (entry.dropped) {
      // It was forgotten while this waited, perhaps for being wrong: who waits is told as of a read,
      // and asks anew for what is still claimed.
      this.#submit({ kind: "read", torrent: this.#torrent, piece: entry.index, runs }, entry);
      return;
    }
    let room = this.gate.isHolding ? 0 : Math.min(cache.readRoom, cache.policy.readAhead(entry));
    for (let block = from; block < entry.slots.length && room > 0; block++) {
      if (entry.slots[block] !== NO_SLOT) continue;
      const slot = cache.takeReading(entry, block);
      if (slot === NO_SLOT) break;
      addToRuns(runs, block, slot);
      room--;
    }
    if (runs.length === 0) this.#host.postpone(entry, from);
    else this.#submit({ kind: "read", torrent: this.#torrent, piece: entry.index, runs }, entry);
  }

  /** Forgets the failure and submits again what it stopped. */
  retry(): void {
    if (this.failure === undefined) return;
    this.failure = undefined;
    for (const entry of this.pieces.values()) {
      if (entry.phase === "completing" && !entry.busy) this.#startComplete(entry, false);
    }
  }

  /** Ends all jobs that are held and forgets every piece. No job may be under way. */
  close(): void {
    this.#isClosed = true;
    const fault: Fault = { code: "ERR_DISK_CLOSED", message: "it was closed", path: undefined };
    this.gate.abandon({ fault, value: undefined });
    for (const entry of this.pieces.values()) {
      entry.busy = false;
      this.drop(entry);
    }
  }

  ended(job: Job, outcome: Outcome): void {
    const entry = this.#subjects?.get(job);
    this.#subjects?.delete(job);
    if (entry === undefined) return;
    if (job.kind === "read") this.#readEnded(entry, job.runs, outcome);
    else if (job.kind === "write") this.#writeEnded(entry, outcome.fault);
    else this.#completeEnded(entry, outcome);
    this.#host.balance();
  }

  opened(): void {
    this.#host.balance();
  }

  #startWrite(entry: CachedPiece): boolean {
    if (entry.dirty === 0 || entry.busy || entry.phase !== "partial") return false;
    if (this.failure !== undefined) return false;
    const { cache } = this.#host;
    const runs = runsOf(entry, (slot) => cache.isDirty(slot));
    cache.beginWriting(entry);
    entry.busy = true;
    const job: Job = { kind: "write", torrent: this.#torrent, piece: entry.index, runs };
    this.#submit(job, entry, true);
    return true;
  }

  #startComplete(entry: CachedPiece, ahead: boolean): void {
    const runs = completeRuns(entry);
    this.#host.cache.hold(entry);
    this.#host.cache.beginWriting(entry);
    entry.busy = true;
    const wantsDigests = this.#failedOnce?.has(entry.index) ?? false;
    const { index: piece } = entry;
    const job = { kind: "complete", torrent: this.#torrent, piece, runs, wantsDigests } as const;
    this.#submit(job, entry, ahead);
  }

  #submit(job: Job, entry: CachedPiece, ahead = false): void {
    this.#subjects ??= new Map();
    this.#subjects.set(job, entry);
    if (ahead) this.gate.submitAhead(job);
    else this.gate.submit(job);
  }

  #writeEnded(entry: CachedPiece, fault: Fault | undefined): void {
    const { cache } = this.#host;
    entry.busy = false;
    cache.endWriting(entry, fault === undefined);
    if (entry.dropped) cache.drop(entry);
    if (fault !== undefined) this.#fail(fault, entry);
    else if (!entry.dropped && entry.phase === "completing") this.#startComplete(entry, true);
  }

  #completeEnded(entry: CachedPiece, { fault, value, digests }: Outcome): void {
    const { cache } = this.#host;
    const { handler } = this.#spec;
    entry.busy = false;
    if (fault === undefined && value === true && !entry.dropped) entry.phase = "stored";
    cache.unhold(entry);
    cache.endWriting(entry, fault === undefined && value === true);
    if (entry.dropped) {
      cache.drop(entry);
    } else if (fault !== undefined) {
      this.#fail(fault, entry);
    } else if (value === true) {
      if (entry.isForgettable) this.pieces.delete(entry.index);
      this.#failedOnce?.delete(entry.index);
      this.durability.stored(entry.index);
      handler.pieceStored(entry.index, digests);
    } else {
      this.drop(entry);
      this.#failedOnce ??= new Set();
      this.#failedOnce.add(entry.index);
      handler.pieceFailed(entry.index, digests ?? new Uint8Array(0));
    }
  }

  #readEnded(entry: CachedPiece, runs: readonly number[], { fault, value }: Outcome): void {
    const { cache } = this.#host;
    const { geometry, handler } = this.#spec;
    let asked = 0;
    entry.reading = false;
    for (let i = 0; i < runs.length; i += 3) {
      for (let n = 0; n < (runs[i + 2] ?? 0); n++) {
        const block = blockIndex((runs[i] ?? 0) + n);
        const slot = (runs[i + 1] ?? 0) + n;
        asked += geometry.blockSize(entry.index, block);
        const isStale = entry.dropped || entry.slots[block] !== NO_SLOT;
        if (fault !== undefined || isStale) cache.release(slot);
        else cache.storeRead(entry, block, slot, i + n > 0);
      }
    }
    if (this.#isClosed) return;
    const doing = `reading piece ${entry.index}`;
    if (fault !== undefined) {
      if (!entry.dropped) this.drop(entry);
      this.durability.lost(entry.index);
      handler.readFailed(entry.index, diskError(fault, doing));
    } else if (typeof value === "number" && value < asked) {
      if (!entry.dropped) this.drop(entry);
      this.durability.lost(entry.index);
      const message = `${value} of ${asked} bytes are there`;
      const missing: Fault = { code: "ERR_DISK_MISSING", message, path: undefined };
      handler.readFailed(entry.index, diskError(missing, doing));
    } else {
      handler.blocksRead(entry.index);
    }
  }

  /** Told once; from then on nothing is written until `retry`. */
  #fail(fault: Fault, entry: CachedPiece): void {
    if (this.failure !== undefined) return;
    this.failure = diskError(fault, `writing piece ${entry.index}`);
    if (!this.#isClosed) this.#spec.handler.writeFailed(this.failure);
  }
}
