// Which pieces there is data of, as far as files tell without being read.
import type { Stats } from "node:fs";
import type { MaybePromise } from "./contract.ts";
import type { FilePlan } from "./file-plan.ts";
import { loadNative, type Native } from "./native.ts";

/** A file of the torrent. */
export interface PlacedFile {
  /** Where it begins in the torrent's bytes. */
  readonly offset: number;
  /** Bytes that it should have. */
  readonly length: number;
  /** What it is; undefined if it is not there. */
  readonly stats: Pick<Stats, "size" | "blocks"> | undefined;
  /** Opens it to be read; undefined if it is gone. */
  readonly open: () => number | undefined;
}

/** With fewer bytes in holes, reading them is quicker than to load what can find them. */
const MANY_HOLES = 256 * 1024 * 1024;
/** The unit of `stat.blocks`, whatever the file system's is. */
const UNIT = 512;

/**
 * All pieces but those that need bytes beyond the end of a file and, on Linux with koffi, those that
 * lie in a hole of one: it reads as zeros.
 */
export function presentPieces(
  plan: FilePlan,
  files: readonly PlacedFile[],
  load: () => Promise<Native | undefined> = loadNative,
): MaybePromise<number[]> {
  const isAbsent = new Uint8Array(plan.pieceCount);
  const sparse: PlacedFile[] = [];
  let holes = 0;
  for (const file of files) {
    const { offset, length, stats } = file;
    const size = Math.min(stats?.size ?? 0, length);
    if (size < length) {
      const first = Math.floor((offset + size) / plan.pieceLength);
      isAbsent.fill(1, first, Math.ceil((offset + length) / plan.pieceLength));
    }
    const hole = size - (stats?.blocks ?? 0) * UNIT;
    if (hole <= 0) continue;
    // Only a hint: some file systems say 0 of files full of data, and others compress.
    holes += hole;
    sparse.push(file);
  }
  const present = (): number[] => [...isAbsent.keys()].filter((piece) => isAbsent[piece] === 0);
  if (holes < MANY_HOLES) return present();
  return load().then((native) => {
    const nextData = native?.nextData;
    if (nextData !== undefined) for (const file of sparse) mark(isAbsent, plan, file, nextData);
    return present();
  });
}

/** Marks the pieces that lie in holes of the file, all of them. */
function mark(
  isAbsent: Uint8Array,
  { pieceLength }: FilePlan,
  { offset, length, open }: PlacedFile,
  nextData: NonNullable<Native["nextData"]>,
): void {
  const fd = open();
  if (fd === undefined) return;
  const last = Math.floor((offset + length) / pieceLength);
  for (let piece = Math.ceil(offset / pieceLength); piece < last; ) {
    const data = offset + nextData(fd, piece * pieceLength - offset);
    const next = Math.min(last, Math.floor(data / pieceLength));
    isAbsent.fill(1, piece, next);
    piece = next + 1;
  }
}
