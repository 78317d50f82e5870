// The piece picker: which pieces we have and want, and which block to ask which peer for next.
import type { Bitfield, BlockIndex, PieceIndex } from "@shoal/core";
import { abandon, abandonAll, drop, end, isWanted, type Reception, receive } from "./block-life.ts";
import type { BlockList } from "./block-list.ts";
import { Chooser } from "./chooser.ts";
import { PickerError } from "./error.ts";
import { checkState } from "./invariants.ts";
import { NO_SLOT } from "./partials.ts";
import { MAX_PRIORITY } from "./piece-order.ts";
import type { PickingPeer } from "./roster.ts";
import {
  activate,
  checkSize,
  createState,
  DEFAULT_PRIORITY,
  isActive,
  isOpen,
  type MaybeActive,
  type PickerOptions,
  prioritiesOf,
  rest,
  slotOf,
} from "./state.ts";
import { distributedCopies, type PartialPiece, partialPieces } from "./statistics.ts";

/**
 * Keeps the state of every piece and block of one torrent, counts who has what, and picks.
 *
 * The caller reports every event: peers that come, gain pieces and go; blocks that arrive or never
 * will; pieces whose hash was right or wrong. See STATE.md for the states.
 */
export class PiecePicker {
  readonly #state: MaybeActive;
  /** Made for the first pick, and gone with what it looks at. */
  #chooser: Chooser | undefined;

  /** @throws PickerError `ERR_PICKER_HAVE` if `have` is not over exactly the torrent's pieces. */
  constructor(options: PickerOptions) {
    this.#state = createState(options);
  }

  // --- what we have and want ---

  /** The pieces that are verified and stored. Read only: the picker changes it. */
  get have(): Bitfield {
    return this.#state.have;
  }

  /** The pieces with a priority that we have not. Read only: the picker changes it. */
  get wanted(): Bitfield {
    return this.#state.wanted;
  }

  /** Whether every piece with a priority is stored. */
  get isFinished(): boolean {
    return this.wantedLeft === 0;
  }

  /** How many pieces with a priority are not stored. */
  get wantedLeft(): number {
    return this.#state.wanted.count;
  }

  /** 0 (never picked) … 7 (first); 4 until it is set. */
  priority(piece: PieceIndex): number {
    const { priority, geometry } = this.#state;
    if (priority === undefined) return geometry.isPiece(piece) ? DEFAULT_PRIORITY : 0;
    return priority[piece] ?? 0;
  }

