// What to flush, evict and read ahead: decided by a pure object that the cache feeds with events.

/** A piece as a policy sees it: numbers that the cache keeps current, and a place for its own. */
export interface PolicyPiece {
  /** Names the piece among those of all torrents, also when the cache forgets it and meets it again. */
  readonly key: number;
  readonly blockCount: number;
  /** Not verified yet: what is evicted of it has to be read back to hash it. */
  readonly isPartial: boolean;
  /** Its cached blocks in any state. */
  readonly cached: number;
  /** Its blocks that can be evicted: clean, and pinned by nobody. */
  readonly idle: number;
  /** Its blocks that were read ahead and nobody has asked for yet. */
  readonly fresh: number;
  /** Blocks at its start, without a gap, that came since it was last written. */
  readonly streak: number;
  /** The policy's own note; 0 in a piece that the cache has just met. */
  mark: number;
  /** The policy's own note of who used it last. */
  user: number | undefined;
}

/**
 * Chooses victims, the order of writing, and how far to read ahead. Performs nothing: the cache asks,
 * and tells what it did. Events come once per block at most and should take constant time and no
 * memory. Admission is a matter of order: what should not stay is made the next victim.
 *
 * When an event comes, the piece's numbers are already those after it.
 */
export interface CachePolicy<P extends PolicyPiece> {
  /** How often a piece was asked for that a policy with ghosts still knew, though it was evicted. */
  readonly ghostHits: number;

  /**
   * A block was asked for and is cached.
   *
   * @param requester A number naming the peer.
   * @param isFirstUse Whether it had been read ahead, and nobody had asked for it until now.
   */
  hit(piece: P, requester: number, isFirstUse: boolean): void;
  /** A block was asked for and is not cached. */
  miss(piece: P, requester: number): void;
  /** One more block can be evicted: it was read, written or unpinned. */
  idled(piece: P): void;
  /** One block less can be evicted: it was pinned. */
  held(piece: P): void;
  /**
   * Blocks of it were evicted.
   *
   * @param unused How many of them had been read ahead for nothing.
   */
  evicted(piece: P, count: number, unused: number): void;
  /** All its blocks are about to be dropped; its numbers are still those before. */
  dropped(piece: P): void;
  /** It got a block that has to be written. */
  dirtied(piece: P): void;
  /** It has no block any more that has to be written and isn't being written. */
  cleaned(piece: P): void;
  /** Writing it failed: it has to be written still. */
  unwritten(piece: P): void;

  /** The piece to evict blocks of; it has idle ones. Undefined if no piece has. */
  victim(): P | undefined;
  /**
   * Pieces with blocks to write, in the order to write them when space is needed. Pieces may leave
   * while it is iterated, none come.
   */
  flushOrder(): Iterable<P>;
  /** How many blocks to read at most when one of this piece is missing: that one included, ≥ 1. */
  readAhead(piece: P): number;
}

/**
 * Makes the policy of one cache.
 *
 * @param slots The cache's size in blocks.
 */
export type CachePolicyFactory = <P extends PolicyPiece>(slots: number) => CachePolicy<P>;
