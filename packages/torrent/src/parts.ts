// The parts of a running torrent, made and tied to each other.
import type { Emitter } from "@shoal/core";
import type { Metainfo } from "@shoal/metainfo";
import { RateLimit } from "@shoal/policy";
import { Extensions, Swarm } from "@shoal/swarm";
import { type Content, type ContentHost, makeContent, type Neighbours } from "./content.ts";
import { Discipline } from "./discipline.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import { Lanes } from "./lanes.ts";
import { Sources } from "./sources.ts";
import type { TorrentEvents, TorrentProgress } from "./types.ts";

/** What the parts ask of their torrent, and tell it. */
export interface PartsHost extends ContentHost {
  readonly events: Emitter<TorrentEvents>;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Undefined until it is known. */
  readonly metainfo: Metainfo | undefined;
  /** By tier. */
  readonly trackers: readonly (readonly string[])[];
  isActive(): boolean;
  progress(): TorrentProgress;
  /** An info dictionary came from peers. @returns whether it is the torrent's. */
  metadataArrived(infoBytes: Uint8Array): boolean;
}

/** Everything that works for one torrent. */
export interface Parts extends Neighbours {
  readonly sources: Sources;
  readonly extensions: Extensions;
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
  /** Replaced once, when the metadata of a magnet link comes. */
  content: Content;
  /** Makes the content that the host's metainfo describes; `content` and the swarm stay as they are. */
  contentOf(metainfo: Metainfo): Content;
}

export function makeParts(session: TorrentHost, init: TorrentInit, host: PartsHost): Parts {
  const { origin, peerId } = init;
  const { events, infoHash } = host;
  const downloadLimit = new RateLimit({ parent: session.downloadLimit });
  const uploadLimit = new RateLimit({ parent: session.uploadLimit });
  const limits = { download: downloadLimit, upload: uploadLimit };
  const around: Neighbours = {
    get swarm() {
      return swarm;
    },
    get lanes() {
      return lanes;
    },
    get discipline() {
      return discipline;
    },
  };
  const contentOf = (metainfo: Metainfo | undefined): Content => {
    const content = makeContent(session, metainfo, host, limits, around);
    content.transfer.picker.sequential = init.sequential ?? false;
    return content;
  };
  let content = contentOf(isComplete(origin) ? origin : undefined);
  const isPrivate = (): boolean => host.metainfo?.isPrivate ?? false;

  const extensions: Extensions = new Extensions(
    {
      infoHash,
      get infoBytes() {
        return host.metainfo?.infoBytes;
      },
      get isPrivate() {
        return isPrivate();
      },
      get isFinished() {
        return content.transfer.isFinished;
      },
      connections: () => swarm.connections.values(),
      found: (peers) => swarm.found(peers, "pex"),
      learned: (peer, theirs) => swarm.learned(peer, theirs.listenPort),
      metadataArrived: (infoBytes) => host.metadataArrived(infoBytes),
      warn: (error) => events.emit("warning", error),
    },
    session,
  );
  const link = session.sources.find((source) => source.dht !== undefined)?.dht;
  const swarm: Swarm = new Swarm(
    {
      get dht() {
        return isPrivate() ? undefined : link;
      },
      handshake: {
        infoHash,
        peerId,
        get features() {
          return {
            fast: true,
            extended: true,
            dht: link !== undefined && !isPrivate(),
            v2: false,
          };
        },
      },
      downloadLimit,
      uploadLimit,
      get isActive() {
        return host.isActive();
      },
      isTaken: (id) => lanes.get(id) !== undefined,
      connected: ({ peer }) => events.emit("connected", peer.remote),
      disconnected: ({ peer }, error) => events.emit("disconnected", { ...peer.remote, error }),
      ticked: () => events.emit("progress", host.progress()),
    },
    session,
    content.transfer,
    extensions,
  );
  const lanes: Lanes = new Lanes(session, downloadLimit, {
    webSeeds: init.webSeeds ?? [],
    freeId: () => swarm.freeId(),
    banned: (address, reason) => events.emit("banned", { address, reason }),
    warn: (error) => events.emit("warning", error),
  });
  const discipline = new Discipline(
    swarm,
    lanes,
    (address, reason) => events.emit("banned", { address, reason }),
    (slot) => content.transfer.forgetSender(slot),
  );
  const sources = new Sources(
    session.sources,
    {
      infoHash,
      peerId,
      get isPrivate() {
        return isPrivate();
      },
      get trackers() {
        return host.trackers;
      },
      nodes: origin.nodes,
      transfer: () => {
        const { transfer, files } = content;
        const left = transfer.isFinished ? 0 : files.wantedBytes - files.storedBytes;
        return {
          uploaded: transfer.totals.uploaded.total,
          downloaded: transfer.totals.downloaded.total,
          left: transfer.hasMetadata ? left : undefined,
        };
      },
    },
    (peers, name) => swarm.found(peers, name),
    (error) => events.emit("warning", error),
  );
  return {
    swarm,
    lanes,
    discipline,
    sources,
    extensions,
    downloadLimit,
    uploadLimit,
    contentOf,
    get content() {
      return content;
    },
    set content(learned) {
      content = learned;
      swarm.use(learned.transfer);
    },
  };
}
