// A sender that is no peer: takes stretches of wanted blocks, hands over their bytes in order.
import {
  Bitfield,
  BLOCK_SIZE,
  type BlockLane,
  type BlockLaneHandler,
  type ByteRun,
  pieceIndex,
} from "@shoal/core";
import { NO_SLOT } from "@shoal/disk-io";
import { BlockList } from "@shoal/picker";
import { RateLimit } from "@shoal/policy";
import type { Sender } from "@shoal/swarm";
import type { Transfer } from "./transfer.ts";

/** Blocks that are done with are forgotten when they are so many. */
const COMPACT_AT = 4096;

/** What a lane asks of its torrent. */
export interface LaneHost {
  readonly transfer: Transfer;
  /** The disk is behind: nobody should send. */
  readonly isCongested: boolean;
  now(): number;
  /** The lane owes bytes to the rate limit: call `payDebt` soon. */
  rateLimited(): void;
  closed(lane: Lane): void;
}

/** See {@link BlockLane}. */
export class Lane implements BlockLane, Sender {
  readonly id: number;
  readonly slot: number;
  /** Shown to users: its URL. */
  readonly name: string;
  readonly have: Bitfield;
  readonly snubbed = false;
  readonly downloadLimit: RateLimit;
  readonly trust: LaneTrust = new LaneTrust();
  readonly #host: LaneHost;
  readonly #handler: BlockLaneHandler;
  readonly #flow = { isIdle: false, isStalled: false, debt: 0, isClosed: false };
  /** What was picked, in the order of delivery. Before `head`: done with; before `taken`: taken. */
  #blocks = new BlockList();
  readonly #at = { head: 0, taken: 0, slot: NO_SLOT as number, offset: 0 };

  constructor(
    ids: { readonly id: number; readonly slot: number; readonly name: string },
    parent: RateLimit,
    host: LaneHost,
    handler: BlockLaneHandler,
  ) {
    this.id = ids.id;
    this.slot = ids.slot;
    this.name = ids.name;
    this.have = Bitfield.full(host.transfer.geometry.pieceCount);
    this.downloadLimit = new RateLimit({ parent });
    this.#host = host;
    this.#handler = handler;
    host.transfer.picker.peerBitfield(this);
  }

  get onParole(): boolean {
    return this.trust.onParole;
  }

