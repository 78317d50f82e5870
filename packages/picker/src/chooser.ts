// The strategy: which blocks one peer is asked for next.
import { type Bitfield, randomInt } from "@shoal/core";
import { nextCommon } from "./bits.ts";
import type { BlockList } from "./block-list.ts";
import { BUSY, NO_SLOT } from "./partials.ts";
import { MAX_PRIORITY, MIN_PRIORITY } from "./piece-order.ts";
import type { PeerRecord } from "./roster.ts";
import type { PickerState } from "./state.ts";

/** Beyond this many open pieces per peer, those are finished first (libtorrent's rule). */
const OPEN_PIECES_PER_PEER = 1.5;
/** Beyond this many blocks of open pieces (32 MiB) too: they wait in the disk cache. */
const MAX_OPEN_BLOCKS = 2048;
/** How many of a level's rarest pieces are looked at for one to prefer to pieces in progress. */
const RARE_SEARCH = 16;
/** Pieces that a walk in order may find useless for the peer before the rest is sampled. */
const WALK_MISSES = 1024;
/** Among how many of the remaining pieces the rarest is then chosen. */
const SAMPLE = 256;
/** Busy pieces that a search for an end-game block looks at. */
const BUSY_SEARCH = 200;

/** Whether a piece in progress suits a peer. */
const NOT_FOR_PEER = 0;
const BACKUP = 1;
const SUITABLE = 2;

/** What one pick asks for; the object is used again for the next. */
export class Chooser {
  readonly #state: PickerState;
  readonly #sample: Int32Array = new Int32Array(SAMPLE);
  #record: PeerRecord | undefined;
  #out: BlockList | undefined;
  #mask: Bitfield | undefined;
  /** Blocks still to find. */
  #left = 0;
  /** The run of blocks that the peer should have for itself; 0: it shares pieces. */
  #contiguous = 0;
  /** Whether pieces in progress come before all others. */
  #crowded = false;

  constructor(state: PickerState) {
    this.#state = state;
  }

  /** See `PiecePicker.pick`. */
  choose(
    record: PeerRecord,
    count: number,
    contiguous: number,
    mask: Bitfield | undefined,
    out: BlockList,
  ): void {
    if (count <= 0) return;
    const idle = record.requests === 0;
    this.#record = record;
    this.#left = count;
    this.#mask = mask;
    this.#out = out;
    this.#crowded = this.#isCrowded();
    const shares = this.#crowded || this.#isStarting || record.peer.snubbed;
    this.#contiguous = shares ? 0 : contiguous;
    if (!record.exhausted) this.#openBlocks(record);
    if (idle && this.#left === count && mask === undefined) this.#endGame(record);
  }

  get #isStarting(): boolean {
    return this.#state.have.count < this.#state.initialRandomPieces;
  }

