// The block cache: which slot holds what, what may be evicted, and the account of every slot.
import { type BlockIndex, blockIndex } from "@shoal/core";
import type { CachePolicy, CachePolicyFactory } from "./cache-policy.ts";
import type { CachedPiece } from "./cached-piece.ts";
import { NO_SLOT, type Slot } from "./contract.ts";
import { GROUP } from "./group.ts";
import type { Occupancy } from "./occupancy.ts";
import { Slab } from "./slab.ts";

/** What a slot is used for. */
const FREE = 0;
/** A peer's block is being copied in. */
const ARRIVING = 1;
/** A disk job reads into it. */
const READING = 2;
/** Holds a block that the store lacks; no job is writing it. */
const DIRTY = 3;
/** Holds a block that a job is writing. */
const WRITING = 4;
/** Holds a block that the store has too. */
const CLEAN = 5;
/** Holds a block that the cache has forgotten but somebody still pins. */
const ORPHAN = 6;

/**
 * One budget for all torrents. Every slot is in exactly one state; the counts of the states are what
 * the statistics publish. Performs no I/O and decides nothing: whom to evict its policy says.
 */
export class Cache {
  readonly slab: Slab;
  readonly policy: CachePolicy<CachedPiece>;
  readonly #state: Uint8Array;
  readonly #pins: Uint16Array;
  /** Of arriving slots the piece that they were taken for, of pinned clean ones their piece. */
  readonly #holders: (CachedPiece | undefined)[] = [];
  /** How many slots are in each state but FREE: those the slab counts. */
  readonly #count = new Int32Array(7);
  /** Clean slots that somebody pins. */
  #pinned = 0;
  /** 1 for each slot whose block was read ahead and not asked for yet. */
  readonly #ahead: Uint8Array;
  readonly #readAhead = { used: 0, wasted: 0 };

  constructor(slots: number, policy: CachePolicyFactory) {
    this.slab = new Slab(slots);
    this.policy = policy(slots);
    this.#ahead = new Uint8Array(slots);
    this.#state = new Uint8Array(slots);
    this.#pins = new Uint16Array(slots);
  }

  /** Slots by use; they add up to the slab's size. */
  get occupancy(): Occupancy {
    const count = this.#count;
    const pinned = this.#pinned + (count[ORPHAN] ?? 0);
    return {
      dirty: this.dirty,
      clean: (count[CLEAN] ?? 0) - this.#pinned,
      pinned,
      arriving: this.arriving,
      reading: count[READING] ?? 0,
      free: this.slab.free,
    };
  }

  /** Blocks that were read ahead and then asked for, and those evicted before anybody did. */
  get readAhead(): { readonly used: number; readonly wasted: number } {
    return this.#readAhead;
  }

