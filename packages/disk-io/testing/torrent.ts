// What the tests of this package share: torrents of random bytes and handlers that take notes.
import { createHash } from "node:crypto";
import {
  BLOCK_SIZE,
  type BlockIndex,
  blockIndex,
  createRng,
  PieceGeometry,
  type PieceIndex,
  pieceIndex,
  type ShoalError,
} from "@shoal/core";
import {
  type DiskTorrent,
  type DiskTorrentHandler,
  type DiskTorrentSpec,
  NO_SLOT,
  type StoreFactory,
  type StoreFile,
  type StoreLayout,
} from "../src/contract.ts";

/** A torrent and all of its bytes. */
export interface Fixture {
  readonly bytes: Buffer;
  readonly geometry: PieceGeometry;
  readonly pieceHashes: Uint8Array;
  readonly layout: StoreLayout;
}

/** Notes of what a handler was told, and a way to wait for more. */
export interface Notes extends DiskTorrentHandler {
  readonly stored: number[];
  readonly failed: { piece: number; digests: Uint8Array }[];
  readonly goodDigests: [piece: number, digests: Uint8Array][];
  readonly read: number[];
  readonly readErrors: ShoalError[];
  readonly writeErrors: ShoalError[];
  /** Resolves when `condition` holds after a call. */
  until(condition: () => boolean): Promise<void>;
}

/** A torrent of pseudo-random bytes in files of these lengths (one by default). */
export function fixture(
  pieceLength: number,
  files: readonly (number | Partial<StoreFile>)[],
  seed = 1,
): Fixture {
  const list: StoreFile[] = [];
  let offset = 0;
  for (const [i, entry] of files.entries()) {
    const given = typeof entry === "number" ? { length: entry } : entry;
    const file: StoreFile = {
      path: [`file${i}`],
      length: 0,
      pad: false,
      executable: false,
      symlink: undefined,
      ...given,
      offset,
    };
    list.push(file);
    offset += file.length;
  }
  const bytes = randomBytes(offset, seed);
  for (const file of list) if (file.pad) bytes.fill(0, file.offset, file.offset + file.length);
  const geometry = new PieceGeometry(offset, pieceLength);
  const pieceHashes = new Uint8Array(geometry.pieceCount * 20);
  for (let i = 0; i < geometry.pieceCount; i++) {
    const piece = bytes.subarray(i * pieceLength, (i + 1) * pieceLength);
    pieceHashes.set(createHash("sha1").update(piece).digest(), i * 20);
  }
  const layout = { id: `fixture-${seed}`, pieceLength, totalLength: offset, files: list };
  return { bytes, geometry, pieceHashes, layout };
}

/** What to open, with a handler that takes notes. */
export function specOf(
  { geometry, pieceHashes, layout }: Fixture,
  store: StoreFactory,
  handler: DiskTorrentHandler,
): DiskTorrentSpec {
  return { geometry, pieceHashes, layout, store, handler };
}

export function notes(): Notes {
  let wake: (() => void)[] = [];
  const changed = (): void => {
    const waiting = wake;
    wake = [];
    for (const go of waiting) go();
  };
  const stored: number[] = [];
  const failed: { piece: number; digests: Uint8Array }[] = [];
  const goodDigests: [number, Uint8Array][] = [];
  const read: number[] = [];
  const readErrors: ShoalError[] = [];
  const writeErrors: ShoalError[] = [];
  const noted = (note: unknown): void => {
    void note;
    changed();
  };
  return {
    stored,
    failed,
    goodDigests,
    read,
    readErrors,
    writeErrors,
    pieceStored: (piece, digests) => {
      if (digests !== undefined) goodDigests.push([piece, digests]);
      noted(stored.push(piece));
    },
    pieceFailed: (piece, digests) => noted(failed.push({ piece, digests })),
    blocksRead: (piece) => noted(read.push(piece)),
    readFailed: (_, error) => noted(readErrors.push(error)),
    writeFailed: (error) => noted(writeErrors.push(error)),
    until: async (condition) => {
      while (!condition()) await new Promise<void>((resolve) => wake.push(resolve));
    },
  };
}

/** Lets one block arrive in two chunks; false if there was no slot. */
export function arrive(
  torrent: DiskTorrent,
  { bytes, geometry }: Fixture,
  piece: PieceIndex,
  block: BlockIndex,
): boolean {
  const slot = torrent.allocate(piece, block);
  if (slot === NO_SLOT) return false;
  const start = geometry.pieceOffset(piece) + block * BLOCK_SIZE;
  const size = geometry.blockSize(piece, block);
  const half = size >> 1;
  torrent.copyIn(slot, 0, bytes, start, start + half);
  torrent.copyIn(slot, half, bytes, start + half, start + size);
  torrent.put(piece, block, slot);
  return true;
}

/** Lets a whole piece arrive and completes it; waits where the cache is full. */
export async function download(
  torrent: DiskTorrent,
  torrentData: Fixture,
  index: number,
): Promise<void> {
  const piece = pieceIndex(index);
  const blocks = torrentData.geometry.blockCount(piece);
  for (let block = blockIndex(0); block < blocks; block++) {
    while (!arrive(torrent, torrentData, piece, block)) await turn();
  }
  torrent.complete(piece);
}

/** Pins a block, waiting for its read if need be, and copies it. */
export async function readBlock(
  torrent: DiskTorrent,
  handler: Notes,
  { geometry }: Fixture,
  piece: PieceIndex,
  block: BlockIndex,
  requester = 1,
): Promise<Buffer> {
  for (;;) {
    const seen = handler.read.length + handler.readErrors.length;
    const slot = torrent.pin(piece, block, requester);
    if (slot !== NO_SLOT) {
      const bytes = Buffer.from(torrent.view(slot, 0, geometry.blockSize(piece, block)));
      torrent.unpin(slot);
      return bytes;
    }
    await handler.until(() => handler.read.length + handler.readErrors.length > seen);
    const error = handler.readErrors.at(-1);
    if (error !== undefined) throw error;
  }
}

/** The next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function randomBytes(length: number, seed: number): Buffer {
  const rng = createRng(seed);
  const bytes = Buffer.allocUnsafe(length);
  // A short random stretch, repeated with a running number: unlike bytes everywhere, made fast.
  const stretch = Uint8Array.from({ length: 4099 }, () => Math.floor(rng() * 256));
  for (let at = 0, n = 0; at < length; at += stretch.length, n++) {
    stretch[0] = n;
    stretch[1] = n >> 8;
    bytes.set(stretch.subarray(0, Math.min(stretch.length, length - at)), at);
  }
  return bytes;
}
