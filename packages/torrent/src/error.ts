// What can go wrong with a torrent as a whole: typed errors with stable codes.
import { ShoalError } from "@shoal/core";

/**
 * Codes: `ERR_TORRENT_CLOSED` (used after close or removal), `ERR_TORRENT_FILE` (no such file
 * index), `ERR_TORRENT_PRIORITY` (not 0–7), `ERR_TORRENT_RANGE` (a byte range outside the file),
 * `ERR_TORRENT_STATE` (not possible in this state). Disk and tracker errors keep their own types and
 * codes.
 */
export class TorrentError extends ShoalError {
  override readonly name: string = "TorrentError";
}
