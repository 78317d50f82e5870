// The two faces of the disk layer: DiskIo towards the engine, TorrentStore towards users. Types only.
import type { Bitfield, BlockIndex, PieceGeometry, PieceIndex, ShoalError } from "@shoal/core";

/**
 * A place for one block (16 KiB) in the slab: the memory that every block lives in from the socket
 * to the disk and back.
 */
export type Slot = number;

/** Instead of a slot: there is none free now, or the block is still being read. */
export const NO_SLOT = -1;

/**
 * The disk layer as the engine sees it. Nothing here blocks: calls return at once, work is done on
 * disk threads, results come through {@link DiskTorrentHandler} in later turns of the event loop.
 */
export interface DiskIo {
  /**
   * Opens (and where the store does so, creates) a torrent's data. Nothing is read or verified.
   *
   * @throws DiskError if the store can't be opened.
   */
  open(spec: DiskTorrentSpec): Promise<DiskTorrent>;
  /** Whether receivers should pause: written blocks fill the cache faster than the disk takes them. */
  readonly congested: boolean;
  /** Called when `congested` changes. One observer, the engine. */
  onCongestion: ((congested: boolean) => void) | undefined;
  /** Called when something that was asked for can't be had and the work goes on without. One observer. */
  onWarning: ((warning: ShoalError) => void) | undefined;
  stats(): DiskStats;
  /** Flushes and closes every torrent and ends the disk threads. Nothing is left afterwards. */
  close(): Promise<void>;
}

/** What a torrent's data is and where it goes. */
export interface DiskTorrentSpec {
  readonly geometry: PieceGeometry;
  /** SHA-1 digests of all pieces, 20 bytes each (BEP 3). */
  readonly pieceHashes: Uint8Array;
  readonly layout: StoreLayout;
  readonly store: StoreFactory;
  readonly handler: DiskTorrentHandler;
}

/** What the disk layer tells a torrent, always from a fresh turn of the event loop. */
export interface DiskTorrentHandler {
  /**
   * The piece's hash is right and its bytes have been written to the store.
   *
   * @param blockDigests If the piece had failed before: SHA-1 of each block of the good one, to
   *   compare with those of the bad one.
   */
  pieceStored(piece: PieceIndex, blockDigests?: Uint8Array): void;
  /**
   * The piece's hash is wrong; its blocks are dropped from the cache, nothing of it is claimed.
   *
   * @param blockDigests SHA-1 of each block in order, 20 bytes each: to find out who sent the bad one.
   */
  pieceFailed(piece: PieceIndex, blockDigests: Uint8Array): void;
  /** A read that `pin` began has ended well: pin again, now, for it can be evicted after the call. */
  blocksRead(piece: PieceIndex): void;
  /** A read that `pin` began failed. */
  readFailed(piece: PieceIndex, error: ShoalError): void;
  /**
   * Writing failed (disk full, I/O error…). Dirty blocks are kept; the piece is tried again after
   * {@link DiskTorrent.retry}.
   */
  writeFailed(error: ShoalError): void;
  /**
   * A flush has made these pieces durable: they survive a crash of the machine, and may be claimed in
   * data for a later start. First come those that a check had found, then those that were stored, in
   * that order, before the flush began. Pieces whose flush fails are not confirmed by the next: what a device lost it does
   * not report twice.
   */
  piecesDurable?(pieces: readonly PieceIndex[]): void;
}

/** One torrent's data. */
export interface DiskTorrent {
  // --- download: allocate → copyIn… → put | free, then complete ---

  /**
   * Takes a slot for a block that begins to arrive, beside its neighbours where possible.
   *
   * @returns {@link NO_SLOT} when the cache is full: drop the block and pause receiving.
   */
  allocate(piece: PieceIndex, block: BlockIndex): Slot;
  /** Copies `chunk[start…end)` to `offset` inside the slot: the one copy of the receive path. */
  copyIn(slot: Slot, offset: number, chunk: Uint8Array, start: number, end: number): void;
  /**
   * The slot holds the whole block now: it is dirty and may be flushed at any time.
   *
   * @returns false if the cache has the block already (then the slot is freed).
   */
  put(piece: PieceIndex, block: BlockIndex, slot: Slot): boolean;
  /** Gives back a slot whose block never became whole. */
  free(slot: Slot): void;
  /**
   * Every block of the piece was put: hash it from the cache (what was flushed is read back), then
   * write what is not on disk yet. Ends in `pieceStored`, `pieceFailed` or `writeFailed`.
   */
  complete(piece: PieceIndex): void;
  /** Drops a partial piece: its blocks are forgotten, also those flushed before. */
  discard(piece: PieceIndex): void;

  // --- upload: pin → view → unpin ---

