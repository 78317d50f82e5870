// Blocks in and out: between the picker that chooses, the peers that carry and the disk that keeps.
import {
  Bitfield,
  BLOCK_SIZE,
  type BlockIndex,
  blockIndex,
  type Clock,
  PieceGeometry,
  type PieceIndex,
  pieceIndex,
  RateMeter,
  type ShoalError,
} from "@shoal/core";
import { type DiskTorrent, type DiskTorrentHandler, NO_SLOT } from "@shoal/disk-io";
import type { BlockSink, BlockSource, PeerView, Picked } from "@shoal/peer";
import { BlockList, type PiecePicker } from "@shoal/picker";
import { Blame, type RateLimit } from "@shoal/policy";
import type { Connection, Sender } from "@shoal/swarm";

/** The geometry of a torrent whose metadata is not known. */
export const NO_PIECES: PieceGeometry = new PieceGeometry(0, BLOCK_SIZE);

/** Whoever sends us a block or is sent one. */
interface Named {
  readonly id: number;
}

/** What the transfer tells the torrent. */
export interface TransferHost {
  readonly clock: Clock;
  /** The connection with this peer id; undefined if it has just ended. */
  connection(id: number): Connection | undefined;
  /** The connection or other sender with this id; undefined if it has just ended. */
  sender(id: number): Sender | undefined;
  pieceStored(piece: PieceIndex): void;
  /** Blocks that were asked for can be asked for anew: somebody idle may want them. */
  blocksReopened(): void;
  /** These entries of the peer list (slots) sent bad blocks of the piece for certain. */
  ban(senders: Iterable<number>, piece: PieceIndex): void;
  /** These took part in a piece that failed. */
  suspect(senders: Iterable<number>, piece: PieceIndex): void;
  /** These took part in a piece that passed; −1 stands for nobody. */
  credit(senders: Iterable<number>): void;
  /** A read that peers wait for has ended. */
  blocksRead(piece: PieceIndex): void;
  readFailed(piece: PieceIndex, error: ShoalError): void;
  writeFailed(error: ShoalError): void;
}

/** Sums over all peers of a torrent. */
export interface TransferTotals {
  readonly downloaded: RateMeter;
  readonly uploaded: RateMeter;
  /** Bytes of blocks that were dropped on arrival or turned out double. */
  redundant: number;
  /** Bytes of pieces with a wrong hash. */
  failed: number;
}

/** The data path of one torrent. */
export class Transfer implements BlockSink, BlockSource, DiskTorrentHandler {
  readonly geometry: PieceGeometry;
  readonly picker: PiecePicker;
  readonly totals: TransferTotals = {
    downloaded: new RateMeter(),
    uploaded: new RateMeter(),
    redundant: 0,
    failed: 0,
  };
  readonly #host: TransferHost;
  readonly #limits: { readonly download: RateLimit; readonly upload: RateLimit };
  /** From the first piece on that fails. */
  #blame: Blame | undefined;
  readonly #picked = new BlockList();
  /** Withdraws requests for the block that was just received; one function for all blocks. */
  readonly #cancel: (id: number) => void;
  readonly #received = { piece: pieceIndex(0), block: blockIndex(0) };
  #disk: DiskTorrent | undefined;
  #isChecking = false;

  constructor(
    host: TransferHost,
    picker: PiecePicker,
    geometry: PieceGeometry,
    limits: { readonly download: RateLimit; readonly upload: RateLimit },
  ) {
    this.#host = host;
    this.picker = picker;
    this.geometry = geometry;
    this.#limits = limits;
    const received = this.#received;
    this.#cancel = (id) => host.sender(id)?.cancel(received.piece, received.block);
  }

  /** Whether the torrent's pieces are known. */
  get hasMetadata(): boolean {
    return this.geometry !== NO_PIECES;
  }

  /** Every wanted piece is stored. */
  get isFinished(): boolean {
    return this.hasMetadata && this.picker.isFinished;
  }

  /** Names the opened data; nothing else may be called before. */
  useDisk(disk: DiskTorrent): void {
    this.#disk = disk;
  }

  /** Has failed writes done again, when those under way have ended: a late failure would undo it. */
  async retry(): Promise<void> {
    // A check of nothing waits for everything.
    await this.disk.check({ pieces: new Bitfield(this.geometry.pieceCount) });
    this.disk.retry();
  }

  /** All data on disk is being checked: until `checked` no piece counts as had. */
  checking(): void {
    this.#isChecking = true;
  }

  /** These pieces are good; none if undefined. */
  checked(good: Bitfield | undefined): void {
    this.#isChecking = false;
    for (let i = 0; i < this.geometry.pieceCount; i++) {
      if (good?.has(i)) this.picker.stored(pieceIndex(i));
      else if (this.picker.have.has(i)) this.#lost(pieceIndex(i));
    }
  }

  // --- download ---

