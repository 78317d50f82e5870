// The download side of one connection: requests sent ahead by rate × time, blocks received into slots.
import {
  Bitfield,
  BLOCK_SIZE,
  blockIndex,
  type PieceIndex,
  pieceIndex,
  RateMeter,
} from "@shoal/core";
import { PeerError } from "./error.ts";
import { NO_SLOT, type PeerHost, type PeerView } from "./host.ts";
import {
  DEFAULT_REMOTE_QUEUE,
  MAX_OUTSTANDING,
  MAX_UNREQUESTED_BYTES,
  MIN_OUTSTANDING,
  REQUEST_AHEAD_MS,
  SNUB_MS,
} from "./limits.ts";
import type { Outbox } from "./outbox.ts";

/** A request that timed out: its block is open to others, but late data is still welcome. */
const GIVEN_UP = -1;

/** The request pipeline and the block that is arriving. */
export class Download {
  /** The remote does not serve us (but for the allowed-fast set). */
  choked = true;
  /** We told the remote that we want its data. */
  interested = false;
  /** It owes us blocks and has sent nothing for a while. */
  snubbed = false;
  /** Payload received, also what was not needed. */
  readonly meter: RateMeter = new RateMeter();
  /** Payload that was dropped: duplicates, late or unrequested blocks. Bytes. */
  redundantBytes = 0;
  /** Pieces that we may request while choked (BEP 6). */
  allowedFast: Bitfield | undefined;
  readonly #peer: PeerView;
  readonly #host: PeerHost;
  readonly #outbox: Outbox;
  /** Block key → when it was requested, in ms, or {@link GIVEN_UP}. */
  readonly #requests = new Map<number, number>();
  readonly #arriving = { piece: pieceIndex(0), block: blockIndex(0), slot: NO_SLOT, offset: 0 };
  readonly #pace = new Pace();
  #givenUp = 0;
  #unrequested = 0;

  constructor(peer: PeerView, host: PeerHost, outbox: Outbox) {
    this.#peer = peer;
    this.#host = host;
    this.#outbox = outbox;
  }

  /** Requests that we expect to be answered. */
  get outstanding(): number {
    return this.#requests.size - this.#givenUp;
  }

  /** When the last block arrived, in ms. */
  get lastBlockAt(): number {
    return this.#pace.lastBlockAt;
  }

