// One torrent as the engine sees it: blocks in and out of the cache, and work on the whole of it.
import { Bitfield, BLOCK_SIZE, type BlockIndex, type PieceIndex } from "@shoal/core";
import { ask } from "./ask.ts";
import type { Cache } from "./cache.ts";
import type { Loan } from "./check-threads.ts";
import {
  type DiskTorrent,
  type DiskTorrentSpec,
  type FileFact,
  NO_SLOT,
  type Slot,
} from "./contract.ts";
import { DiskError } from "./error.ts";
import type { Executor } from "./jobs.ts";
import { type PieceHost, PieceJobs } from "./piece-jobs.ts";
import { batchesOf, type Stop, spread } from "./spread.ts";
import { unchangedPieces } from "./trust.ts";

/** See {@link DiskTorrent.check}. */
type CheckOptions = NonNullable<Parameters<DiskTorrent["check"]>[0]>;

/** What a torrent needs of the disk layer that it belongs to. */
export interface TorrentHost extends PieceHost {
  /** Blocks that were in the cache when they were pinned, and those that were not. */
  readonly lookups: { hits: number; misses: number };
  /** A block could not have a slot. */
  pressed(): void;
  /** Borrows more executors that can read the torrent's store, for a check of that many bytes. */
  helpers(torrent: number, spec: DiskTorrentSpec, bytes: number): Loan;
  /** The torrent is gone. */
  closed(torrent: CachedTorrent): void;
}

/** See {@link DiskTorrent}. */
export class CachedTorrent implements DiskTorrent {
  readonly id: number;
  readonly executor: Executor;
  readonly jobs: PieceJobs;
  readonly #spec: DiskTorrentSpec;
  readonly #host: TorrentHost;
  readonly #cache: Cache;
  #hasMoved = false;
  #closing: Promise<void> | undefined;

  constructor(id: number, spec: DiskTorrentSpec, executor: Executor, host: TorrentHost) {
    this.id = id;
    this.executor = executor;
    this.jobs = new PieceJobs(id, spec, executor, host);
    this.#spec = spec;
    this.#host = host;
    this.#cache = host.cache;
  }

  allocate(piece: PieceIndex, block: BlockIndex): Slot {
    if (this.#closing !== undefined) return NO_SLOT;
    const entry = this.jobs.enter(piece);
    const slot = this.#cache.takeArriving(entry, block);
    if (slot === NO_SLOT) {
      if (entry.isForgettable) this.jobs.pieces.delete(piece);
      this.#host.pressed();
    }
    return slot;
  }

  copyIn(slot: Slot, offset: number, chunk: Uint8Array, start: number, end: number): void {
    if (offset + end - start > BLOCK_SIZE) {
      throw new RangeError(`a slot holds ${BLOCK_SIZE} bytes, not ${offset + end - start}`);
    }
    // On shared memory several times as fast as `set`.
    const at = slot * BLOCK_SIZE + offset;
    Buffer.prototype.copy.call(chunk, this.#cache.slab.bytes, at, start, end);
  }

  put(piece: PieceIndex, block: BlockIndex, slot: Slot): boolean {
    const known = this.jobs.pieces.get(piece);
    const isWanted =
      known === undefined ||
      (known.phase === "partial" && known.slots[block] === NO_SLOT && known.onDisk[block] === 0);
    if (!isWanted || this.#closing !== undefined) {
      this.free(slot);
      return false;
    }
    this.#cache.storeDirty(known ?? this.jobs.enter(piece), block, slot);
    this.#host.balance();
    return true;
  }

  free(slot: Slot): void {
    this.#cache.reject(slot);
    this.#host.balance();
  }

  complete(piece: PieceIndex): void {
    if (this.#closing === undefined) this.jobs.complete(this.jobs.enter(piece));
  }

  discard(piece: PieceIndex): void {
    this.jobs.durability.lost(piece);
    const entry = this.jobs.pieces.get(piece);
    if (entry === undefined) return;
    this.jobs.drop(entry);
    this.#host.balance();
  }

  pin(piece: PieceIndex, block: BlockIndex, requester: number): Slot {
    const known = this.jobs.pieces.get(piece);
    const slot = known?.slots[block] ?? NO_SLOT;
    if (known !== undefined && slot !== NO_SLOT) {
      this.#host.lookups.hits++;
      this.#cache.use(known, slot, requester);
      return slot;
    }
    if (this.#closing !== undefined) return NO_SLOT;
    this.#host.lookups.misses++;
    const entry = known ?? this.jobs.enter(piece);
    if (known === undefined) entry.phase = "stored";
    this.#cache.policy.miss(entry, requester);
    if (!entry.reading) this.jobs.read(entry, block);
    return NO_SLOT;
  }

  view(slot: Slot, start: number, end: number): Uint8Array {
    return this.#cache.slab.bytes.subarray(slot * BLOCK_SIZE + start, slot * BLOCK_SIZE + end);
  }

  unpin(slot: Slot): void {
    this.#cache.unpin(slot);
    this.#host.balance();
  }

  check(options: CheckOptions = {}): Promise<Bitfield> {
    const { geometry } = this.#spec;
    const pieces = options.pieces?.clone() ?? Bitfield.full(geometry.pieceCount);
    const stop = this.#stopFor(options.signal);
    return this.#fence(true, async () => {
      stop.throwIfAborted();
      // What the store holds now may differ from what was cached.
      for (const piece of pieces) {
        const entry = this.jobs.pieces.get(piece);
        if (entry?.phase === "stored") this.jobs.drop(entry);
      }
      return this.#check(pieces, options, stop);
    });
  }

  isEmpty(): Promise<boolean> {
    return this.#fence(true, async () => {
      return (await ask(this.executor, { kind: "isEmpty", torrent: this.id })) === true;
    });
  }

