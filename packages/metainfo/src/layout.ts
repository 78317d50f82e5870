// How a torrent's bytes lie in pieces and files.
import type { TorrentFile } from "./metainfo.ts";

const MIN_PIECE_LENGTH = 16_384;
const MAX_PIECE_LENGTH = 16_777_216;
const MAX_PIECES = 2000;

/**
 * A good piece length for that many bytes: the power of two from 16 KiB to 16 MiB that gives 1000 to
 * 2000 pieces, as far as there is one.
 */
export function choosePieceLength(totalLength: number): number {
  let pieceLength = MIN_PIECE_LENGTH;
  while (pieceLength < MAX_PIECE_LENGTH && totalLength / pieceLength > MAX_PIECES) pieceLength *= 2;
  return pieceLength;
}

/** Some bytes of one file. */
export interface FileSlice {
  /** Index of the file. */
  readonly file: number;
  /** Where they begin in the file. */
  readonly fileOffset: number;
  /** At least 1. */
  readonly length: number;
}

/**
 * The parts of files that a range of the torrent's bytes covers, in order. Empty files have none;
 * what lies beyond the last file is left out.
 *
 * @param files In the torrent's order, offsets ascending without gaps.
 */
export function locate(
  files: readonly Pick<TorrentFile, "offset" | "length">[],
  offset: number,
  length: number,
): FileSlice[] {
  const slices: FileSlice[] = [];
  const end = offset + length;
  for (let index = fileAt(files, offset); index < files.length; index++) {
    const file = files[index];
    if (file === undefined || file.offset >= end) break;
    const from = Math.max(offset, file.offset);
    const to = Math.min(end, file.offset + file.length);
    if (to > from) slices.push({ file: index, fileOffset: from - file.offset, length: to - from });
  }
  return slices;
}

/** The index of the last file that begins at or before `offset`. */
function fileAt(files: readonly Pick<TorrentFile, "offset">[], offset: number): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((files[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
