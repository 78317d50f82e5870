// The pieces in progress: the state of each of their blocks, in pooled typed arrays.
import type { PieceGeometry, PieceIndex } from "@shoal/core";
import type { BlockList } from "./block-list.ts";
import { MAX_PRIORITY, MIN_PRIORITY } from "./piece-order.ts";
import { Requesters } from "./requesters.ts";
import { SlotLists } from "./slot-lists.ts";

/** A block's state. A received block may still have requesters: their copies are on the way. */
export const OPEN = 0;
export const REQUESTED = 1;
export const RECEIVED = 2;

/** Lists 0…7 hold the slots that have open blocks, by priority; these two hold the others. */
export const BUSY: number = MAX_PRIORITY + 1;
export const HASHING: number = MAX_PRIORITY + 2;

/** Instead of a slot: the piece is not in progress. */
export const NO_SLOT = -1;

/** Instead of a peer id: several peers have touched the piece, or one that is gone. */
const SHARED = -1;

/** A slot is the place of one piece in progress; cell `slot × blocksPerPiece + block` is a block's. */
export class Partials {
  /** The slots by what can be done with them. */
  readonly lists: SlotLists = new SlotLists(HASHING + 1);
  readonly requesters: Requesters = new Requesters();
  readonly #geometry: PieceGeometry;
  readonly #slotOf: Int32Array;
  readonly #free: number[] = [];
  #piece: Int32Array = new Int32Array(0);
  #state: Uint8Array = new Uint8Array(0);
  #source: Int32Array = new Int32Array(0);
  #sole: Int32Array = new Int32Array(0);
  #reserved: Uint8Array = new Uint8Array(0);
  #open: Int32Array = new Int32Array(0);
  #received: Int32Array = new Int32Array(0);
  /** No block below this one is open. */
  #firstOpen: Int32Array = new Int32Array(0);

  constructor(geometry: PieceGeometry) {
    this.#geometry = geometry;
    this.#slotOf = new Int32Array(geometry.pieceCount).fill(NO_SLOT);
  }

  /** How many pieces are in progress. */
  get size(): number {
    return this.#piece.length - this.#free.length;
  }

  /** How many of them have open blocks and are wanted. */
  get openSize(): number {
    let size = 0;
    for (let p = MIN_PRIORITY; p <= MAX_PRIORITY; p++) size += this.lists.of(p).length;
    return size;
  }

  /** The piece's slot, or {@link NO_SLOT}. */
  slotOf(piece: number): number {
    return this.#slotOf[piece] as number;
  }

  pieceOf(slot: number): PieceIndex {
    return this.#piece[slot] as PieceIndex;
  }

  /** Blocks of the piece that nobody has been asked for. */
  open(slot: number): number {
    return this.#open[slot] as number;
  }

  /** Blocks of the piece that have arrived. */
  received(slot: number): number {
    return this.#received[slot] as number;
  }

  /** Blocks of the piece that have been asked for and have not arrived. */
  outstanding(slot: number): number {
    return this.blocks(slot) - this.open(slot) - this.received(slot);
  }

  /** How many blocks the piece has. */
  blocks(slot: number): number {
    return this.#geometry.blockCount(this.pieceOf(slot));
  }

  /** The only peer that was asked for or sent blocks of this piece, or {@link SHARED}. */
  sole(slot: number): number {
    return this.#sole[slot] as number;
  }

  /** Whether the sole peer keeps the piece to itself as long as others find something else. */
  isReserved(slot: number): boolean {
    return this.#reserved[slot] === 1;
  }

  /** Sets whether the sole peer keeps the piece to itself. */
  reserve(slot: number, reserved: boolean): void {
    this.#reserved[slot] = reserved ? 1 : 0;
  }

  state(slot: number, block: number): number {
    return this.#state[this.cell(slot, block)] as number;
  }

  /** What `receive` was told of a block's sender; −1 if it has not arrived. */
  source(slot: number, block: number): number {
    return this.#source[this.cell(slot, block)] as number;
  }

  /** The place of a block among those of all slots. */
  cell(slot: number, block: number): number {
    return slot * this.#geometry.blocksPerPiece + block;
  }