  finish(): Promise<void> {
    return this.#fence(true, async () => {
      await ask(this.executor, { kind: "finish", torrent: this.id });
    });
  }

  flush(): Promise<void> {
    this.retry();
    return this.#fence(true, async () => {
      if (this.jobs.failure !== undefined) throw this.jobs.failure;
      await this.#flush();
    });
  }

  fileFacts(): Promise<readonly FileFact[] | undefined> {
    return this.#fence(true, () => this.#fileFacts());
  }

  retry(): void {
    this.jobs.retry();
    this.#host.balance();
  }

  move(path: string): Promise<void> {
    return this.#fence(true, async () => {
      await ask(this.executor, { kind: "move", torrent: this.id, path });
      this.#hasMoved = true;
    });
  }

  rename(file: number, to: readonly string[]): Promise<void> {
    return this.#fence(true, async () => {
      await ask(this.executor, { kind: "rename", torrent: this.id, file, to });
      this.#hasMoved = true;
    });
  }

  setWanted(wanted: readonly boolean[]): Promise<void> {
    return this.#fence(true, async () => {
      await ask(this.executor, { kind: "setWanted", torrent: this.id, wanted });
    });
  }

  async capacity(): Promise<number | undefined> {
    const value = await this.#fence(false, () =>
      ask(this.executor, { kind: "capacity", torrent: this.id }),
    );
    return typeof value === "number" ? value : undefined;
  }

  close(options: { deleteData?: boolean } = {}): Promise<void> {
    if (this.#closing === undefined) {
      const { deleteData = false } = options;
      if (!deleteData) this.retry();
      this.#closing = this.#fence(!deleteData, () => this.#close(deleteData));
    }
    return this.#closing;
  }

  async #check(
    pieces: Bitfield,
    { trust, onProgress }: CheckOptions,
    stop: Stop,
  ): Promise<Bitfield> {
    const good = new Bitfield(this.#spec.geometry.pieceCount);
    if (trust !== undefined) {
      const facts = await this.#fileFacts();
      for (const piece of unchangedPieces(this.#spec.layout, trust, facts)) {
        if (pieces.delete(piece) && trust.pieces.has(piece)) good.add(piece);
      }
    }
    const read = await this.#read(await this.#present(pieces), onProgress, stop);
    this.jobs.durability.checked(pieces, read);
    for (const piece of read) good.add(piece);
    return good;
  }

  /** Those of the pieces that the store may have data of. */
  async #present(pieces: Bitfield): Promise<Bitfield> {
    if (pieces.count === 0) return pieces;
    const bytes = await ask(this.executor, { kind: "present", torrent: this.id });
    return bytes instanceof Uint8Array ? intersection(pieces, bytes) : pieces;
  }

  /** Reads and hashes pieces. @returns the right ones. */
  async #read(
    pieces: Bitfield,
    onProgress: CheckOptions["onProgress"],
    stop: Stop,
  ): Promise<Bitfield> {
    const { pieceCount, pieceLength } = this.#spec.geometry;
    const torrent = this.id;
    const good = new Bitfield(pieceCount);
    const work = async (executor: Executor, batch: readonly number[]): Promise<void> => {
      const value = await ask(executor, { kind: "check", torrent, pieces: batch });
      if (!(value instanceof Uint8Array)) return;
      for (const [i, piece] of batch.entries()) if (value[i] === 1) good.add(piece);
    };
    const [only, more] = batchesOf(pieces, pieceLength);
    if (only === undefined) return good;
    if (more === undefined) {
      await work(this.executor, only);
      stop.throwIfAborted();
      onProgress?.(only.length);
      return good;
    }
    // Helpers open the store where its factory says: after a move there are none.
    const bytes = this.#hasMoved ? 0 : pieces.count * pieceLength;
    const helpers = this.#host.helpers(torrent, this.#spec, bytes);
    const executors = [this.executor, ...helpers.executors];
    try {
      await spread({ executors, pieces, pieceLength, work, onProgress, signal: stop });
    } finally {
      await helpers.giveBack();
    }
    return good;
  }

  async #fileFacts(): Promise<readonly FileFact[] | undefined> {
    const value = await ask(this.executor, { kind: "fileFacts", torrent: this.id });
    return Array.isArray(value) ? (value as readonly FileFact[]) : undefined;
  }

  async #flush(): Promise<void> {
    const { durability } = this.jobs;
    const durable = await durability.flush((found) =>
      ask(this.executor, { kind: "flush", torrent: this.id, found }),
    );
    if (durable.length > 0) this.#spec.handler.piecesDurable?.(durable);
  }

  async #close(deleteData: boolean): Promise<void> {
    try {
      if (this.jobs.failure === undefined && !deleteData) {
        await this.#flush();
      }
    } finally {
      try {
        await ask(this.executor, { kind: "close", torrent: this.id, deleteData });
      } finally {
        this.jobs.close();
        this.#host.closed(this);
      }
    }
    if (this.jobs.failure !== undefined && !deleteData) throw this.jobs.failure;
  }

  /** Ends a check: by the caller's signal, or because the torrent is being closed. */
  #stopFor(signal: AbortSignal | undefined): Stop {
    const isClosing = (): boolean => this.#closing !== undefined;
    return {
      get aborted() {
        return signal?.aborted === true || isClosing();
      },
      throwIfAborted() {
        signal?.throwIfAborted();
        if (isClosing()) throw closed();
      },
    };
  }

  /** Runs work when nothing else is done for the torrent, with partial pieces written if `forced`. */
  #fence<T>(forced: boolean, body: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      return Promise.reject(closed());
    }
    return this.jobs.gate.fence(forced ? () => this.jobs.writeOutAll() : undefined, body);
  }
}

/** The pieces that are in a bitfield's bytes too. */
function intersection(pieces: Bitfield, bytes: Uint8Array): Bitfield {
  const both = new Bitfield(pieces.length);
  for (const piece of pieces) {
    if (((bytes[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0) both.add(piece);
  }
  return both;
}

function closed(): DiskError {
  return new DiskError("ERR_DISK_CLOSED", "the torrent was closed; open it again");
}
