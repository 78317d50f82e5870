// The parts of a running torrent, made and tied to each other; what can wait is made when it is needed.
import type { DhtLink } from "@shoal/core";
import type { Metainfo } from "@shoal/metainfo";
import { RateLimit } from "@shoal/policy";
import { Extensions, Swarm } from "@shoal/swarm";
import { Content, type ContentHost } from "./content.ts";
import { Discipline } from "./discipline.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import { Lanes } from "./lanes.ts";
import {
  ExtensionsSide,
  type PartsHost,
  SourcesSide,
  type Surroundings,
  SwarmSide,
} from "./sides.ts";
import { Sources } from "./sources.ts";

/** Everything that works for one torrent. */
export class Parts implements ContentHost, Surroundings {
  readonly session: TorrentHost;
  readonly init: TorrentInit;
  readonly host: PartsHost;
  /** The torrent's own, in bytes per second. */
  readonly limits: { readonly download: RateLimit; readonly upload: RateLimit };
  readonly swarm: Swarm;
  readonly extensions: Extensions;
  readonly sources: Sources;
  #content: Content;
  #lanes: Lanes | undefined;
  #discipline: Discipline | undefined;

  constructor(session: TorrentHost, init: TorrentInit, host: PartsHost) {
    this.session = session;
    this.init = init;
    this.host = host;
    this.limits = {
      download: new RateLimit({ parent: session.downloadLimit }),
      upload: new RateLimit({ parent: session.uploadLimit }),
    };
    this.#content = this.contentOf(isComplete(init.origin) ? init.origin : undefined);
    this.extensions = new Extensions(new ExtensionsSide(this), session);
    this.swarm = new Swarm(new SwarmSide(this), session, this.content.transfer, this.extensions);
    this.sources = new Sources(session.sources, new SourcesSide(this));
  }

  /** What is transferred. Replaced once, when the metadata of a magnet link comes. */
  get content(): Content {
    return this.#content;
  }

  set content(learned: Content) {
    this.#content = learned;
    this.swarm.use(learned.transfer);
  }

  /** Makes the content that a metainfo describes; `content` and the swarm stay as they are. */
  contentOf(metainfo: Metainfo | undefined): Content {
    const content = new Content(this, metainfo);
    content.transfer.picker.sequential = this.init.sequential ?? false;
    return content;
  }

  /** The senders that are no peers; undefined until the torrent first downloads. */
  get lanes(): Lanes | undefined {
    return this.#lanes;
  }

  /** Lets such senders begin. */
  openLanes(metainfo: Metainfo): void {
    const { events } = this.host;
    this.#lanes ??= new Lanes(this.session, this.limits.download, {
      webSeeds: this.init.webSeeds ?? [],
      freeId: () => this.swarm.freeId(),
      banned: (address, reason) => events.emit("banned", { address, reason }),
      warn: (error) => events.emit("warning", error),
    });
    this.#lanes.open(metainfo, this.content.transfer);
  }

  get discipline(): Discipline {
    this.#discipline ??= new Discipline(this);
    return this.#discipline;
  }

  /** A sender was banned. */
  banned(address: string, reason: string): void {
    this.host.events.emit("banned", { address, reason });
  }

  /** A banned sender leaves bytes and blame behind. */
  forgetSender(slot: number): void {
    this.content.transfer.forgetSender(slot);
  }

  pieceStored(...args: Parameters<PartsHost["pieceStored"]>): void {
    this.host.pieceStored(...args);
  }

  diskFailed(error: Error): void {
    this.host.diskFailed(error);
  }

  dataLost(error: Error): void {
    this.host.dataLost(error);
  }

  /** BEP 27. */
  get isPrivate(): boolean {
    return this.host.metainfo?.isPrivate ?? false;
  }

  /** Our DHT node; undefined for private torrents too. */
  get dht(): DhtLink | undefined {
    if (this.isPrivate) return undefined;
    return this.session.sources.find((source) => source.dht !== undefined)?.dht;
  }
}