  /**
   * Holds a block of a verified piece in the cache.
   *
   * @param requester Who asks (any number naming a peer): repeated use by one peer counts once.
   * @returns its slot; or {@link NO_SLOT} when it is not cached: then a read of this and all
   *   following blocks of the piece is under way, `blocksRead` or `readFailed` will follow.
   */
  pin(piece: PieceIndex, block: BlockIndex, requester: number): Slot;
  /** The bytes of a pinned slot, not copied; valid until `unpin`. */
  view(slot: Slot, start: number, end: number): Uint8Array;
  /** Ends one `pin`. */
  unpin(slot: Slot): void;

  // --- whole torrent; each waits for the work before it and holds the work after it (fence) ---

  /**
   * Reads and hashes pieces from the store on all cores.
   *
   * @param options.pieces What to check; all by default.
   * @param options.trust Answers without reading for files that have not changed: see {@link CheckTrust}.
   * @param options.onProgress Called with the number of pieces checked so far, at most once a turn.
   * @returns The pieces whose data is right. Missing or short files make bad pieces, not errors.
   * @throws the signal's reason; DiskError for I/O errors.
   */
  check(options?: {
    pieces?: Bitfield;
    trust?: CheckTrust;
    onProgress?: (checked: number) => void;
    signal?: AbortSignal;
  }): Promise<Bitfield>;
  /** Whether the store holds any data at all: if not, a check would be a waste. */
  isEmpty(): Promise<boolean>;
  /** Creates what the torrent has but its pieces don't make: empty files and folders. */
  finish(): Promise<void>;
  /** Writes every dirty block and makes written data durable; then `piecesDurable` tells which. */
  flush(): Promise<void>;
  /**
   * Size and time of each file of the layout, for {@link CheckTrust}; undefined if the store knows none.
   * Called in one turn with `flush`, they describe what that made durable.
   */
  fileFacts(): Promise<readonly FileFact[] | undefined>;
  /** Tries failed writes again. */
  retry(): void;
  /** Moves the data to another folder; across file systems too. */
  move(path: string): Promise<void>;
  /**
   * Gives one file of the layout another path below the store's root, from now on: a later `open`
   * needs a layout that says so.
   *
   * @throws DiskError `ERR_DISK_EXISTS` if something has that name; `ERR_DISK_PATH` if it can't be used.
   */
  rename(file: number, to: readonly string[]): Promise<void>;
  /**
   * Tells which files are wanted; all are at first. A file that is not, and does not exist, is not
   * created: the store puts the bytes of pieces that overlap it elsewhere, until it is wanted.
   *
   * @param wanted For each file of the layout.
   */
  setWanted(wanted: readonly boolean[]): Promise<void>;
  /** How many bytes the store could still take; undefined if it doesn't know. */
  capacity(): Promise<number | undefined>;
  /** Flushes and lets go of files and cached blocks. `deleteData` removes the torrent's own files and the folders it leaves empty. */
  close(options?: { deleteData?: boolean }): Promise<void>;
}

/**
 * What the caller vouches for: when the files had these sizes and times, the store had exactly these
 * pieces. Pieces that touch a file that has changed are read all the same.
 */
export interface CheckTrust {
  /** Those that `piecesDurable` confirmed. */
  readonly pieces: Bitfield;
  /** From {@link DiskTorrent.fileFacts}. */
  readonly files: readonly FileFact[];
}

/** A file as it lies in the store. Of files that are missing or never stored both are 0. */
export interface FileFact {
  /** Bytes. */
  readonly size: number;
  /** When it was last written, in ms since 1970, with as many digits as the file system has. */
  readonly mtimeMs: number;
}

/** Where the slab's bytes are, and what the disk did since the start. All sizes in bytes. */
export interface DiskStats {
  readonly cacheSize: number;
  readonly dirty: number;
  readonly clean: number;
  readonly pinned: number;
  /** Allocated to blocks that are still arriving or being read. */
  readonly inFlight: number;
  readonly free: number;
  /** Read from stores, `reads` calls: for peers and read ahead, read back to hash, and checks. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Calls of stores. */
  readonly reads: number;
  readonly writes: number;
  /** Calls of the system that these took: one or more for each file that they touch. */
  readonly systemReads: number;
  readonly systemWrites: number;
  /** What such a call moved on average, since the start; 0 before the first. */
  readonly bytesPerSystemCall: number;
  /** How often `pin` found its block… */
  readonly readHits: number;
  /**
   * …and how often not. Who waits for a block and then pins it counts as a miss and as a hit: of
   * `readHits` blocks had by peers, `readHits − readMisses` were there at once.
   */
  readonly readMisses: number;
  /** That share, since the start: 0 to 1. For a shorter time compare counts. */
  readonly hitRate: number;
  /** Misses of pieces that the policy still knew: with more cache they had been hits. */
  readonly ghostHits: number;
  /** Blocks read because they follow a wanted one, and then pinned. */
  readonly readAheadUsed: number;
  /** Such blocks evicted before anybody pinned them. */
  readonly readAheadWasted: number;
  readonly hashedBytes: number;
  readonly queuedJobs: number;
  readonly openHandles: number;
  /** How much of the cache is locked into RAM: all or nothing. */
  readonly lockedBytes: number;
}

