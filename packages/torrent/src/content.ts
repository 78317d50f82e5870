// What can be transferred of a torrent: pieces, files and readers. Nothing while there is no metadata.
import type { PieceIndex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { Magnet, Metainfo } from "@shoal/metainfo";
import { PiecePicker } from "@shoal/picker";
import type { RateLimit } from "@shoal/policy";
import type { Swarm } from "@shoal/swarm";
import type { Discipline } from "./discipline.ts";
import { type FilePriority, FileSet } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import type { Lanes } from "./lanes.ts";
import { prioritiesOf } from "./metadata.ts";
import { Reader } from "./reader.ts";
import { NO_PIECES, Transfer } from "./transfer.ts";

/** The pieces of one torrent on their way, and what users see of them. */
export interface Content {
  readonly transfer: Transfer;
  readonly files: FileSet;
  readonly reader: Reader;
}

/** What the content tells its torrent. */
export interface ContentHost {
  pieceStored(piece: PieceIndex): void;
  /** Writing failed. */
  diskFailed(error: Error): void;
  /** What was verified can't be read: it is missing, shorter, replaced or unreadable. */
  dataLost(error: Error): void;
}

/** Those around the content, who may be made after it. */
export interface Neighbours {
  readonly swarm: Swarm;
  readonly lanes: Lanes;
  readonly discipline: Discipline;
}

/** @param metainfo undefined as long as it is not known. */
export function makeContent(
  session: TorrentHost,
  metainfo: Metainfo | undefined,
  host: ContentHost,
  limits: { readonly download: RateLimit; readonly upload: RateLimit },
  around: Neighbours,
): Content {
  const geometry = metainfo?.geometry ?? NO_PIECES;
  const transfer: Transfer = new Transfer(
    {
      clock: session.clock,
      connection: (id) => around.swarm.connections.get(id),
      sender: (id) => around.swarm.connections.get(id) ?? around.lanes.get(id),
      pieceStored: (piece) => host.pieceStored(piece),
      blocksReopened: () => {
        around.swarm.wakeIdle();
        around.lanes.wake();
      },
      ban: (senders, piece) => around.discipline.ban(senders, piece),
      suspect: (senders, piece) => around.discipline.suspect(senders, piece),
      credit: (senders) => around.discipline.credit(senders),
      blocksRead: () => {
        around.swarm.blocksRead();
        reader.wake();
      },
      readFailed: (piece, error) => {
        around.swarm.readFailed(piece);
        reader.fail(piece, error);
        host.dataLost(error);
      },
      writeFailed: (error) => host.diskFailed(error),
    },
    new PiecePicker({ geometry, rng: session.rng }),
    geometry,
    limits,
  );
  const reader: Reader = new Reader(transfer, () => {
    around.swarm.reviewInterest();
    around.lanes.wake();
  });
  const files = new FileSet(metainfo?.files ?? [], geometry, transfer.picker, reader);
  return { transfer, files, reader };
}

/**
 * Applies what the user and the magnet link want of the files; of a magnet link, as far as these
 * exist.
 *
 * @throws TorrentError `ERR_TORRENT_FILE`, `ERR_TORRENT_PRIORITY`.
 */
export function applyWishes(
  { files }: Content,
  origin: Metainfo | Magnet,
  wishes: ReadonlyMap<number, FilePriority>,
): void {
  const { length } = files.handles;
  files.setPriorities(isComplete(origin) ? wishes : prioritiesOf(origin, wishes, length));
}

/** Opens the torrent's data for its transfer. @throws DiskError if the store can't be opened. */
export async function openData(
  session: TorrentHost,
  { store }: TorrentInit,
  metainfo: Metainfo,
  infoHash: string,
  transfer: Transfer,
): Promise<DiskTorrent> {
  const { geometry, pieceHashes, files } = metainfo;
  const { pieceLength, totalLength } = geometry;
  const disk = await session.disk.open({
    geometry,
    pieceHashes,
    layout: { id: infoHash, pieceLength, totalLength, files },
    store,
    handler: transfer,
  });
  transfer.useDisk(disk);
  return disk;
}
