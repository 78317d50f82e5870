// Which requests bring which bytes of a torrent.
import type { BlockFacts, ByteRun, PieceGeometry } from "@shoal/core";

/** Bytes that one request brings, or that are zeros and need none. */
export interface Stretch {
  /** Where it begins in the torrent. */
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
  /** The file (BEP 19) or piece (BEP 17) that it is in. */
  readonly index: number;
  /** Where it begins in that file or piece. */
  readonly start: number;
  /** Zeros of a pad file (BEP 47), which servers don't have. */
  readonly isPad: boolean;
}

type Files = BlockFacts["files"];

/** The stretches of a run, in order, each within one file. */
export function planFiles(run: ByteRun, files: Files): Stretch[] {
  const stretches: Stretch[] = [];
  const end = run.offset + run.length;
  for (let index = fileAt(run.offset, files); index < files.length; index++) {
    const { offset: begin = 0, length: size = 0, pad: isPad = false } = files[index] ?? {};
    if (begin >= end) break;
    const offset = Math.max(begin, run.offset);
    const length = Math.min(begin + size, end) - offset;
    if (length > 0) stretches.push({ offset, length, index, start: offset - begin, isPad });
  }
  return stretches;
}

/** The stretches of a run, in order, each within one piece. */
export function planPieces(run: ByteRun, files: Files, geometry: PieceGeometry): Stretch[] {
  const { pieceLength } = geometry;
  const stretches: Stretch[] = [];
  for (const { offset: begin, length: size, isPad } of planFiles(run, files)) {
    for (let offset = begin; offset < begin + size; ) {
      const index = Math.floor(offset / pieceLength);
      const length = Math.min(begin + size, (index + 1) * pieceLength) - offset;
      const start = offset - index * pieceLength;
      const last = stretches.at(-1);
      if (last?.index === index && last.isPad === isPad) {
        stretches[stretches.length - 1] = { ...last, length: last.length + length };
      } else {
        stretches.push({ offset, length, index, start, isPad });
      }
      offset += length;
    }
  }
  return stretches;
}

/** The last file that begins at or before `offset`, but empty ones: they may share it. */
function fileAt(offset: number, files: Files): number {
  let low = 0;
  let high = files.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if ((files[middle]?.offset ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}