/** Names, sizes and places of a torrent's files: what a store needs of a metainfo. */
export interface StoreLayout {
  /** Stable and unique among open torrents: the info-hash in hex. */
  readonly id: string;
  readonly pieceLength: number;
  readonly totalLength: number;
  /** In the order of the torrent; offsets ascend without gaps. */
  readonly files: readonly StoreFile[];
}

export interface StoreFile {
  /** Sanitised path elements below the store's root; never empty, `.`, `..` or absolute. */
  readonly path: readonly string[];
  readonly length: number;
  /** Where the file begins in the torrent's bytes. */
  readonly offset: number;
  /** BEP 47 padding: all zeros, never stored. */
  readonly pad: boolean;
  readonly executable: boolean;
  /** BEP 47 symlink target relative to the root, already checked to stay inside; else undefined. */
  readonly symlink: readonly string[] | undefined;
}

/** A value, or a promise of it: stores on disk threads answer at once, others may take time. */
export type MaybePromise<T> = T | Promise<T>;

/** Makes the store of one torrent: `fsStore({ path })`, `memoryStore()`, or a user's own. */
export interface StoreFactory {
  /** @throws Error with the code `ERR_DISK_PATH` if a path of the layout can't be used. */
  open(layout: StoreLayout): MaybePromise<TorrentStore>;
  /**
   * Lets disk threads open the store themselves: a module that exports `openStore(layout, options)`
   * and options that survive structured cloning. Without it the store runs on the main thread.
   */
  readonly thread?: { readonly module: string; readonly options: unknown };
}

/**
 * Where one torrent's bytes live. Addressed by piece, so that object stores can implement it.
 * Errors are thrown or rejected with Node's usual codes (`ENOSPC`, `EACCES`…).
 */
export interface TorrentStore {
  /**
   * How many calls of the system, or requests, `read` and `write` have taken so far: kept current. Without
   * it they count as one each.
   */
  readonly calls?: { readonly reads: number; readonly writes: number };
  /** What was asked of the store when it was opened and can't be had; it goes on without. */
  readonly warning?: string | undefined;
  /**
   * Fills all of `into` with consecutive bytes of the piece from `begin` on.
   *
   * @returns how many bytes there were; fewer than asked when the data ends early or is missing.
   */
  read(piece: number, begin: number, into: readonly Uint8Array[]): MaybePromise<number>;
  /** Writes all of `from` consecutively to the piece from `begin` on. */
  write(piece: number, begin: number, from: readonly Uint8Array[]): MaybePromise<void>;
  /**
   * Makes everything written durable.
   *
   * @param found Pieces that a check found, whoever wrote them: they too.
   */
  flush(found?: readonly number[]): MaybePromise<void>;
  /** Lets go of every handle. */
  close(): MaybePromise<void>;
  /** Tells that every byte of the piece was written and verified (object stores upload here). */
  commit?(piece: number): MaybePromise<void>;
  /**
   * SHA-1 of all of the piece as it is stored, if the store knows it without reading, as of objects that
   * a server keeps checksums of: checks take it instead of reading. Undefined: read it.
   */
  hash?(piece: number): MaybePromise<Uint8Array | undefined>;
  /** Whether no data of the torrent is there at all; by default, whether no piece is `present`. */
  isEmpty?(): MaybePromise<boolean>;
  /** Sizes and times of the layout's files, in its order. Comes before each check: look anew. */
  fileFacts?(): MaybePromise<readonly FileFact[]>;
  /** Creates empty files, folders and links that no piece makes. */
  finish?(): MaybePromise<void>;
  move?(path: string): MaybePromise<void>;
  /** See {@link DiskTorrent.rename}. */
  rename?(file: number, to: readonly string[]): MaybePromise<void>;
  /** See {@link DiskTorrent.setWanted}. Without it all files are treated alike. */
  setWanted?(wanted: readonly boolean[]): MaybePromise<void>;
  /**
   * The pieces that there is data of, as far as that is known without reading: checks skip others, but
   * not those that should be zeros only.
   */
  present?(): MaybePromise<Iterable<number>>;
  /** How many bytes more it could take. */
  capacity?(): MaybePromise<number | undefined>;
  /** Removes the torrent's own data; the store is closed afterwards. */
  remove?(): MaybePromise<void>;
}
