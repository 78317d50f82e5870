// The disk layer as a whole: one cache, its threads, and the balance between torrents.
import { availableParallelism } from "node:os";
import { BLOCK_SIZE, type BlockIndex, type ShoalError } from "@shoal/core";
import { arc } from "./arc-policy.ts";
import { ask } from "./ask.ts";
import { Cache } from "./cache.ts";
import type { CachePolicyFactory } from "./cache-policy.ts";
import type { CachedPiece } from "./cached-piece.ts";
import { CheckThreads, type Loan, NOTHING } from "./check-threads.ts";
import type { DiskIo, DiskStats, DiskTorrent, DiskTorrentSpec } from "./contract.ts";
import { CachedTorrent, type TorrentHost } from "./disk-torrent.ts";
import { DiskError, diskError, faultOf } from "./error.ts";
import { openHandles } from "./handle-pool.ts";
import { addCounters, type Executor, noCounters } from "./jobs.ts";
import { type Defer, LocalExecutor } from "./local-executor.ts";
import { MemoryLock } from "./memory-lock.ts";
import { Pressure } from "./pressure.ts";
import { ThreadExecutor } from "./thread-executor.ts";

/** How to set up {@link createDiskIo}. */
export interface DiskIoOptions {
  /**
   * Bytes for every block from the socket to the disk and back, rounded down to 16 KiB; never less
   * than 1 MiB, so that 0 means: as little as can be.
   */
  readonly cacheSize: number;
  /** What to evict, to write and to read ahead: {@link arc} by default, {@link lru}, or your own. */
  readonly policy?: CachePolicyFactory;
  /** Disk threads, 1 by default. 0 runs every store in-process. */
  readonly threads?: number;
  /** Threads that check a torrent, its disk thread included; all cores by default. */
  readonly checkThreads?: number;
  /**
   * Locks the cache into RAM before the first torrent is opened; false by default. Needs the optional
   * package `koffi`. Where it can't be done, `onWarning` is called and it goes on without.
   */
  readonly lockMemory?: boolean;
  /**
   * For simulators: runs every store in-process, each job in a turn that this function provides, after
   * whatever virtual time it likes.
   */
  readonly execute?: { readonly defer: Defer };
}

/** Makes a disk layer. Threads start with the first torrent that needs one. */
export function createDiskIo(options: DiskIoOptions): DiskIo {
  return new CachedDiskIo(options);
}

/** The smallest cache that still keeps several receivers and the disk at work: 1 MiB. */
const MIN_SLOTS = 64;

/** Below this many bytes a check ends before more threads would have started. */
const SMALL_CHECK = 64 * 1024 * 1024;

/** See {@link DiskIo}. */
export class CachedDiskIo implements DiskIo, TorrentHost {
  onCongestion: ((congested: boolean) => void) | undefined;
  onWarning: ((warning: ShoalError) => void) | undefined;
  readonly cache: Cache;
  readonly lookups: { hits: number; misses: number } = { hits: 0, misses: 0 };
  readonly #pressure: Pressure;
  readonly #memoryLock: MemoryLock | undefined;
  readonly #defer: Defer;
  readonly #threads: (ThreadExecutor | undefined)[];
  readonly #checkThreads: CheckThreads;
  readonly #torrents = new Set<CachedTorrent>();
  /** Reads that wait for a slot or a fence, and the block that each begins with. */
  readonly #postponed = new Map<CachedPiece, BlockIndex>();
  readonly #past = noCounters();
  #nextId = 0;
  #closing: Promise<void> | undefined;

  constructor({
    cacheSize,
    policy = arc(),
    threads = 1,
    checkThreads,
    lockMemory,
    execute,
  }: DiskIoOptions) {
    const slots = Math.max(MIN_SLOTS, Math.floor(cacheSize / BLOCK_SIZE));
    this.cache = new Cache(slots, policy);
    this.#pressure = new Pressure(slots);
    this.#memoryLock = lockMemory ? new MemoryLock(this.cache.slab.bytes) : undefined;
    this.#defer = execute?.defer ?? ((turn) => void setImmediate(turn));
    this.#threads = Array.from({ length: execute === undefined ? threads : 0 }, () => undefined);
    const checkers = checkThreads ?? availableParallelism();
    this.#checkThreads = new CheckThreads(this.#threads.length === 0 ? 0 : checkers - 1);
  }

  get congested(): boolean {
    return this.#pressure.congested;
  }

