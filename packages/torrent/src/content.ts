// What can be transferred of a torrent: pieces, files and readers. Nothing while there is no metadata.
import { type Clock, type PieceIndex, type ShoalError, toHex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { Magnet, Metainfo } from "@shoal/metainfo";
import { PiecePicker } from "@shoal/picker";
import type { RateLimit } from "@shoal/policy";
import type { Connection, Sender, Swarm } from "@shoal/swarm";
import type { Discipline } from "./discipline.ts";
import { type FilePriority, FileSet } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import type { Lanes } from "./lanes.ts";
import { infoHashOf, prioritiesOf } from "./metadata.ts";
import { Reader } from "./reader.ts";
import { NO_PIECES, Transfer, type TransferHost } from "./transfer.ts";

/** What the content asks of its torrent, and tells it. */
export interface ContentHost {
  readonly session: TorrentHost;
  /** The torrent's own rate limits. */
  readonly limits: { readonly download: RateLimit; readonly upload: RateLimit };
  readonly swarm: Swarm;
  readonly lanes: Lanes | undefined;
  readonly discipline: Discipline;
  pieceStored(piece: PieceIndex): void;
  /** Writing failed. */
  diskFailed(error: Error): void;
  /** What was verified can't be read: it is missing, shorter, replaced or unreadable. */
  dataLost(error: Error): void;
}

/** The pieces of one torrent on their way, and what users see of them. */
export class Content implements TransferHost {
  readonly transfer: Transfer;
  readonly files: FileSet;
  readonly #host: ContentHost;
  #reader: Reader | undefined;

  /** @param metainfo undefined as long as it is not known. */
  constructor(host: ContentHost, metainfo: Metainfo | undefined) {
    const geometry = metainfo?.geometry ?? NO_PIECES;
    const picker = new PiecePicker({ geometry, rng: host.session.rng });
    this.#host = host;
    this.transfer = new Transfer(this, picker, geometry, host.limits);
    this.files = new FileSet(metainfo?.files ?? [], geometry, picker, this);
  }

  /** All who read files; made for the first. */
  get reader(): Reader {
    this.#reader ??= new Reader(this.transfer, () => {
      this.#host.swarm.reviewInterest();
      this.#host.lanes?.wake();
    });
    return this.#reader;
  }

  /** Pieces have come that readers may wait for. */
  wakeReaders(): void {
    this.#reader?.wake();
  }

  get clock(): Clock {
    return this.#host.session.clock;
  }

  connection(id: number): Connection | undefined {
    return this.#host.swarm.connections.get(id);
  }

  sender(id: number): Sender | undefined {
    return this.#host.swarm.connections.get(id) ?? this.#host.lanes?.get(id);
  }

  pieceStored(piece: PieceIndex): void {
    this.#host.pieceStored(piece);
  }

  blocksReopened(): void {
    this.#host.swarm.wakeIdle();
    this.#host.lanes?.wake();
  }

  ban(senders: Iterable<number>, piece: PieceIndex): void {
    this.#host.discipline.ban(senders, piece);
  }

  suspect(senders: Iterable<number>, piece: PieceIndex): void {
    this.#host.discipline.suspect(senders, piece);
  }

  credit(senders: Iterable<number>): void {
    this.#host.discipline.credit(senders);
  }

  blocksRead(): void {
    this.#host.swarm.blocksRead();
    this.wakeReaders();
  }

  readFailed(piece: PieceIndex, error: ShoalError): void {
    this.#host.swarm.readFailed(piece);
    this.#reader?.fail(piece, error);
    this.#host.dataLost(error);
  }

  writeFailed(error: ShoalError): void {
    this.#host.diskFailed(error);
  }
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
  files.setPriorities(isComplete(origin) ? wishes : prioritiesOf(origin, wishes, files.count));
}

/** Opens the torrent's data for its transfer. @throws DiskError if the store can't be opened. */
export async function openData(
  session: TorrentHost,
  { store }: TorrentInit,
  metainfo: Metainfo,
  transfer: Transfer,
): Promise<DiskTorrent> {
  const { geometry, pieceHashes, files } = metainfo;
  const { pieceLength, totalLength } = geometry;
  const disk = await session.disk.open({
    geometry,
    pieceHashes,
    layout: { id: toHex(infoHashOf(metainfo)), pieceLength, totalLength, files },
    store,
    handler: transfer,
  });
  transfer.useDisk(disk);
  return disk;
}
