// The adaptive policy: what several peers use outlives what one peer reads once, and waste is avoided.
import type { CachePolicy, CachePolicyFactory, PolicyPiece } from "./cache-policy.ts";
import { FlushOrder } from "./flush-order.ts";
import { GhostList } from "./ghost-list.ts";
import { GROUP } from "./group.ts";
import { Lru } from "./lru.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Lists of pieces with idle blocks; a piece's mark says which it is in. */
const NOWHERE = 0;
/** Used by one peer. */
const ONCE = 1;
/** Used by several. */
const OFTEN = 2;
/** Not verified yet. */
const PARTIAL = 3;
/** In a mark, beside the list: several peers have used it. */
const IS_SHARED = 4;
/** In a mark: it was spared once, since next to nothing was left of it but blocks to be used soon. */
const IS_SPARED = 8;
const LIST = 3;
/** How many pieces are spared at most for one victim. */
const MOST_SPARED = 8;

/**
 * ARC (Megiddo and Modha, 2003) over whole pieces. A peer that fetches all blocks of a piece uses it
 * once; only another peer's use promotes it to the pieces used often. Pieces evicted lately are
 * remembered as ghosts, and what peers ask for of those moves the border between the two lists.
 *
 * - Victims: pieces used once while they hold more than their share, else pieces used often, each by
 *   last use; clean blocks of partial pieces last, since they'd have to be read back to hash them.
 *   A piece that was read ahead and is about to be used is spared once. If it's evicted all the same,
 *   that moves the border too.
 * - Writing: see {@link FlushOrder}. Reading ahead: see {@link ReadAhead}.
 */
export function arc(): CachePolicyFactory {
  return <P extends PolicyPiece>(slots: number) => new ArcPolicy<P>(slots);
}

/** How much of the cache each of the two lists may claim whatever happens. */
const LEAST = 1 / 8;

class ArcPolicy<P extends PolicyPiece> implements CachePolicy<P> {
  readonly #slots: number;
  readonly #orders: readonly Lru<P>[] = [new Lru(), new Lru(), new Lru(), new Lru()];
  /** Idle blocks in each list. */
  readonly #sizes = new Int32Array(4);
  readonly #onceGhosts: GhostList;
  readonly #oftenGhosts: GhostList;
  /** How many idle blocks pieces used once may have before they are the victims. */
  #share: number;
  #ghostHits = 0;
  readonly #flushOrder = new FlushOrder<P>();
  readonly #readAhead: ReadAhead;

  constructor(slots: number) {
    this.#slots = slots;
    this.#share = slots / 2;
    this.#onceGhosts = new GhostList(slots);
    this.#oftenGhosts = new GhostList(slots);
    this.#readAhead = new ReadAhead(slots);
  }

  get ghostHits(): number {
    return this.#ghostHits;
  }

  hit(piece: P, requester: number, isFirstUse: boolean): void {
    if (piece.user !== requester) this.#use(piece, requester);
    if (!isFirstUse) return;
    piece.mark &= ~IS_SPARED;
    this.#readAhead.used();
  }

  miss(piece: P, requester: number): void {
    if (piece.cached === 0) this.#recall(piece, requester);
    if (piece.user !== requester) this.#use(piece, requester);
  }

  idled(piece: P): void {
    const from = piece.mark & LIST;
    const to = listOf(piece);
    if (from === to) {
      this.#count(to, 1);
    } else {
      if (from !== NOWHERE) this.#remove(piece, from, piece.idle - 1);
      piece.mark = (piece.mark & ~LIST) | to;
      this.#count(to, piece.idle);
    }
    this.#orders[to]?.touch(piece);
  }

  held(piece: P): void {
    const list = piece.mark & LIST;
    if (piece.idle === 0) {
      this.#remove(piece, list, 1);
    } else {
      this.#count(list, -1);
      this.#orders[list]?.touch(piece);
    }
  }