  /** Begins a piece: all its blocks are open. `sole` is who will be asked first. */
  begin(piece: number, priority: number, sole: number): number {
    if (this.#free.length === 0) this.#grow();
    const slot = this.#free.pop() as number;
    this.#slotOf[piece] = slot;
    this.#piece[slot] = piece;
    this.#sole[slot] = sole;
    this.#reserved[slot] = 0;
    this.#open[slot] = this.blocks(slot);
    this.#received[slot] = 0;
    this.#firstOpen[slot] = 0;
    const cell = this.cell(slot, 0);
    this.#state.fill(OPEN, cell, cell + this.blocks(slot));
    this.#source.fill(-1, cell, cell + this.blocks(slot));
    this.lists.add(slot, priority);
    return slot;
  }

  /** Ends a piece. No requester may be left. */
  end(slot: number): void {
    this.lists.remove(slot);
    this.#slotOf[this.pieceOf(slot)] = NO_SLOT;
    this.#free.push(slot);
  }

  /** Asks `peerId` for up to `count` open blocks in ascending order; returns how many there were. */
  take(slot: number, peerId: number, count: number, out: BlockList): number {
    this.#touch(slot, peerId);
    const take = Math.min(count, this.open(slot));
    const base = this.cell(slot, 0);
    const piece = this.pieceOf(slot);
    let block = this.#firstOpen[slot] as number;
    for (let taken = 0; taken < take; block++) {
      if (this.#state[base + block] !== OPEN) continue;
      this.#state[base + block] = REQUESTED;
      this.requesters.add(base + block, peerId);
      out.push(piece, block);
      taken++;
    }
    this.#firstOpen[slot] = block;
    this.#open[slot] = this.open(slot) - take;
    if (this.open(slot) === 0) this.lists.move(slot, BUSY);
    return take;
  }

  /** Asks one peer more for a block that others have been asked for. */
  share(slot: number, block: number, peerId: number): void {
    this.#touch(slot, peerId);
    this.requesters.add(this.cell(slot, block), peerId);
  }

  /** A block has arrived, from a peer that need not have been asked. Not for received blocks. */
  receive(slot: number, block: number, peerId: number, source: number): void {
    this.#touch(slot, peerId);
    const cell = this.cell(slot, block);
    if (this.#state[cell] === OPEN) this.#open[slot] = this.open(slot) - 1;
    this.#state[cell] = RECEIVED;
    this.#source[cell] = source;
    this.#received[slot] = this.received(slot) + 1;
    if (this.received(slot) === this.blocks(slot)) this.lists.move(slot, HASHING);
    else if (this.open(slot) === 0) this.lists.move(slot, BUSY);
  }

  /**
   * A peer is not asked for a block any more: it sent it, or will not. Unless it has arrived, the block
   * opens if nobody else has been asked, and the peer's reservation ends.
   *
   * @returns false if the peer has not been asked.
   */
  release(slot: number, block: number, peerId: number, priority: number): boolean {
    const cell = this.cell(slot, block);
    if (!this.requesters.remove(cell, peerId)) return false;
    if (this.#state[cell] !== REQUESTED) return true;
    if (this.#sole[slot] === peerId) this.#reserved[slot] = 0;
    if (!this.requesters.any(cell)) {
      this.#reopen(slot, block);
      this.lists.move(slot, priority);
    }
    return true;
  }

  /** Drops what has arrived of a piece: those blocks open again, or wait for who has been asked. */
  drop(slot: number, priority: number): void {
    for (let block = 0; block < this.blocks(slot); block++) {
      const cell = this.cell(slot, block);
      if (this.#state[cell] !== RECEIVED) continue;
      this.#source[cell] = -1;
      if (this.requesters.any(cell)) this.#state[cell] = REQUESTED;
      else this.#reopen(slot, block);
    }
    this.#received[slot] = 0;
    this.#sole[slot] = SHARED;
    this.#reserved[slot] = 0;
    this.lists.move(slot, this.open(slot) > 0 ? priority : BUSY);
  }

  /** The piece's priority has changed. */
  relist(slot: number, priority: number): void {
    if (this.lists.listOf(slot) <= MAX_PRIORITY) this.lists.move(slot, priority);
  }

  /** A peer's id ceases to mean this peer: no piece is its own any more. */
  disown(slot: number, peerId: number): void {
    if (this.#sole[slot] !== peerId) return;
    this.#sole[slot] = SHARED;
    this.#reserved[slot] = 0;
  }

  /** A block of the piece that is on its way from others, with the fewest of them; −1 if none. */
  leastRequested(slot: number, notFrom: number, startAt: number): number {
    const blocks = this.blocks(slot);
    let best = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < blocks; i++) {
      const block = (startAt + i) % blocks;
      const cell = this.cell(slot, block);
      if (this.#state[cell] !== REQUESTED || this.requesters.has(cell, notFrom)) continue;
      const count = this.requesters.count(cell);
      if (count >= fewest) continue;
      best = block;
      fewest = count;
      if (count === 1) break;
    }
    return best;
  }

  /** The slots of every piece in progress; a copy. */
  all(): number[] {
    return Array.from({ length: HASHING + 1 }, (_, list) => this.lists.of(list)).flat();
  }

  #touch(slot: number, peerId: number): void {
    if (this.#sole[slot] === peerId) return;
    this.#sole[slot] = SHARED;
    this.#reserved[slot] = 0;
  }

  #reopen(slot: number, block: number): void {
    this.#state[this.cell(slot, block)] = OPEN;
    this.#open[slot] = this.open(slot) + 1;
    if (block < (this.#firstOpen[slot] as number)) this.#firstOpen[slot] = block;
  }

  #grow(): void {
    const old = this.#piece.length;
    const slots = Math.max(8, old * 2);
    const cells = slots * this.#geometry.blocksPerPiece;
    this.#piece = larger(this.#piece, slots);
    this.#sole = larger(this.#sole, slots);
    this.#open = larger(this.#open, slots);
    this.#received = larger(this.#received, slots);
    this.#firstOpen = larger(this.#firstOpen, slots);
    this.#source = larger(this.#source, cells);
    this.requesters.resize(cells);
    const reserved = new Uint8Array(slots);
    reserved.set(this.#reserved);
    this.#reserved = reserved;
    const state = new Uint8Array(cells);
    state.set(this.#state);
    this.#state = state;
    for (let slot = slots - 1; slot >= old; slot--) this.#free.push(slot);
  }
}

function larger(array: Int32Array, length: number): Int32Array {
  const copy = new Int32Array(length);
  copy.set(array);
  return copy;
}