  async open(spec: DiskTorrentSpec): Promise<DiskTorrent> {
    if (this.#closing !== undefined) throw closed();
    const id = this.#nextId++;
    const refusal = await this.#memoryLock?.lock();
    if (refusal !== undefined) this.onWarning?.(refusal);
    if (this.#closing !== undefined) throw closed();
    const executor = await this.#openStore(id, spec);
    const torrent = new CachedTorrent(id, spec, executor, this);
    this.#torrents.add(torrent);
    if (this.#closing !== undefined) {
      await torrent.close();
      throw closed();
    }
    return torrent;
  }

  stats(): DiskStats {
    const { dirty, clean, pinned, arriving, reading, free } = this.cache.occupancy;
    const { hits, misses } = this.lookups;
    const counters = addCounters(this.#checkThreads.counters, this.#past);
    let queuedJobs = 0;
    let handles = openHandles();
    for (const executor of this.#executors()) {
      addCounters(counters, executor.counters);
      queuedJobs += executor.queued;
      handles += executor.openHandles;
    }
    for (const executor of this.#checkThreads.threads) {
      queuedJobs += executor.queued;
      handles += executor.openHandles;
    }
    for (const { jobs } of this.#torrents) queuedJobs += jobs.gate.held;
    return {
      cacheSize: this.cache.slab.size * BLOCK_SIZE,
      dirty: dirty * BLOCK_SIZE,
      clean: clean * BLOCK_SIZE,
      pinned: pinned * BLOCK_SIZE,
      inFlight: (arriving + reading) * BLOCK_SIZE,
      free: free * BLOCK_SIZE,
      ...counters,
      bytesPerSystemCall: ratio(
        counters.bytesRead + counters.bytesWritten,
        counters.systemReads + counters.systemWrites,
      ),
      readHits: hits,
      readMisses: misses,
      hitRate: ratio(Math.max(0, hits - misses), hits),
      ghostHits: this.cache.policy.ghostHits,
      readAheadUsed: this.cache.readAhead.used * BLOCK_SIZE,
      readAheadWasted: this.cache.readAhead.wasted * BLOCK_SIZE,
      queuedJobs,
      openHandles: handles,
      lockedBytes: this.#memoryLock?.lockedBytes ?? 0,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  balance(): void {
    const { cache } = this;
    const level = cache.dirty + cache.arriving;
    // Who pauses is waiting for the low mark: what is above it must be written, piece whole or not.
    if (level >= this.#pressure.flushAt || this.#pressure.congested) this.#flushSome(0);
    this.#judge(false);
    if (this.#postponed.size > 0) this.#readPostponed();
  }

  pressed(): void {
    this.#flushSome(1);
    this.#judge(true);
  }

  postpone(piece: CachedPiece, from: BlockIndex): void {
    this.#postponed.set(piece, from);
    if (!this.cache.hasRoom) this.#flushSome(1);
  }

  helpers(torrent: number, spec: DiskTorrentSpec, bytes: number): Loan {
    if (bytes < SMALL_CHECK || this.#threads.length === 0) return NOTHING;
    return this.#checkThreads.borrow(torrent, spec);
  }

  closed(torrent: CachedTorrent): void {
    this.#torrents.delete(torrent);
    if (torrent.executor instanceof LocalExecutor)
      addCounters(this.#past, torrent.executor.counters);
    this.balance();
  }

  /** Recounts every slot; for tests. @throws Error naming what is off. */
  assertExact(): void {
    this.cache.assertExact([...this.#torrents].flatMap(({ jobs }) => jobs.entries()));
  }

  async #openStore(id: number, spec: DiskTorrentSpec): Promise<Executor> {
    const { store, layout, pieceHashes } = spec;
    if (store.thread !== undefined && this.#threads.length > 0) {
      const executor = this.#thread(id % this.#threads.length);
      const { module, options } = store.thread;
      const open = { kind: "open", torrent: id, layout, pieceHashes, module, options } as const;
      this.#warn(await ask(executor, open));
      return executor;
    }
    const executor = new LocalExecutor(this.cache.slab.bytes, this.#defer);
    try {
      const opened = await store.open(layout);
      executor.adopt(id, layout, pieceHashes, opened);
      this.#warn(opened.warning);
    } catch (error) {
      throw diskError(faultOf(error), "opening the store");
    }
    return executor;
  }

  #warn(warning: unknown): void {
    if (typeof warning !== "string") return;
    this.onWarning?.(new DiskError("ERR_DISK_UNSUPPORTED", warning));
  }

  /** The thread of that number, a new one if it died. */
  #thread(index: number): ThreadExecutor {
    let thread = this.#threads[index];
    if (thread === undefined || thread.isBroken) {
      if (thread !== undefined) addCounters(this.#past, thread.counters);
      thread = new ThreadExecutor(this.cache.slab.memory);
      this.#threads[index] = thread;
    }
    return thread;
  }

  *#executors(): Generator<Executor> {
    for (const thread of this.#threads) if (thread !== undefined) yield thread;
    for (const { executor } of this.#torrents)
      if (executor instanceof LocalExecutor) yield executor;
  }

  async #close(): Promise<void> {
    const ends = await Promise.allSettled([...this.#torrents].map((torrent) => torrent.close()));
    this.#postponed.clear();
    await Promise.all(this.#threads.map(async (thread) => thread?.close()));
    await this.#memoryLock?.unlock();
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Writes out partial pieces, in the policy's order: at least so many, and down to the low mark. */
  #flushSome(least: number): void {
    const { cache } = this;
    const isDone = (flushed: number): boolean =>
      flushed >= least && cache.dirty - cache.writing + cache.arriving <= this.#pressure.low;
    // Most of the time writes under way are enough: that must cost next to nothing.
    if (isDone(0)) return;
    let flushed = 0;
    for (const piece of cache.policy.flushOrder()) {
      if (isDone(flushed)) return;
      if (piece.owner.writeOut(piece)) flushed++;
    }
  }

  #judge(starved: boolean): void {
    const { cache } = this;
    if (this.#pressure.judge(cache.dirty, cache.arriving, starved)) {
      this.onCongestion?.(this.#pressure.congested);
    }
  }

  #readPostponed(): void {
    if (!this.cache.hasRoom) return;
    const waiting = [...this.#postponed];
    this.#postponed.clear();
    for (const [piece, from] of waiting) piece.owner.read(piece, from);
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function closed(): DiskError {
  return new DiskError("ERR_DISK_CLOSED", "the disk layer was closed; make a new one");
}