  evicted(piece: P, count: number, unused: number): void {
    const list = piece.mark & LIST;
    if (piece.idle === 0) this.#remove(piece, list, count);
    else this.#count(list, -count);
    if (unused > 0) {
      this.#readAhead.wasted(unused);
      this.#shift(list === OFTEN ? -unused : unused);
    }
    if (piece.cached > 0 || piece.isPartial) return;
    const isShared = (piece.mark & IS_SHARED) !== 0;
    this.#onceGhosts.remove(piece.key);
    this.#oftenGhosts.remove(piece.key);
    (isShared ? this.#oftenGhosts : this.#onceGhosts).add(piece);
  }

  dropped(piece: P): void {
    this.#remove(piece, piece.mark & LIST, piece.idle);
    this.#flushOrder.remove(piece);
  }

  dirtied(piece: P): void {
    this.#flushOrder.touch(piece);
  }

  cleaned(piece: P): void {
    this.#flushOrder.remove(piece);
  }

  unwritten(piece: P): void {
    this.#flushOrder.add(piece);
  }

  victim(): P | undefined {
    const once = this.#sizes[ONCE] ?? 0;
    const often = this.#sizes[OFTEN] ?? 0;
    const list = once + often === 0 ? PARTIAL : once > this.#share || often === 0 ? ONCE : OFTEN;
    const order = this.#orders[list];
    let piece = order?.oldest();
    for (let i = 0; i < MOST_SPARED && piece !== undefined && isSpared(piece); i++) {
      piece.mark |= IS_SPARED;
      order?.touch(piece);
      piece = order?.oldest();
    }
    return piece;
  }

  flushOrder(): Iterable<P> {
    return this.#flushOrder;
  }

  readAhead(piece: P): number {
    return this.#readAhead.limit(piece.blockCount);
  }

  /** Another peer than the last one uses it. */
  #use(piece: P, requester: number): void {
    const isFirst = piece.user === undefined;
    piece.user = requester;
    if (isFirst || (piece.mark & IS_SHARED) !== 0) return;
    const from = piece.mark & LIST;
    piece.mark |= IS_SHARED;
    if (from !== ONCE) return;
    this.#remove(piece, from, piece.idle);
    piece.mark |= OFTEN;
    this.#count(OFTEN, piece.idle);
    this.#orders[OFTEN]?.touch(piece);
  }

  /** It is asked for and nothing of it is cached: perhaps its ghost is known. */
  #recall(piece: P, requester: number): void {
    const once = this.#onceGhosts.size;
    const often = this.#oftenGhosts.size;
    let ghost = this.#onceGhosts.remove(piece.key);
    const wasOften = ghost === undefined;
    ghost ??= this.#oftenGhosts.remove(piece.key);
    if (ghost === undefined) return;
    this.#ghostHits++;
    piece.user = ghost.user;
    if (wasOften) piece.mark |= IS_SHARED;
    // The same peer once more tells nothing of which list was too small.
    if (ghost.user === undefined || ghost.user === requester) return;
    const { blockCount } = piece;
    if (wasOften) this.#shift(-blockCount * Math.max(1, once / often));
    else this.#shift(blockCount * Math.max(1, often / once));
  }

  #shift(blocks: number): void {
    const least = this.#slots * LEAST;
    this.#share = Math.min(this.#slots - least, Math.max(least, this.#share + blocks));
  }

  /** Takes it out of a list, of whose idle blocks it had so many. */
  #remove(piece: P, list: number, idle: number): void {
    this.#orders[list]?.remove(piece);
    this.#count(list, -idle);
    piece.mark &= ~LIST;
  }

  #count(list: number, change: number): void {
    this.#sizes[list] = (this.#sizes[list] ?? 0) + change;
  }
}

function listOf(piece: PolicyPiece): number {
  if (piece.isPartial) return PARTIAL;
  return (piece.mark & IS_SHARED) === 0 ? ONCE : OFTEN;
}

/** Whether its idle blocks wait for their first use, nearly all, and it hasn't been spared for it. */
function isSpared(piece: PolicyPiece): boolean {
  return piece.fresh > 0 && piece.idle - piece.fresh < GROUP && (piece.mark & IS_SPARED) === 0;
}
