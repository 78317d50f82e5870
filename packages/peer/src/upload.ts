// The upload side of one connection: the remote's requests, served from the cache as the stream drains.
import { type Bitfield, BLOCK_SIZE, blockIndex, type PieceIndex, RateMeter } from "@shoal/core";
import { PeerError } from "./error.ts";
import { NO_SLOT, type PeerHost, type PeerView } from "./host.ts";
import {
  MAX_INVALID_REQUESTS,
  REQUEST_QUEUE_LIMIT,
  SEND_AHEAD_MAX,
  SEND_AHEAD_MIN,
  SEND_AHEAD_MS,
} from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { Ring } from "./ring.ts";

/** Why `pump` stopped although requests are left. */
type Stall = "none" | "disk" | "rate";

/** Queue of requests → pinned blocks → stream. Blocks stay pinned until their bytes have left. */
export class Upload {
  /** We refuse to serve (but for the allowed-fast set). */
  choking = true;
  /** The remote wants our data. */
  interested = false;
  /** Payload sent. */
  readonly meter: RateMeter = new RateMeter();
  /** Pieces that the remote may request while choked (BEP 6); undefined when none were granted. */
  allowedFast: Bitfield | undefined;
  readonly #peer: PeerView;
  readonly #host: PeerHost;
  readonly #outbox: Outbox;
  /** piece, begin, length */
  readonly #requests = new Ring(3);
  /** slot, stream position at which it is free */
  readonly #pinned = new Ring(2);
  #stall: Stall = "none";
  /** How many requests from the head on have had their pieces read ahead. */
  #prefetched = 0;
  #invalid = 0;
  /** Bytes sent that the rate limit has not allowed yet: nothing more is sent until they are. */
  #debt = 0;

  constructor(peer: PeerView, host: PeerHost, outbox: Outbox) {
    this.#peer = peer;
    this.#host = host;
    this.#outbox = outbox;
  }

  /** Requests waiting. */
  get queueLength(): number {
    return this.#requests.length;
  }

  /** Waits for blocks to be read from disk. */
  get waitsForDisk(): boolean {
    return this.#stall === "disk";
  }

  /** Waits for the rate limit. */
  get waitsForRate(): boolean {
    return this.#stall === "rate";
  }

  /** The remote requests a block. @throws PeerError on nonsense, or too much of it. */
  request(piece: PieceIndex, begin: number, length: number): void {
    const { geometry } = this.#host;
    const sound =
      geometry.isPiece(piece) &&
      geometry.isRange(piece, begin, length) &&
      length <= BLOCK_SIZE &&
      this.#host.source.hasPiece(piece);
    if (sound && this.#maySend(piece) && this.#requests.length < REQUEST_QUEUE_LIMIT) {
      this.#requests.push(piece, begin, length);
      return;
    }
    if (++this.#invalid > MAX_INVALID_REQUESTS) {
      throw new PeerError(
        "ERR_PEER_FLOOD",
        `more than ${MAX_INVALID_REQUESTS} requests for what it may not have`,
      );
    }
    this.#refuse(piece, begin, length);
  }

  /** The remote no longer wants a block. */
  cancel(piece: PieceIndex, begin: number, length: number): void {
    for (let i = 0; i < this.#requests.length; i++) {
      if (
        this.#requests.get(i, 0) === piece &&
        this.#requests.get(i, 1) === begin &&
        this.#requests.get(i, 2) === length
      ) {
        this.#requests.remove(i);
        this.#refuse(piece, begin, length);
        return;
      }
    }
  }