  /** How many requests we want to keep outstanding at the present rate. */
  target(now: number): number {
    if (this.snubbed) return 1;
    const theirs = this.#peer.remoteQueueLimit ?? DEFAULT_REMOTE_QUEUE;
    return Math.min(this.#pace.target(this.meter.rate(now)), theirs, MAX_OUTSTANDING);
  }

  /** Requests as many blocks as the pipeline has room for. */
  fill(now: number): void {
    if (!this.interested || (this.choked && this.allowedFast === undefined)) return;
    const target = this.target(now);
    const room = target - this.outstanding;
    // Small top-ups are left until a few fit into one write.
    if (room <= 0 || (room < target / 8 && this.outstanding > MIN_OUTSTANDING)) return;
    const picked = this.#host.sink.pick(this.#peer, room, this.#contiguous(now));
    if (picked.length === 0) {
      if (this.outstanding === 0) this.#host.ranDry(this.#peer);
      return;
    }
    const { geometry } = this.#host;
    for (let i = 0; i < picked.length; i++) {
      const piece = picked.piece(i);
      const block = picked.block(i);
      this.#outbox.messages.request(piece, block * BLOCK_SIZE, geometry.blockSize(piece, block));
      this.#forget(this.#key(piece, block));
      this.#requests.set(this.#key(piece, block), now);
    }
  }

  /** The remote sends a block. @throws PeerError if it is no block of the torrent. */
  blockBegins(index: number, begin: number, length: number): void {
    const { geometry } = this.#host;
    if (!geometry.isPiece(index) || !geometry.isBlock(index, begin, length)) {
      throw new PeerError(
        "ERR_PEER_PROTOCOL",
        `piece message for ${index}:${begin}+${length}, which is no block of the torrent`,
      );
    }
    const arriving = this.#arriving;
    arriving.piece = index;
    arriving.block = blockIndex(begin / BLOCK_SIZE);
    arriving.offset = 0;
    arriving.slot = NO_SLOT;
    if (this.#forget(this.#key(index, arriving.block))) {
      arriving.slot = this.#host.sink.blockBegins(this.#peer, index, arriving.block);
      return;
    }
    this.#unrequested += length;
    if (this.#unrequested > MAX_UNREQUESTED_BYTES) {
      throw new PeerError("ERR_PEER_FLOOD", "it keeps sending blocks that were not requested");
    }
  }

  /** Bytes of the block: `chunk[start…end)`. */
  blockBytes(chunk: Uint8Array, start: number, end: number): void {
    const arriving = this.#arriving;
    if (arriving.slot !== NO_SLOT) {
      this.#host.sink.blockBytes(arriving.slot, arriving.offset, chunk, start, end);
    }
    arriving.offset += end - start;
  }

  /** The block is whole. */
  blockEnds(now: number): void {
    const { piece, block, slot, offset } = this.#arriving;
    this.#arriving.slot = NO_SLOT;
    this.#pace.blockCame(now);
    this.snubbed = false;
    this.meter.add(offset, now);
    if (slot === NO_SLOT) this.redundantBytes += offset;
    else this.#host.sink.blockEnds(this.#peer, piece, block, slot);
  }

  /** The remote refuses a request (BEP 6). */
  rejected(index: number, begin: number): void {
    const { geometry } = this.#host;
    if (!geometry.isPiece(index) || begin % BLOCK_SIZE !== 0) return;
    const block = blockIndex(begin / BLOCK_SIZE);
    if (this.#forget(this.#key(index, block)))
      this.#host.sink.requestLost(this.#peer, index, block);
    if (this.choked) this.allowedFast?.delete(index);
  }

  /** Somebody else sent the block: we no longer need it from this peer. */
  cancel(piece: PieceIndex, block: number): void {
    const key = this.#key(piece, block);
    if (!this.#requests.has(key)) return;
    const size = this.#host.geometry.blockSize(piece, blockIndex(block));
    this.#outbox.messages.cancel(piece, block * BLOCK_SIZE, size);
    // The answer may be on its way: with BEP 6 a block or a reject still comes.
    if (!this.#peer.fast) this.#forget(key);
  }

  /** The remote chokes us. Without BEP 6 that drops every request; with it each is refused by itself. */
  nowChoked(): void {
    this.choked = true;
    if (!this.#peer.fast) this.#loseAll();
    this.#pace.restart();
  }

  /** The remote granted a piece for use while choked. */
  allow(index: number): void {
    if (!this.#host.geometry.isPiece(index)) return;
    this.allowedFast ??= new Bitfield(this.#host.geometry.pieceCount);
    this.allowedFast.add(index);
  }

  /** Once a second: sees to requests that are not answered. @returns true if the peer became snubbed. */
  tick(now: number): boolean {
    this.#pace.tick(this.meter.rate(now));
    if (this.outstanding === 0 || this.snubbed) return false;
    const oldest = this.#requests.values().next().value ?? now;
    if (now - Math.max(this.#pace.lastBlockAt, oldest) < SNUB_MS) return false;
    this.snubbed = true;
    for (const [key, at] of this.#requests) {
      if (at === GIVEN_UP) continue;
      this.#requests.set(key, GIVEN_UP);
      this.#givenUp++;
      this.#lost(key);
    }
    return true;
  }

  /** Gives back the arriving block's slot and every request. */
  close(): void {
    if (this.#arriving.slot !== NO_SLOT) this.#host.sink.blockTorn(this.#arriving.slot);
    this.#arriving.slot = NO_SLOT;
    this.#loseAll();
  }

  #key(piece: number, block: number): number {
    return piece * this.#host.geometry.blocksPerPiece + block;
  }

  /** Ends a request; true if there was one. */
  #forget(key: number): boolean {
    const at = this.#requests.get(key);
    if (at === undefined) return false;
    if (at === GIVEN_UP) this.#givenUp--;
    this.#requests.delete(key);
    return true;
  }

  #loseAll(): void {
    const lost = [...this.#requests];
    this.#requests.clear();
    this.#givenUp = 0;
    for (const [key, at] of lost) if (at !== GIVEN_UP) this.#lost(key);
  }

  #lost(key: number): void {
    const per = this.#host.geometry.blocksPerPiece;
    this.#host.sink.requestLost(
      this.#peer,
      pieceIndex(Math.floor(key / per)),
      blockIndex(key % per),
    );
  }

  /** Fast peers get whole pieces to themselves: what they send in 20 s, at most 8 MiB. */
  #contiguous(now: number): number {
    const blocks = Math.min((this.meter.rate(now) * 20) / BLOCK_SIZE, 512);
    const per = this.#host.geometry.blocksPerPiece;
    return blocks < per ? 0 : Math.floor(blocks / per) * per;
  }
}

/** How many requests a rate deserves: doubling each round trip at first, then rate × time. */
class Pace {
  lastBlockAt = Number.NEGATIVE_INFINITY;
  #slowStart = true;
  #blocks = MIN_OUTSTANDING;
  #lastRate = 0;

  blockCame(now: number): void {
    this.lastBlockAt = now;
    if (this.#slowStart) this.#blocks++;
  }

  target(rate: number): number {
    if (this.#slowStart) return this.#blocks;
    return Math.max(Math.ceil((rate * REQUEST_AHEAD_MS) / 1000 / BLOCK_SIZE), MIN_OUTSTANDING);
  }

  /** Slow start ends when the rate grows by less than a tenth in a second. */
  tick(rate: number): void {
    if (this.#slowStart && this.#lastRate > 0 && rate < this.#lastRate * 1.1)
      this.#slowStart = false;
    this.#lastRate = rate;
  }

  restart(): void {
    this.#slowStart = true;
    this.#blocks = MIN_OUTSTANDING;
    this.#lastRate = 0;
  }
}
