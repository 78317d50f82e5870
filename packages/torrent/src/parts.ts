// The parts of a running torrent, made and tied to each other.
import type { Emitter, PieceIndex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import { PiecePicker } from "@shoal/picker";
import { RateLimit } from "@shoal/policy";
import { Discipline } from "./discipline.ts";
import { Extensions } from "./extensions.ts";
import { FileSet } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import type { TorrentInit } from "./init.ts";
import { Reader } from "./reader.ts";
import { Sources } from "./sources.ts";
import { Swarm } from "./swarm.ts";
import { Transfer } from "./transfer.ts";
import type { TorrentEvents, TorrentProgress } from "./types.ts";

/** What the parts ask of their torrent, and tell it. */
export interface PartsHost {
  readonly events: Emitter<TorrentEvents>;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  isActive(): boolean;
  progress(): TorrentProgress;
  pieceStored(piece: PieceIndex): void;
  /** Writing failed. */
  diskFailed(error: Error): void;
  /** What was verified can't be read: it is missing, shorter, replaced or unreadable. */
  dataLost(error: Error): void;
}

/** Everything that works for one torrent. */
export interface Parts {
  readonly transfer: Transfer;
  readonly swarm: Swarm;
  readonly files: FileSet;
  readonly reader: Reader;
  readonly sources: Sources;
  readonly extensions: Extensions;
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
}

export function makeParts(session: TorrentHost, init: TorrentInit, host: PartsHost): Parts {
  const { metainfo, peerId } = init;
  const { geometry } = metainfo;
  const { events, infoHash } = host;
  const downloadLimit = new RateLimit({ parent: session.downloadLimit });
  const uploadLimit = new RateLimit({ parent: session.uploadLimit });
  const picker = new PiecePicker({ geometry, rng: session.rng });
  picker.sequential = init.sequential ?? false;

  const transfer: Transfer = new Transfer(
    {
      clock: session.clock,
      connection: (id) => swarm.connections.get(id),
      pieceStored: (piece) => host.pieceStored(piece),
      blocksReopened: () => swarm.wakeIdle(),
      ban: (senders, piece) => discipline.ban(senders, piece),
      suspect: (senders, piece) => discipline.suspect(senders, piece),
      credit: (senders) => discipline.credit(senders),
      blocksRead: () => {
        swarm.blocksRead();
        reader.wake();
      },
      readFailed: (piece, error) => {
        swarm.readFailed(piece);
        reader.fail(piece, error);
        host.dataLost(error);
      },
      writeFailed: (error) => host.diskFailed(error),
    },
    picker,
    geometry,
    { download: downloadLimit, upload: uploadLimit },
  );
  const reader: Reader = new Reader(transfer, () => swarm.reviewInterest());
  const files = new FileSet(metainfo.files, geometry, picker, reader);
  files.setPriorities(init.priorities ?? new Map());

  const extensions: Extensions = new Extensions(
    {
      infoHash,
      infoBytes: metainfo.infoBytes,
      isPrivate: metainfo.isPrivate,
      get isFinished() {
        return picker.isFinished;
      },
      connections: () => swarm.connections.values(),
      found: (peers) => swarm.found(peers, "pex"),
      learned: (peer, theirs) => swarm.learned(peer, theirs.listenPort),
      warn: (error) => events.emit("warning", error),
    },
    session,
  );
  const dht = metainfo.isPrivate
    ? undefined
    : session.sources.find((source) => source.dht !== undefined)?.dht;
  const swarm: Swarm = new Swarm(
    {
      dht,
      handshake: {
        infoHash,
        peerId,
        features: { fast: true, extended: true, dht: dht !== undefined, v2: false },
      },
      downloadLimit,
      uploadLimit,
      get isActive() {
        return host.isActive();
      },
      connected: ({ peer }) => events.emit("connected", peer.remote),
      disconnected: ({ peer }, error) => events.emit("disconnected", { ...peer.remote, error }),
      ticked: () => events.emit("progress", host.progress()),
    },
    session,
    transfer,
    extensions,
  );
  const discipline = new Discipline(
    swarm,
    (address, reason) => events.emit("banned", { address, reason }),
    (slot) => transfer.forgetSender(slot),
  );
  const sources = new Sources(
    session.sources,
    {
      infoHash,
      peerId,
      isPrivate: metainfo.isPrivate,
      trackers: init.trackers ?? metainfo.trackers,
      nodes: metainfo.nodes,
      transfer: () => ({
        uploaded: transfer.totals.uploaded.total,
        downloaded: transfer.totals.downloaded.total,
        left: picker.isFinished ? 0 : files.wantedBytes - files.storedBytes,
      }),
    },
    (peers, origin) => swarm.found(peers, origin),
    (error) => events.emit("warning", error),
  );
  return { transfer, swarm, files, reader, sources, extensions, downloadLimit, uploadLimit };
}

/** Opens the torrent's data for its transfer. @throws DiskError if the store can't be opened. */
export async function openData(
  session: TorrentHost,
  { metainfo, store }: TorrentInit,
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