  /** Stops serving; queued requests are refused (BEP 6) or forgotten (BEP 3). */
  choke(): void {
    if (this.choking) return;
    this.choking = true;
    this.#outbox.messages.choke();
    this.#prefetched = 0;
    const kept = new Ring(3);
    for (; this.#requests.length > 0; this.#requests.shift()) {
      const piece = this.#requests.get(0, 0) as PieceIndex;
      const begin = this.#requests.get(0, 1);
      const length = this.#requests.get(0, 2);
      if (this.#maySend(piece)) kept.push(piece, begin, length);
      else this.#refuse(piece, begin, length);
    }
    for (; kept.length > 0; kept.shift()) {
      this.#requests.push(kept.get(0, 0), kept.get(0, 1), kept.get(0, 2));
    }
  }

  unchoke(): void {
    if (!this.choking) return;
    this.choking = false;
    this.#invalid = 0;
    this.#outbox.messages.unchoke();
  }

  /** Moves blocks from the cache to the stream as far as the stream, disk and rate limit allow. */
  pump(now: number): void {
    if (this.#requests.length === 0) return;
    this.#serve(now);
    if (this.#stall !== "rate") this.#prefetch(this.#sendAhead(now));
  }

  #serve(now: number): void {
    this.#stall = "none";
    if (this.#debt > 0) this.#debt = this.#host.source.payUpload(this.#peer, this.#debt, now);
    const ahead = this.#sendAhead(now);
    while (this.#requests.length > 0 && this.#outbox.queuedBytes < ahead) {
      const piece = this.#requests.get(0, 0) as PieceIndex;
      const begin = this.#requests.get(0, 1);
      const length = this.#requests.get(0, 2);
      if (!this.#host.source.hasPiece(piece)) {
        this.#requests.shift();
        this.#refuse(piece, begin, length);
      } else if (this.#debt > 0) {
        this.#stall = "rate";
        this.#host.rateLimited(this.#peer);
        return;
      } else if (this.#send(piece, begin, length)) {
        this.#requests.shift();
        this.#prefetched = Math.max(this.#prefetched - 1, 0);
        this.meter.add(length, now);
        this.#debt = this.#host.source.sent(this.#peer, length, now);
      } else {
        this.#stall = "disk";
        return;
      }
    }
  }

  /** Reading failed: everything queued of the piece is refused. */
  readFailed(failed: PieceIndex): void {
    for (let i = this.#requests.length - 1; i >= 0; i--) {
      if (this.#requests.get(i, 0) !== failed) continue;
      this.#refuse(failed, this.#requests.get(i, 1), this.#requests.get(i, 2));
      this.#requests.remove(i);
    }
  }

  /** Bytes up to `total` have left: their blocks are free. */
  flushed(total: number): void {
    while (this.#pinned.length > 0 && this.#pinned.get(0, 1) <= total) {
      this.#host.source.unpin(this.#pinned.get(0, 0));
      this.#pinned.shift();
    }
  }

  /** Gives back every block. The stream must be dead, for it may still hold views of them. */
  close(): void {
    this.flushed(Number.POSITIVE_INFINITY);
    this.#requests.clear();
  }

  /**
   * Has pieces read that the next `bytes` of requests need, so that reads overlap with sending. Half
   * a horizon at a time, for several reads go to the disk thread at the price of one.
   */
  #prefetch(bytes: number): void {
    const { blocksPerPiece } = this.#host.geometry;
    const horizon = Math.min(this.#requests.length, Math.ceil(bytes / BLOCK_SIZE));
    if (this.#prefetched > horizon / 2) return;
    for (let i = this.#prefetched; i < horizon; i += blocksPerPiece) {
      const piece = this.#requests.get(i, 0) as PieceIndex;
      const block = Math.floor(this.#requests.get(i, 1) / BLOCK_SIZE);
      if (this.#host.source.hasPiece(piece)) {
        this.#host.source.prefetch(this.#peer, piece, blockIndex(block));
      }
    }
    this.#prefetched = horizon;
  }

  #maySend(piece: PieceIndex): boolean {
    return !this.choking || (this.allowedFast?.has(piece) ?? false);
  }

  #refuse(piece: PieceIndex, begin: number, length: number): void {
    if (this.#peer.fast) this.#outbox.messages.reject(piece, begin, length);
  }

  #sendAhead(now: number): number {
    const wanted = (this.meter.rate(now) * SEND_AHEAD_MS) / 1000;
    return Math.min(Math.max(wanted, SEND_AHEAD_MIN), SEND_AHEAD_MAX);
  }

  /** Requests need not be aligned: one may touch two blocks of the cache. */
  #send(piece: PieceIndex, begin: number, length: number): boolean {
    const { source } = this.#host;
    const first = Math.floor(begin / BLOCK_SIZE);
    const last = Math.floor((begin + length - 1) / BLOCK_SIZE);
    const slot = source.pin(this.#peer, piece, blockIndex(first));
    if (slot === NO_SLOT) return false;
    const start = begin - first * BLOCK_SIZE;
    if (first === last) {
      this.#outbox.messages.piece(piece, begin, source.view(slot, start, start + length));
      this.#pinned.push(slot, this.#outbox.position);
      return true;
    }
    const second = source.pin(this.#peer, piece, blockIndex(last));
    if (second === NO_SLOT) {
      source.unpin(slot);
      return false;
    }
    this.#outbox.messages.piece(
      piece,
      begin,
      source.view(slot, start, BLOCK_SIZE),
      source.view(second, 0, start + length - BLOCK_SIZE),
    );
    this.#pinned.push(slot, this.#outbox.position);
    this.#pinned.push(second, this.#outbox.position);
    return true;
  }
}
