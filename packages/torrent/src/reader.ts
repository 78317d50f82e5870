// Reading a file while it is still being downloaded: a window of urgent pieces moves along.
import {
  BLOCK_SIZE,
  blockIndex,
  type PieceGeometry,
  type PieceIndex,
  pieceIndex,
} from "@shoal/core";
import { NO_SLOT } from "@shoal/disk-io";
import type { TorrentFile } from "@shoal/metainfo";
import { TorrentError } from "./error.ts";
import type { Transfer } from "./transfer.ts";

/** How many bytes ahead of a reader are fetched before everything else. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;

/** The requester number that stands for readers in the cache. */
const READER = -1;

/** A range of a file in bytes. */
export interface ReadRange {
  /** First byte; 0 by default. */
  readonly start?: number;
  /** One past the last byte; the file's length by default. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/** A reader that waits for a piece, or for a block of it to be read. */
interface Waiting {
  readonly piece: PieceIndex;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** All readers of one torrent. */
export class Reader {
  readonly #transfer: Transfer;
  readonly #geometry: PieceGeometry;
  /** Called when urgent pieces changed. */
  readonly #onUrgent: () => void;
  readonly #windows: Set<{ pieces: readonly PieceIndex[] }> = new Set();
  readonly #waiting: Set<Waiting> = new Set();
  #closed: Error | undefined;

  constructor(transfer: Transfer, onUrgent: () => void) {
    this.#transfer = transfer;
    this.#geometry = transfer.geometry;
    this.#onUrgent = onUrgent;
  }

  /** See `TorrentFileHandle.stream`. */
  async *read(file: TorrentFile, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    const { start = 0, end = file.length, signal } = range;
    const isRange = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end;
    if (!isRange || end > file.length) {
      throw new TorrentError(
        "ERR_TORRENT_RANGE",
        `bytes ${start}–${end} are not inside the file's 0–${file.length}`,
      );
    }
    const window: { pieces: readonly PieceIndex[] } = { pieces: [] };
    this.#windows.add(window);
    const wake = (): void => this.wake();
    signal?.addEventListener("abort", wake);
    try {
      const last = file.offset + end;
      for (let at = file.offset + start; at < last; ) {
        const piece = pieceIndex(Math.floor(at / this.#geometry.pieceLength));
        this.#setWindow(window, piece, last);
        const inPiece = at - this.#geometry.pieceOffset(piece);
        const block = Math.floor(inPiece / BLOCK_SIZE);
        const from = inPiece - block * BLOCK_SIZE;
        const size = this.#geometry.blockSize(piece, blockIndex(block));
        const to = Math.min(size, from + last - at);
        yield await this.#block(piece, block, from, to, signal);
        at += to - from;
      }
    } finally {
      signal?.removeEventListener("abort", wake);
      this.#windows.delete(window);
      this.#hurry();
    }
  }

  /** Something changed that readers may wait for: a piece was stored, blocks were read. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { resolve } of waiting) resolve();
  }

  /** A read failed: ends those who wait for the piece. */
  fail(piece: PieceIndex, error: Error): void {
    for (const waiting of this.#waiting) {
      if (waiting.piece !== piece) continue;
      this.#waiting.delete(waiting);
      waiting.reject(error);
    }
  }

  /** Ends every reader, also later ones. */
  close(error: Error): void {
    this.#closed = error;
    this.wake();
  }

  /** A copy of bytes `from`–`to` of the block, when the piece is there and in the cache. */
  async #block(
    piece: PieceIndex,
    block: number,
    from: number,
    to: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#closed !== undefined) throw this.#closed;
      // Looked at each time: a recheck may find that the piece is bad.
      if (this.#transfer.hasPiece(piece)) {
        const { disk } = this.#transfer;
        const slot = disk.pin(piece, blockIndex(block), READER);
        if (slot !== NO_SLOT) {
          // Not `slice`: of a Buffer that would be another view of memory which is used again.
          const copy = new Uint8Array(disk.view(slot, from, to));
          disk.unpin(slot);
          return copy;
        }
      }
      await new Promise<void>((resolve, reject) => this.#waiting.add({ piece, resolve, reject }));
    }
  }

  #setWindow(window: { pieces: readonly PieceIndex[] }, piece: PieceIndex, last: number): void {
    if (window.pieces[0] === piece) return;
    const until = Math.min(last, this.#geometry.pieceOffset(piece) + READ_AHEAD_BYTES);
    const pieces: PieceIndex[] = [];
    for (let p = piece as number; p * this.#geometry.pieceLength < until; p++) {
      pieces.push(pieceIndex(p));
    }
    window.pieces = pieces;
    this.#hurry();
  }

  #hurry(): void {
    this.#transfer.picker.setUrgent([...this.#windows].flatMap((window) => window.pieces));
    this.#onUrgent();
  }
}
