// Which pieces need not be read by a check, because the files they lie in are as they were.
import { Bitfield } from "@shoal/core";
import type { CheckTrust, FileFact, StoreLayout } from "./contract.ts";

/**
 * The pieces that lie entirely in files whose size and time are those that the caller remembers: what
 * it says of them is true.
 *
 * @param now The files as they are; undefined if the store can't tell.
 */
export function unchangedPieces(
  { files, pieceLength, totalLength }: StoreLayout,
  { files: then }: CheckTrust,
  now: readonly FileFact[] | undefined,
): Bitfield {
  const unchanged = new Bitfield(Math.ceil(totalLength / pieceLength));
  if (now === undefined || then.length !== files.length || now.length !== files.length) {
    return unchanged;
  }
  unchanged.fill();
  for (const [i, { offset, length }] of files.entries()) {
    if (length === 0 || isSame(then[i], now[i])) continue;
    const last = Math.floor((offset + length - 1) / pieceLength);
    for (let piece = Math.floor(offset / pieceLength); piece <= last; piece++) {
      unchanged.delete(piece);
    }
  }
  return unchanged;
}

function isSame(a: FileFact | undefined, b: FileFact | undefined): boolean {
  return a !== undefined && a.size === b?.size && a.mtimeMs === b.mtimeMs;
}
