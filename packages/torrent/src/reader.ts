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

/** All readers of one torrent. */
export class Reader {
  readonly #transfer: Transfer;
  readonly #geometry: PieceGeometry;
  /** Called when urgent pieces changed. */
  readonly #onUrgent: () => void;
  readonly #windows: Set<{ pieces: readonly PieceIndex[] }> = new Set();
  readonly #waiting: Set<{ resolve: () => void; reject: (error: Error) => void }> = new Set();
  #closed: Error | undefined;

  constructor(transfer: Transfer, onUrgent: () => void) {
    this.#transfer = transfer;
    this.#geometry = transfer.geometry;
    this.#onUrgent = onUrgent;
  }

  /** See `TorrentFileHandle.stream`. */
  async *read(file: TorrentFile, range: ReadRange = {}): AsyncGenerator<Uint8Array> {
    const { start = 0, end = file.length, signal } = range;
    if (!(start >= 0 && start <= end && end <= file.length)) {
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
        await this.#until(() => this.#transfer.hasPiece(piece), signal);
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

  /** Ends those who wait now with an error. */
  fail(error: Error): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** Ends every reader, also later ones. */
  close(error: Error): void {
    this.#closed = error;
    this.fail(error);
  }

  async #block(
    piece: PieceIndex,
    block: number,
    from: number,
    to: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const { disk } = this.#transfer;
    for (;;) {
      const slot = disk.pin(piece, blockIndex(block), READER);
      if (slot !== NO_SLOT) {
        const copy = disk.view(slot, from, to).slice();
        disk.unpin(slot);
        return copy;
      }
      await this.#until(undefined, signal);
    }
  }

  /** Waits until `ready`, or (without it) for the next wake. */
  async #until(ready: (() => boolean) | undefined, signal: AbortSignal | undefined): Promise<void> {
    do {
      signal?.throwIfAborted();
      if (this.#closed !== undefined) throw this.#closed;
      if (ready?.()) return;
      await new Promise<void>((resolve, reject) => this.#waiting.add({ resolve, reject }));
    } while (ready !== undefined);
    signal?.throwIfAborted();
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
