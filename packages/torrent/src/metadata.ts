// The info dictionary of a magnet link, when it has come: checked, and joined with what the link says.
import { copyBytes, equalBytes } from "@shoal/core";
import { type Magnet, type Metainfo, parseInfo } from "@shoal/metainfo";
import { TorrentError } from "./error.ts";
import type { FilePriority } from "./files.ts";

/** The v1 info-hash. @throws TorrentError `ERR_TORRENT_STATE` for a torrent without one. */
export function infoHashOf({ infoHashes }: Metainfo | Magnet): Uint8Array {
  if (infoHashes.v1 !== undefined) return infoHashes.v1;
  throw new TorrentError("ERR_TORRENT_STATE", "a torrent without v1 hashes can't be run yet");
}

/** Whether these bytes are the info dictionary that the link names. */
export function isInfoOf(
  magnet: Magnet,
  infoBytes: Uint8Array,
  sha1: (bytes: Uint8Array) => Uint8Array,
): boolean {
  return equalBytes(sha1(infoBytes), infoHashOf(magnet));
}

/**
 * The torrent that link and info dictionary describe together.
 *
 * @throws MetainfoError if it has the right hash and is no good nevertheless.
 */
export function joinMetainfo(
  { trackers, webSeeds, nodes }: Magnet,
  infoBytes: Uint8Array,
  sha1: (bytes: Uint8Array) => Uint8Array,
): Metainfo {
  return { ...parseInfo(copyBytes(infoBytes), { sha1 }), trackers, webSeeds, nodes };
}

/** What the link's choice of files (BEP 53) and the user's wishes come to; the latter count more. */
export function prioritiesOf(
  { selectOnly }: Magnet,
  wishes: ReadonlyMap<number, FilePriority>,
  fileCount: number,
): Map<number, FilePriority> {
  const priorities = new Map<number, FilePriority>();
  for (let index = 0; index < fileCount; index++) {
    const isChosen = selectOnly?.some(({ first, last }) => first <= index && index <= last);
    const priority = wishes.get(index) ?? (isChosen === false ? 0 : undefined);
    if (priority !== undefined) priorities.set(index, priority);
  }
  return priorities;
}