  pick(peer: PeerView, count: number, contiguous: number): Picked {
    this.#picked.clear();
    const allowed = peer.download.choked ? peer.download.allowedFast : undefined;
    const connection = this.#host.connection(peer.id);
    if (connection !== undefined) {
      this.picker.pick(connection, count, contiguous, allowed, this.#picked);
    }
    return this.#picked;
  }

  blockBegins(peer: Named, piece: PieceIndex, block: BlockIndex): number {
    if (this.picker.isWanted(piece, block)) {
      const slot = this.disk.allocate(piece, block);
      if (slot !== NO_SLOT) return slot;
    }
    this.totals.redundant += this.geometry.blockSize(piece, block);
    this.picker.abandoned(peer.id, piece, block);
    return NO_SLOT;
  }

  blockBytes(slot: number, offset: number, chunk: Uint8Array, start: number, end: number): void {
    this.disk.copyIn(slot, offset, chunk, start, end);
  }

  blockEnds(peer: Named, piece: PieceIndex, block: BlockIndex, slot: number): void {
    const size = this.geometry.blockSize(piece, block);
    const sender = this.#host.sender(peer.id)?.slot ?? -1;
    const result = this.picker.received(peer.id, piece, block, sender);
    if (result === "unwanted") {
      this.disk.free(slot);
      this.totals.redundant += size;
      return;
    }
    this.totals.downloaded.add(size, this.#host.clock.now());
    this.#received.piece = piece;
    this.#received.block = block;
    this.picker.otherRequesters(piece, block, peer.id, this.#cancel);
    this.disk.put(piece, block, slot);
    if (result === "complete") this.disk.complete(piece);
  }

  blockTorn(slot: number): void {
    this.disk.free(slot);
  }

  requestLost(peer: Named, piece: PieceIndex, block: BlockIndex): void {
    this.picker.abandoned(peer.id, piece, block);
    this.#host.blocksReopened();
  }

  payDownload(peer: Named, bytes: number, now: number): number {
    if (this.#limits.download.isUnlimited) return 0;
    const limit = this.#host.sender(peer.id)?.downloadLimit;
    return limit === undefined ? 0 : bytes - limit.take(bytes, now);
  }

  // --- upload ---

  hasPiece(piece: PieceIndex): boolean {
    return !this.#isChecking && this.picker.have.has(piece);
  }

  pin(peer: PeerView, piece: PieceIndex, block: BlockIndex): number {
    return this.disk.pin(piece, block, peer.id);
  }

  prefetch(peer: PeerView, piece: PieceIndex, block: BlockIndex): void {
    const slot = this.disk.pin(piece, block, peer.id);
    if (slot !== NO_SLOT) this.disk.unpin(slot);
  }

  view(slot: number, start: number, end: number): Uint8Array {
    return this.disk.view(slot, start, end);
  }

  unpin(slot: number): void {
    this.disk.unpin(slot);
  }

  sent(peer: PeerView, bytes: number, now: number): number {
    this.totals.uploaded.add(bytes, now);
    return this.payUpload(peer, bytes, now);
  }

  payUpload(peer: PeerView, bytes: number, now: number): number {
    if (this.#limits.upload.isUnlimited) return 0;
    const limit = this.#host.connection(peer.id)?.uploadLimit;
    return limit === undefined ? 0 : bytes - limit.take(bytes, now);
  }

  // --- the disk's answers ---

  pieceStored(piece: PieceIndex, blockDigests?: Uint8Array): void {
    this.#host.credit(new Set(this.picker.contributors(piece)));
    if (this.#blame !== undefined) {
      const { ban, cleared } = this.#blame.passed(piece, blockDigests);
      if (cleared.length > 0) this.#host.credit(cleared);
      if (ban.length > 0) this.#host.ban(ban, piece);
    }
    this.picker.stored(piece);
    this.#host.pieceStored(piece);
  }

  pieceFailed(piece: PieceIndex, blockDigests: Uint8Array): void {
    this.totals.failed += this.geometry.pieceSize(piece);
    this.#blame ??= new Blame();
    const verdict = this.#blame.failed(piece, blockDigests, this.picker.failed(piece));
    if (verdict.parole.length > 0) this.#host.suspect(verdict.parole, piece);
    if (verdict.ban.length > 0) this.#host.ban(verdict.ban, piece);
    this.#host.blocksReopened();
  }

  /** Nobody is blamed any more for what this entry of the peer list sent. */
  forgetSender(slot: number): void {
    this.#blame?.forget(slot);
  }

  blocksRead(piece: PieceIndex): void {
    this.#host.blocksRead(piece);
  }

  readFailed(piece: PieceIndex, error: ShoalError): void {
    this.#host.readFailed(piece, error);
  }

  writeFailed(error: ShoalError): void {
    this.#host.writeFailed(error);
  }

  /** What is cached of the piece is as bad as what was checked, and must not stand in the way. */
  #lost(piece: PieceIndex): void {
    this.picker.lost(piece);
    this.disk.discard(piece);
  }

  get disk(): DiskTorrent {
    if (this.#disk === undefined) throw new Error("the torrent's data is not open yet");
    return this.#disk;
  }
}