  take(maxBytes: number): ByteRun | undefined {
    if (this.#flow.isClosed) return undefined;
    const count = Math.max(1, Math.floor(maxBytes / BLOCK_SIZE));
    if (this.#at.taken === this.#blocks.length) this.#pick(count);
    if (this.#at.taken === this.#blocks.length) {
      this.#flow.isIdle = true;
      return undefined;
    }
    const offset = this.#offsetOf(this.#at.taken);
    let end = offset;
    for (let left = count; left > 0 && this.#at.taken < this.#blocks.length; left--) {
      if (this.#offsetOf(this.#at.taken) !== end) break;
      end += this.#sizeOf(this.#at.taken++);
    }
    return { offset, length: end - offset };
  }

  deliver(chunk: Uint8Array): boolean {
    const { transfer } = this.#host;
    const at = this.#at;
    for (let from = 0; from < chunk.length && at.head < at.taken && !this.#flow.isClosed; ) {
      const piece = this.#blocks.piece(at.head);
      const block = this.#blocks.block(at.head);
      if (at.offset === 0) at.slot = transfer.blockBegins(this, piece, block);
      const size = this.#sizeOf(at.head);
      const to = Math.min(chunk.length, from + size - at.offset);
      if (at.slot !== NO_SLOT) transfer.blockBytes(at.slot, at.offset, chunk, from, to);
      at.offset += to - from;
      from = to;
      if (at.offset < size) break;
      const { slot } = at;
      at.offset = 0;
      at.slot = NO_SLOT;
      at.head++;
      if (slot !== NO_SLOT) transfer.blockEnds(this, piece, block, slot);
    }
    return this.#pay(chunk.length);
  }

  release(): void {
    const { transfer } = this.#host;
    const at = this.#at;
    const blocks = this.#blocks;
    if (at.slot !== NO_SLOT) transfer.blockTorn(at.slot);
    const { head } = at;
    this.#blocks = new BlockList();
    Object.assign(at, { head: 0, taken: 0, slot: NO_SLOT, offset: 0 });
    for (let i = head; i < blocks.length; i++) {
      transfer.requestLost(this, blocks.piece(i), blocks.block(i));
    }
  }

  lacks({ offset, length }: ByteRun): void {
    const { geometry, picker } = this.#host.transfer;
    const first = Math.floor(offset / geometry.pieceLength);
    const last = Math.floor((offset + length - 1) / geometry.pieceLength);
    for (let i = first; i <= last; i++) {
      if (this.have.delete(i)) picker.peerLost(this, pieceIndex(i));
    }
  }

  close(): void {
    if (this.#flow.isClosed) return;
    this.#flow.isClosed = true;
    this.release();
    this.downloadLimit.cancel();
    this.#host.transfer.picker.peerGone(this);
    this.#host.closed(this);
  }

  // --- for the torrent ---

  /** Requests to a server can't be withdrawn: what comes is dropped. */
  cancel(): void {}

  /** There may be something for a lane that found nothing. */
  wake(): void {
    if (!this.#flow.isIdle || this.#flow.isClosed) return;
    this.#flow.isIdle = false;
    this.#handler.wanted();
  }

  get debt(): number {
    return this.#flow.debt;
  }

  /** Pays for received bytes as the limit allows; delivery goes on when all are paid. */
  payDebt(): void {
    if (this.#flow.debt > 0) this.#pay(0);
    this.drain();
  }

  /** Delivery goes on unless something else stands against it. */
  drain(): void {
    const flow = this.#flow;
    if (!flow.isStalled || flow.isClosed || flow.debt > 0 || this.#host.isCongested) return;
    flow.isStalled = false;
    this.#handler.drained();
  }

  /** Its data was bad for certain. */
  ban(reason: Error): void {
    if (this.#flow.isClosed) return;
    this.close();
    this.#handler.banned(reason);
  }

  #pick(count: number): void {
    const { picker, geometry } = this.#host.transfer;
    const at = this.#at;
    if (at.head > COMPACT_AT || at.head === this.#blocks.length) {
      const rest = new BlockList();
      for (let i = at.head; i < this.#blocks.length; i++) {
        rest.push(this.#blocks.piece(i), this.#blocks.block(i));
      }
      this.#blocks = rest;
      at.taken -= at.head;
      at.head = 0;
    }
    const per = geometry.blocksPerPiece;
    picker.pick(this, count, Math.ceil(count / per) * per, undefined, this.#blocks);
  }

  #pay(bytes: number): boolean {
    const flow = this.#flow;
    flow.debt = this.#host.transfer.payDownload(this, flow.debt + bytes, this.#host.now());
    if (flow.debt > 0) this.#host.rateLimited();
    flow.isStalled ||= flow.debt > 0 || this.#host.isCongested;
    return !flow.isStalled;
  }

  #offsetOf(i: number): number {
    const { geometry } = this.#host.transfer;
    return geometry.pieceOffset(this.#blocks.piece(i)) + this.#blocks.block(i) * BLOCK_SIZE;
  }

  #sizeOf(i: number): number {
    return this.#host.transfer.geometry.blockSize(this.#blocks.piece(i), this.#blocks.block(i));
  }
}

/** Failed pieces that a sender took part in, more than passed, before it is taken for guilty. */
const MAX_SUSPICIONS = 4;

/** What the hash checks say of a lane. */
class LaneTrust {
  /** It gets whole pieces to itself until one passes. */
  onParole = false;
  #suspicions = 0;

  /** It took part in a piece that failed. @returns whether that happened too often. */
  suspect(): boolean {
    this.onParole = true;
    return ++this.#suspicions > MAX_SUSPICIONS;
  }

  /** It took part in a piece that passed. */
  credit(): void {
    this.onParole = false;
    this.#suspicions = Math.max(0, this.#suspicions - 1);
  }
}