  /**
   * Sets a piece's priority. A higher one always comes before a lower one, however rare: what a user
   * asked for first is the point of priorities, and rarity orders the pieces of each.
   *
   * A piece in progress whose priority becomes 0 keeps what has arrived and what is on its way.
   *
   * @param priority An integer, 0…7.
   * @throws PickerError `ERR_PICKER_PIECE`, `ERR_PICKER_PRIORITY`.
   */
  setPriority(piece: PieceIndex, priority: number): void {
    const { geometry, order, partials, wanted, have, roster } = this.#state;
    if (!geometry.isPiece(piece)) {
      throw new PickerError("ERR_PICKER_PIECE", `expected a piece, got ${String(piece)}`);
    }
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      throw new PickerError("ERR_PICKER_PRIORITY", `expected a priority of 0…7, got ${priority}`);
    }
    if (this.priority(piece) === priority) return;
    const slot = slotOf(this.#state, piece);
    if (slot !== NO_SLOT) partials?.relist(slot, priority);
    if (priority === 0) order?.unlist(piece);
    if (order?.isListed(piece)) order.relist(piece, priority);
    else prioritiesOf(this.#state)[piece] = priority;
    if (have.has(piece)) return;
    if (priority === 0) {
      wanted.delete(piece);
    } else if (wanted.add(piece)) {
      if (slot === NO_SLOT) order?.list(piece);
      roster?.wantsMore();
      roster?.opened(piece);
    }
  }

  /**
   * Whether pieces are begun in ascending order (within a priority) instead of rarest first. It
   * helps whoever reads along and harms the swarm: `setUrgent` does the former without the latter.
   */
  get sequential(): boolean {
    return this.#state.sequential;
  }

  set sequential(sequential: boolean) {
    this.#state.sequential = sequential;
  }

  /**
   * Sets the pieces to pick before all others, in this order, from every peer that is not snubbed;
   * those of priority 0 are still never picked. Keep it short: every pick looks through it.
   */
  setUrgent(pieces: readonly PieceIndex[]): void {
    this.#state.urgent = pieces.filter((piece) => this.#state.geometry.isPiece(piece));
  }

  // --- who has what ---

  /**
   * A peer's pieces are known: counts what `peer.have` holds (perhaps nothing yet). Call it once for
   * each connection, then `peerHas` for every piece that is added to the set.
   *
   * @throws PickerError `ERR_PICKER_PEER` if a connected peer has this id, `ERR_PICKER_HAVE` if the
   *   set is not over exactly the torrent's pieces.
   */
  peerBitfield(peer: PickingPeer): void {
    checkSize(this.#state.geometry, peer.have);
    const { order, roster } = activate(this.#state);
    const record = roster.add(peer);
    if (peer.have.isFull) {
      record.asSeed = true;
      order.seeds++;
    } else {
      order.raiseAll(peer.have);
    }
  }

  /**
   * A peer has one piece more. Call it right after adding the piece to `peer.have`, once, and not for
   * pieces that the set held before. The first call for an unknown peer counts its whole set.
   */
  peerHas(peer: PickingPeer, piece: PieceIndex): void {
    const state = activate(this.#state);
    const { geometry, order, roster } = state;
    const record = roster.get(peer.id);
    if (!record) {
      this.peerBitfield(peer);
      return;
    }
    if (record.asSeed || !geometry.isPiece(piece) || !peer.have.has(piece)) return;
    order.raise(piece);
    roster.gained(record, piece, isOpen(state, piece));
  }

  /** A peer has one piece less (BEP 54). Call it right after removing it from `peer.have`. */
  peerLost(peer: PickingPeer, piece: PieceIndex): void {
    if (!isActive(this.#state)) return;
    const { order, roster, geometry } = this.#state;
    const record = roster.get(peer.id);
    if (!record || !geometry.isPiece(piece) || peer.have.has(piece)) return;
    if (record.asSeed) {
      record.asSeed = false;
      order.seeds--;
      order.raiseAll(peer.have);
    } else {
      order.lower(piece);
    }
  }

  /**
   * A peer has disconnected: its pieces are not counted any more, and what it was asked for is open
   * again. `peer.have` must still hold what was reported. Its id may be used again.
   */
  peerGone(peer: PickingPeer): void {
    if (!isActive(this.#state)) return;
    const { order, roster } = this.#state;
    const record = roster.get(peer.id);
    if (!record) return;
    abandonAll(this.#state, peer.id);
    roster.remove(record);
    if (record.asSeed) order.seeds--;
    else order.lowerAll(peer.have);
    this.#rest();
  }

  /** How many connected peers have the piece. */
  availability(piece: PieceIndex): number {
    const { order } = this.#state;
    return order === undefined ? 0 : (order.availability[piece] ?? 0) + order.seeds;
  }

  /**
   * How many whole copies the connected peers and we hold: the availability of the rarest piece, plus
   * the share of pieces that are less rare. Looks at every piece.
   */
  get distributedCopies(): number {
    return distributedCopies(this.#state);
  }

  /** Whether a peer has a piece that we want and lack. Constant time, amortised. */
  isInteresting(peer: PickingPeer): boolean {
    const { roster, wanted } = this.#state;
    const record = roster?.get(peer.id);
    return record !== undefined && roster?.interesting(record, wanted) === true;
  }

  // --- picking ---

  /**
   * Picks up to `count` blocks that this peer should be asked for and marks them as requested by it.
   *
   * The order: urgent pieces; then for each priority the pieces in progress and, rarest first, new
   * ones; then what other peers keep for themselves. If there is nothing at all and the peer has
   * nothing outstanding, no piece is left to begin and it is not on parole: one block that somebody
   * else has been asked for (end-game; {@link otherRequesters} tells whom to cancel at).
   *
   * @param contiguousBlocks The run of blocks that a fast peer should have for itself: it then begins
   *   pieces of its own, in a row, and others keep off them. 0 for ordinary peers, which share.
   * @param allowedOnly Pick from these pieces only (BEP 6 allowed fast, while choked).
   * @param out Gets the blocks appended; it is not cleared.
   */
  pick(
    peer: PickingPeer,
    count: number,
    contiguousBlocks: number,
    allowedOnly: Bitfield | undefined,
    out: BlockList,
  ): void {
    if (!isActive(this.#state)) return;
    const record = this.#state.roster.get(peer.id);
    if (record === undefined) return;
    this.#chooser ??= new Chooser(this.#state);
    this.#chooser.choose(record, count, contiguousBlocks, allowedOnly, out);
  }

  // --- a block's life ---

  /** Whether a block that begins to arrive should be kept, asked for or not. */
  isWanted(piece: PieceIndex, block: BlockIndex): boolean {
    return isWanted(this.#state, piece, block);
  }

  /**
   * A block has arrived whole and is kept. It need not have been asked for: the blocks of unfinished
   * pieces that an earlier run left are reported this way too (with peer id −1).
   *
   * Others who have been asked for it stay its requesters until they are reported as `abandoned`,
   * their copy arrives or the piece is stored.
   *
   * @param source Any number ≥ 0 that names the sender for {@link contributors} as long as the piece
   *   is in progress: peer ids are used again, so better the index of its entry in the peer list.
   */
  received(
    peerId: number,
    piece: PieceIndex,
    block: BlockIndex,
    source: number = peerId,
  ): Reception {
    if (!isActive(this.#state) && !this.isWanted(piece, block)) return "unwanted";
    return receive(activate(this.#state), peerId, piece, block, source);
  }

  /**
   * A peer will not send a block: it rejected or choked, is too late, or what came was dropped. The
   * block is open for others, unless others have been asked for it. Does nothing if the peer was not
   * asked. What a late peer sends after all is still wanted as long as nobody else sent it.
   */
  abandoned(peerId: number, piece: PieceIndex, block: BlockIndex): void {
    if (isActive(this.#state)) abandon(this.#state, peerId, piece, block);
  }

  /** Whether this peer has been asked for the block. */
  isRequestedBy(peerId: number, piece: PieceIndex, block: BlockIndex): boolean {
    const { partials } = this.#state;
    const slot = slotOf(this.#state, piece);
    if (partials === undefined || slot === NO_SLOT) return false;
    return partials.requesters.has(partials.cell(slot, block), peerId);
  }

  /** How many blocks a peer has been asked for that were neither received nor abandoned. */
  requestsOf(peerId: number): number {
    return this.#state.roster?.get(peerId)?.requests ?? 0;
  }

  /**
   * Calls `visit` with everybody else who has been asked for the block: to cancel there. `visit` may
   * call `abandoned` for the peer it is called with.
   */
  otherRequesters(
    piece: PieceIndex,
    block: BlockIndex,
    peerId: number,
    visit: (peerId: number) => void,
  ): void {
    const { partials } = this.#state;
    const slot = slotOf(this.#state, piece);
    if (partials === undefined || slot === NO_SLOT) return;
    partials.requesters.visitOthers(partials.cell(slot, block), peerId, visit);
  }

  // --- a piece's end ---

  /** The piece's hash is right and its bytes are on disk. Also for pieces that a check found. */
  stored(piece: PieceIndex): void {
    const { geometry, have, wanted, order } = this.#state;
    if (!geometry.isPiece(piece) || !have.add(piece)) return;
    if (isActive(this.#state)) end(this.#state, piece);
    order?.unlist(piece);
    wanted.delete(piece);
    this.#rest();
  }

  /**
   * The piece's hash is wrong: all that arrived is dropped and its blocks are open again.
   *
   * @returns Who sent each block, see {@link contributors}.
   */
  failed(piece: PieceIndex): readonly number[] {
    const blame = this.contributors(piece);
    if (isActive(this.#state)) drop(this.#state, piece);
    this.#rest();
    return blame;
  }

  /**
   * Who sent each block of a piece in progress: the `source` that `received` was given, by block; −1
   * for those that have not arrived. Empty if the piece is not in progress.
   */
  contributors(piece: PieceIndex): readonly number[] {
    const { partials } = this.#state;
    const slot = slotOf(this.#state, piece);
    if (partials === undefined || slot === NO_SLOT) return [];
    return Array.from({ length: partials.blocks(slot) }, (_, block) =>
      partials.source(slot, block),
    );
  }

  /** What we had of a piece is gone: a check found it bad, or its file was deleted. */
  lost(piece: PieceIndex): void {
    const { geometry, have, wanted, order, roster } = this.#state;
    if (isActive(this.#state)) drop(this.#state, piece);
    this.#rest();
    if (!geometry.isPiece(piece) || !have.delete(piece) || this.priority(piece) === 0) return;
    wanted.add(piece);
    order?.list(piece);
    roster?.wantsMore();
    roster?.opened(piece);
  }

  // --- statistics ---

  /** How many pieces are in progress: begun and not stored. */
  get partialCount(): number {
    return this.#state.partials?.size ?? 0;
  }

  /** The pieces in progress as they are now, in no particular order. */
  partialPieces(): PartialPiece[] {
    return partialPieces(this.#state);
  }

  /**
   * Compares everything that is kept twice, for tests. Slow.
   *
   * @throws PickerError `ERR_PICKER_INVARIANT`, naming what is wrong.
   */
  checkInvariants(): void {
    checkState(this.#state);
  }

  /** With neither peers nor pieces in progress there is nothing to order and nobody to ask. */
  #rest(): void {
    rest(this.#state);
    if (!isActive(this.#state)) this.#chooser = undefined;
  }
}