  #isCrowded(): boolean {
    const { partials, roster, geometry } = this.#state;
    const open = partials.openSize;
    return (
      open > roster.size * OPEN_PIECES_PER_PEER || open * geometry.blocksPerPiece > MAX_OPEN_BLOCKS
    );
  }

  #openBlocks(record: PeerRecord): void {
    const { peer } = record;
    if (this.#continues(record) && this.#left === 0) return;
    if (this.#state.urgent.length > 0 && !peer.snubbed) this.#urgent();
    if (this.#crowded) this.#partialsOf(SUITABLE);
    for (let p = MAX_PRIORITY; p >= MIN_PRIORITY && this.#left > 0; p--) {
      if (!this.#crowded) this.#partialsAt(p, SUITABLE);
      this.#unopenedAt(p);
    }
    if (!peer.onParole) this.#partialsOf(BACKUP);
    const all = this.#mask === undefined && !peer.onParole;
    if (this.#left > 0 && all) this.#state.roster.exhaust(record);
  }

  /** The usual case, in constant time: the peer goes on with a piece of its own. */
  #continues(record: PeerRecord): boolean {
    const { partials, order, urgent } = this.#state;
    const slot = record.lastPiece < 0 ? NO_SLOT : partials.slotOf(record.lastPiece);
    if (slot === NO_SLOT || urgent.length > 0 || partials.sole(slot) !== record.peer.id) {
      return false;
    }
    if (partials.open(slot) === 0 || !this.#mayUse(record.lastPiece)) return false;
    const priority = order.priority[record.lastPiece] as number;
    for (let p = MAX_PRIORITY; p > priority; p--) {
      if (order.level(p).size > 0 || partials.lists.of(p).length > 0) return false;
    }
    if (priority < MIN_PRIORITY) return false;
    this.#take(slot);
    return true;
  }

  #urgent(): void {
    const { order, partials, have } = this.#state;
    const parole = this.#record?.peer.onParole;
    for (const piece of this.#state.urgent) {
      if (this.#left === 0) return;
      if (have.has(piece) || order.priority[piece] === 0 || !this.#mayUse(piece)) continue;
      const slot = partials.slotOf(piece);
      if (slot === NO_SLOT) this.#begin(piece);
      else if (partials.open(slot) === 0) continue;
      else if (!parole || partials.sole(slot) === this.#record?.peer.id) this.#take(slot);
    }
  }

  /** Takes blocks of pieces in progress that suit the peer at least that well. */
  #partialsOf(suits: number): void {
    for (let p = MAX_PRIORITY; p >= MIN_PRIORITY; p--) this.#partialsAt(p, suits);
  }

  #partialsAt(priority: number, suits: number): void {
    // A piece all of whose open blocks are taken leaves the list, so the loop ends.
    while (this.#left > 0) {
      const slot = this.#bestPartial(priority, suits);
      if (slot === NO_SLOT) return;
      const rarer = suits === SUITABLE ? this.#muchRarer(priority, slot) : -1;
      if (rarer < 0) this.#take(slot);
      else this.#begin(rarer);
    }
  }

  /**
   * An unopened piece of the peer that is at most half as available as one in progress that others
   * began, or −1. So the only seed of a swarm spreads what nobody else has, instead of helping out.
   */
  #muchRarer(priority: number, slot: number): number {
    const { partials, order, sequential } = this.#state;
    const record = this.#record;
    if (!record || record.peer.snubbed || partials.sole(slot) === record.peer.id) return -1;
    if (sequential || this.#crowded || this.#isStarting || this.#mask) return -1;
    const level = order.level(priority);
    const begun = order.seeds + (order.availability[partials.pieceOf(slot)] as number);
    const first = record.asSeed ? 0 : level.startOf(1);
    const end = Math.min(level.size, first + RARE_SEARCH);
    for (let position = first; position < end; position++) {
      const piece = level.at(position);
      if ((order.seeds + (order.availability[piece] as number)) * 2 > begun) return -1;
      if (record.peer.have.has(piece)) return piece;
    }
    return -1;
  }

  /** The peer's own before others, then the rarest (or first) piece, then the most complete. */
  #bestPartial(priority: number, suits: number): number {
    const { partials, order, sequential, geometry } = this.#state;
    const starting = this.#isStarting;
    let best = NO_SLOT;
    let lowest = Number.POSITIVE_INFINITY;
    for (const slot of partials.lists.of(priority)) {
      if (this.#suits(slot) < suits) continue;
      const piece = partials.pieceOf(slot);
      const rank = sequential ? piece : starting ? 0 : (order.availability[piece] as number);
      const own = partials.sole(slot) === this.#record?.peer.id ? -geometry.pieceCount : 0;
      const key = (own + rank) * (geometry.blocksPerPiece + 1) + partials.open(slot);
      if (key >= lowest) continue;
      best = slot;
      lowest = key;
    }
    return best;
  }

  #suits(slot: number): number {
    const { partials } = this.#state;
    const peer = this.#record?.peer;
    if (!peer || !this.#mayUse(partials.pieceOf(slot))) return NOT_FOR_PEER;
    if (partials.sole(slot) === peer.id) return SUITABLE;
    if (peer.onParole) return NOT_FOR_PEER;
    if (this.#crowded) return SUITABLE;
    if (partials.isReserved(slot) || peer.snubbed) return BACKUP;
    const shared = partials.outstanding(slot) > 0;
    return shared && this.#contiguous > partials.open(slot) ? BACKUP : SUITABLE;
  }

  #mayUse(piece: number): boolean {
    return (this.#record?.peer.have.has(piece) ?? false) && (this.#mask?.has(piece) ?? true);
  }

  #unopenedAt(priority: number): void {
    const record = this.#record;
    if (!record || this.#left === 0 || this.#state.order.level(priority).size === 0) return;
    if (this.#mask) this.#sampled(priority, record);
    else if (this.#state.sequential && !record.peer.snubbed) this.#sequential(priority, record);
    else this.#walk(priority, record);
  }

  #sequential(priority: number, record: PeerRecord): void {
    while (this.#left > 0) {
      const piece = this.#state.order.firstOf(priority, record.peer.have);
      if (piece < 0) return;
      this.#begin(piece);
    }
  }

  /**
   * Goes through a level in order: rarest first, commonest first for a snubbed peer, from a random
   * place at the start of a download. What is begun leaves its position to a piece from a later one,
   * and no piece ever moves to a later one, so nothing is overlooked.
   */
  #walk(priority: number, record: PeerRecord): void {
    const { order, rng, geometry } = this.#state;
    const level = order.level(priority);
    this.#continueRun(priority, record);
    // A peer that is counted piece by piece has nothing of availability 0.
    const first = record.asSeed ? 0 : level.startOf(1);
    const start =
      this.#isStarting && level.size > first ? first + randomInt(rng, level.size - first) : first;
    const down = record.peer.snubbed;
    let position = down ? level.size - 1 : start;
    let misses = 0;
    while (this.#left > 0 && position >= first && position < level.size && misses < WALK_MISSES) {
      const piece = level.at(position);
      const has = record.peer.have.has(piece);
      if (has) {
        this.#begin(piece);
        record.runLeft = Math.ceil(this.#contiguous / geometry.blocksPerPiece) - 1;
        this.#continueRun(priority, record);
      } else {
        misses++;
      }
      if (down) position--;
      else if (!has) position++;
    }
    const sawAll = misses < WALK_MISSES && (down || start === first);
    if (!sawAll) this.#sampled(priority, record);
  }

  /** Begins the pieces after the peer's last one, so that a fast peer's blocks lie in a row. */
  #continueRun(priority: number, record: PeerRecord): void {
    const { order } = this.#state;
    while (this.#left > 0 && record.runLeft > 0) {
      const next = record.lastPiece + 1;
      const fits =
        this.#contiguous > 0 && order.set(priority).has(next) && record.peer.have.has(next);
      const runLeft = fits ? record.runLeft - 1 : 0;
      if (fits) this.#begin(next);
      record.runLeft = runLeft;
    }
  }

  /**
   * Finds what the peer has by comparing bit sets, for peers that have little of a long level. Begins
   * the best of up to {@link SAMPLE} pieces from a random place on, until there are none.
   */
  #sampled(priority: number, record: PeerRecord): void {
    const { order, sequential } = this.#state;
    while (this.#left > 0) {
      let size = this.#gather(priority, record);
      if (size === 0) return;
      while (size > 0 && this.#left > 0) {
        let best = 0;
        let lowest = Number.POSITIVE_INFINITY;
        for (let i = 0; i < size; i++) {
          const piece = this.#sample[i] as number;
          const position = order.position(piece);
          const key = record.peer.snubbed ? -position : sequential ? piece : position;
          if (key >= lowest) continue;
          best = i;
          lowest = key;
        }
        const piece = this.#sample[best] as number;
        this.#sample[best] = this.#sample[--size] as number;
        this.#begin(piece);
      }
    }
  }

  #gather(priority: number, record: PeerRecord): number {
    const { order, rng, geometry } = this.#state;
    const listed = order.set(priority).bytes;
    const offered = (this.#mask ?? record.peer.have).bytes;
    const start = randomInt(rng, geometry.pieceCount);
    let size = 0;
    let wrapped = false;
    let piece = nextCommon(listed, offered, start);
    while (size < SAMPLE) {
      if (piece < 0 && !wrapped) {
        wrapped = true;
        piece = nextCommon(listed, offered, 0);
      }
      if (piece < 0 || (wrapped && piece >= start)) break;
      if (this.#mayUse(piece)) this.#sample[size++] = piece;
      piece = nextCommon(listed, offered, piece + 1);
    }
    return size;
  }

  #begin(piece: number): void {
    const record = this.#record;
    if (!record) return;
    const { order, partials } = this.#state;
    order.unlist(piece);
    const slot = partials.begin(piece, order.priority[piece] as number, record.peer.id);
    partials.reserve(slot, true);
    record.runLeft = 0;
    this.#take(slot);
  }

  #take(slot: number): void {
    const record = this.#record;
    if (!record || !this.#out) return;
    const { peer } = record;
    const { partials } = this.#state;
    const taken = partials.take(slot, peer.id, this.#left, this.#out);
    // Fast, slow and suspect peers keep what they have begun to themselves; others share.
    if (this.#contiguous === 0 && !peer.snubbed && !peer.onParole) partials.reserve(slot, false);
    record.requests += taken;
    record.lastPiece = partials.pieceOf(slot);
    this.#left -= taken;
  }

  /** One block that somebody else has been asked for, when no piece is left to begin. */
  #endGame(record: PeerRecord): void {
    const { order, partials, rng } = this.#state;
    const { peer } = record;
    if (peer.onParole || order.anyAvailable) return;
    const busy = partials.lists.of(BUSY);
    const start = randomInt(rng, busy.length);
    const search = Math.min(busy.length, BUSY_SEARCH);
    for (let i = 0; i < search; i++) {
      const slot = busy[(start + i) % busy.length] as number;
      const piece = partials.pieceOf(slot);
      if (order.priority[piece] === 0 || !peer.have.has(piece)) continue;
      const block = partials.leastRequested(slot, peer.id, randomInt(rng, partials.blocks(slot)));
      if (block < 0) continue;
      partials.share(slot, block, peer.id);
      record.requests++;
      this.#out?.push(piece, block);
      return;
    }
  }
}