  /** Slots whose blocks the store lacks. */
  get dirty(): number {
    return (this.#count[DIRTY] ?? 0) + (this.#count[WRITING] ?? 0);
  }

  /** Slots whose blocks are being written. */
  get writing(): number {
    return this.#count[WRITING] ?? 0;
  }

  /** Slots that peers' blocks are arriving in. */
  get arriving(): number {
    return this.#count[ARRIVING] ?? 0;
  }

  /** Whether a slot can be had at once. */
  get hasRoom(): boolean {
    return this.slab.free > 0 || (this.#count[CLEAN] ?? 0) > this.#pinned;
  }

  /**
   * How many slots a read may take now: a quarter of the cache, and all reads together half of it, so
   * that read-ahead leaves room for blocks that arrive.
   */
  get readRoom(): number {
    const reading = this.#count[READING] ?? 0;
    const { size } = this.slab;
    return Math.min(size >> 2, Math.max((size >> 1) - reading, reading === 0 ? 1 : 0));
  }

  /**
   * Takes a slot for a block that will be copied in, in its home if that is free; evicts clean
   * blocks if need be.
   *
   * @returns {@link NO_SLOT} if every slot is dirty, pinned or in flight.
   */
  takeArriving(piece: CachedPiece, block: BlockIndex): Slot {
    const slot = this.#take(piece, block);
    if (slot === NO_SLOT) return NO_SLOT;
    this.#become(slot, ARRIVING);
    this.#holders[slot] = piece;
    piece.arriving++;
    return slot;
  }

  /** Like {@link takeArriving}, for a block that a job will read. */
  takeReading(piece: CachedPiece, block: BlockIndex): Slot {
    const slot = this.#take(piece, block);
    if (slot !== NO_SLOT) this.#become(slot, READING);
    return slot;
  }

  /**
   * Frees a slot whose block is not wanted.
   *
   * @throws RangeError if no block is arriving in it.
   */
  reject(slot: Slot): void {
    const holder = this.#endArriving(slot);
    this.release(slot);
    if (holder !== undefined) this.#forgetEmpty(holder);
  }

  /**
   * The block, which the store lacks, has arrived in the slot.
   *
   * @throws RangeError if no block is arriving in it.
   */
  storeDirty(piece: CachedPiece, block: BlockIndex, slot: Slot): void {
    const holder = this.#endArriving(slot);
    if (holder !== undefined && holder !== piece) this.#forgetEmpty(holder);
    piece.slots[block] = slot;
    piece.cached++;
    piece.dirty++;
    piece.extend();
    this.#become(slot, DIRTY);
    this.policy.dirtied(piece);
  }

  /**
   * The slot's bytes are the block, which was read from the store.
   *
   * @param isAhead Whether nobody has asked for it.
   */
  storeRead(piece: CachedPiece, block: BlockIndex, slot: Slot, isAhead: boolean): void {
    piece.slots[block] = slot;
    piece.onDisk[block] = 1;
    piece.cached++;
    if (isAhead) {
      this.#ahead[slot] = 1;
      piece.fresh++;
    }
    this.#becomeClean(piece, slot);
  }

  /** A job begins to write every dirty block of the piece. */
  beginWriting(piece: CachedPiece): void {
    for (const slot of piece.slots) {
      if (slot !== NO_SLOT && this.#state[slot] === DIRTY) this.#become(slot, WRITING);
    }
    piece.dirty = 0;
    piece.endStreak(true);
    this.policy.cleaned(piece);
  }

  /** Keeps clean blocks of the piece from eviction while a job uses them. */
  hold(piece: CachedPiece): void {
    for (const slot of piece.slots) {
      if (slot !== NO_SLOT && this.#state[slot] === CLEAN) this.pin(piece, slot);
    }
  }

  /** Ends {@link hold}; blocks that were not clean then must not be so yet. */
  unhold(piece: CachedPiece): void {
    for (const slot of piece.slots) {
      if (slot !== NO_SLOT && this.#state[slot] === CLEAN) this.unpin(slot);
    }
  }

  /** The job that {@link beginWriting} announced has ended. */
  endWriting(piece: CachedPiece, written: boolean): void {
    if (!written) piece.endStreak(false);
    for (let block = 0; block < piece.slots.length; block++) {
      const slot = piece.slots[block] ?? NO_SLOT;
      if (slot === NO_SLOT || this.#state[slot] !== WRITING) continue;
      if (written) {
        piece.onDisk[block] = 1;
        this.#becomeClean(piece, slot);
      } else {
        piece.dirty++;
        this.#become(slot, DIRTY);
        this.policy.unwritten(piece);
      }
    }
  }

  /** Whether the slot holds a block that the store lacks and no job is writing. */
  isDirty(slot: Slot): boolean {
    return this.#state[slot] === DIRTY;
  }

  /** Pins a cached block that a requester asked for. */
  use(piece: CachedPiece, slot: Slot, requester: number): void {
    const isFirstUse = this.#ahead[slot] === 1;
    if (isFirstUse) {
      this.#ahead[slot] = 0;
      piece.fresh--;
      this.#readAhead.used++;
    }
    this.policy.hit(piece, requester, isFirstUse);
    this.pin(piece, slot);
  }

  /** Keeps a cached block from eviction. Each call needs an {@link unpin}. */
  pin(piece: CachedPiece, slot: Slot): void {
    const pins = this.#pins[slot] ?? 0;
    this.#pins[slot] = pins + 1;
    if (this.#state[slot] !== CLEAN || pins > 0) return;
    this.#pinned++;
    piece.idle--;
    this.policy.held(piece);
    this.#holders[slot] = piece;
  }

  /** @throws RangeError if the slot is not pinned. */
  unpin(slot: Slot): void {
    const pins = this.#pins[slot] ?? 0;
    if (pins === 0) throw new RangeError(`slot ${slot} is not pinned`);
    this.#pins[slot] = pins - 1;
    if (pins > 1) return;
    if (this.#state[slot] === ORPHAN) {
      this.release(slot);
    } else if (this.#state[slot] === CLEAN) {
      const piece = this.#holders[slot];
      this.#pinned--;
      this.#holders[slot] = undefined;
      if (piece === undefined) return;
      piece.idle++;
      this.policy.idled(piece);
    }
  }

  /** Frees a slot that no piece holds any more. */
  release(slot: Slot): void {
    this.#ahead[slot] = 0;
    this.#become(slot, FREE);
    this.slab.release(slot);
  }

  /**
   * Forgets every block of the piece; pinned ones live on until they are unpinned. No job may be
   * using its slots.
   */
  drop(piece: CachedPiece): void {
    this.policy.dropped(piece);
    for (let block = 0; block < piece.slots.length; block++) {
      const slot = piece.slots[block] ?? NO_SLOT;
      if (slot === NO_SLOT) continue;
      piece.slots[block] = NO_SLOT;
      if ((this.#pins[slot] ?? 0) === 0) {
        this.release(slot);
      } else {
        if (this.#state[slot] === CLEAN) this.#pinned--;
        this.#holders[slot] = undefined;
        this.#become(slot, ORPHAN);
      }
    }
    piece.cached = 0;
    piece.dirty = 0;
    piece.idle = 0;
    piece.fresh = 0;
  }

  #take(piece: CachedPiece, block: BlockIndex): Slot {
    const extent = Math.floor(block / GROUP);
    let home = piece.homes[extent] ?? NO_SLOT;
    if (home === NO_SLOT) {
      const length = Math.min(GROUP, piece.slots.length - extent * GROUP);
      home = this.slab.findRun(length);
      if (home < 0 && this.#evict()) home = this.slab.findRun(length);
      piece.homes[extent] = Math.max(home, NO_SLOT);
    }
    const wanted = home + (block % GROUP);
    if (home >= 0 && this.slab.takeAt(wanted)) return wanted;
    if (this.slab.free === 0) this.#evict();
    return this.slab.takeAny();
  }

  /** Evicts up to 16 neighbouring blocks of the piece that the policy names. */
  #evict(): boolean {
    const piece = this.policy.victim();
    if (piece === undefined) return false;
    for (let extent = 0; extent < piece.homes.length; extent++) {
      const end = Math.min((extent + 1) * GROUP, piece.slots.length);
      let evicted = 0;
      let unused = 0;
      let kept = 0;
      for (let block = extent * GROUP; block < end; block++) {
        const slot = piece.slots[block] ?? NO_SLOT;
        if (slot === NO_SLOT) continue;
        if (this.#state[slot] === CLEAN && (this.#pins[slot] ?? 0) === 0) {
          piece.slots[block] = NO_SLOT;
          unused += this.#ahead[slot] ?? 0;
          this.release(slot);
          evicted++;
        } else {
          kept++;
        }
      }
      if (evicted === 0) continue;
      if (kept === 0) piece.homes[extent] = NO_SLOT;
      piece.cached -= evicted;
      piece.idle -= evicted;
      piece.fresh -= unused;
      this.#readAhead.wasted += unused;
      this.policy.evicted(piece, evicted, unused);
      this.#forgetEmpty(piece);
      return true;
    }
    return false;
  }

  #endArriving(slot: Slot): CachedPiece | undefined {
    if (this.#state[slot] !== ARRIVING)
      throw new RangeError(`no block is arriving in slot ${slot}`);
    const holder = this.#holders[slot];
    this.#holders[slot] = undefined;
    if (holder !== undefined) holder.arriving--;
    return holder;
  }

  #forgetEmpty(piece: CachedPiece): void {
    const { pieces } = piece.owner;
    if (piece.isForgettable && pieces.get(piece.index) === piece) pieces.delete(piece.index);
  }

  #becomeClean(piece: CachedPiece, slot: Slot): void {
    this.#become(slot, CLEAN);
    if ((this.#pins[slot] ?? 0) === 0) {
      piece.idle++;
      this.policy.idled(piece);
    } else {
      this.#pinned++;
      this.#holders[slot] = piece;
    }
  }

  #become(slot: Slot, state: number): void {
    const before = this.#state[slot] ?? FREE;
    this.#state[slot] = state;
    this.#count[before] = (this.#count[before] ?? 0) - 1;
    this.#count[state] = (this.#count[state] ?? 0) + 1;
  }

  /** Recounts everything; for tests. @throws Error naming the first count that is off. */
  assertExact(pieces: Iterable<CachedPiece>): void {
    const seen = new Int32Array(7);
    for (const state of this.#state) seen[state] = (seen[state] ?? 0) + 1;
    const held = new Set<Slot>();
    let idle = 0;
    for (const piece of pieces) {
      for (let block = blockIndex(0); block < piece.slots.length; block++) {
        const slot = piece.slots[block] ?? NO_SLOT;
        if (slot === NO_SLOT) continue;
        const state = this.#state[slot] ?? FREE;
        if (held.has(slot) || state < DIRTY || state > CLEAN) throw new Error(`slot ${slot} twice`);
        if ((state === CLEAN) !== (piece.onDisk[block] === 1))
          throw new Error(`slot ${slot} mixed`);
        held.add(slot);
      }
      idle += piece.idle;
    }
    const inPieces = (seen[DIRTY] ?? 0) + (seen[WRITING] ?? 0) + (seen[CLEAN] ?? 0);
    if (inPieces !== held.size) throw new Error(`${inPieces} slots in pieces, ${held.size} held`);
    for (let state = ARRIVING; state <= ORPHAN; state++) {
      if (seen[state] !== this.#count[state]) throw new Error(`state ${state} miscounted`);
    }
    const { dirty, clean, pinned, arriving, reading, free } = this.occupancy;
    if (seen[FREE] !== free) throw new Error(`${seen[FREE]} free, ${free} counted`);
    if (idle !== clean) throw new Error(`${idle} idle, ${clean} clean`);
    const sum = dirty + clean + pinned + arriving + reading + free;
    if (sum !== this.slab.size) throw new Error(`${sum} slots of ${this.slab.size}`);
  }
}
