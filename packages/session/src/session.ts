// A session: composes the parts, routes connections, counts; knows no protocol's insides.
import {
  type BlockSource,
  type Duplex,
  Emitter,
  type Endpoint,
  type EventSource,
  type Listener,
  type PeerSource,
  toHex,
} from "@shoal/core";
import type { DiskStats, StoreFactory } from "@shoal/disk-io";
import { type Magnet, type Metainfo, parseMagnet, parseTorrent } from "@shoal/metainfo";
import { ConnectionBudget, RateLimit } from "@shoal/policy";
import type { Connection } from "@shoal/swarm";
import { Torrent, type TorrentHost, type TorrentInit } from "@shoal/torrent";
import { makePeerId } from "@shoal/wire";
import { dialAny } from "./dial.ts";
import { allEnded, endAll } from "./end-all.ts";
import { SessionError } from "./error.ts";
import { askExactSources } from "./exact-sources.ts";
import { Inbound } from "./inbound.ts";
import type { Attendant, PortMapping, Runtime, ServiceHost, SessionInit } from "./init.ts";
import { changedSettings, DEFAULT_SETTINGS, type SessionSettings } from "./settings.ts";
import { Unchoker } from "./unchoker.ts";

const CLIENT_NAME = "Shoal/0.1";
const PEER_ID_PREFIX = "-SH0100-";

/**
 * What can be added: a torrent file's bytes, its path or http(s) URL, a parsed one, a magnet link, or
 * an info-hash (40 hex digits).
 */
export type TorrentSource = Uint8Array | string | URL | Metainfo;

/** How a torrent is added. */
export interface AddOptions
  extends Pick<TorrentInit, "paused" | "sequential" | "priorities" | "trackers" | "webSeeds"> {
  /** The folder to put the torrent's file or folder into; `.` by default. */
  readonly path?: string | undefined;
  /** Where the data lives, instead of `path`. */
  readonly store?: StoreFactory | undefined;
  /** Peers to dial at once. */
  readonly peers?: readonly Endpoint[] | undefined;
  /** Ends the fetching of a URL. */
  readonly signal?: AbortSignal | undefined;
}

/** Sums over a session. Rates in bytes per second of payload. */
export interface SessionStats {
  readonly torrents: number;
  readonly connections: number;
  readonly halfOpen: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly disk: DiskStats;
}

/** Events of a session. */
export interface SessionEvents {
  added: Torrent;
  removed: Torrent;
  /** A router forwards a port to us, or another one than before. */
  mapped: PortMapping;
  /** Something failed that belongs to no torrent and is not fatal. */
  warning: Error;
}

/** Many torrents behind one port, with one cache and one set of limits. */
export class Session implements EventSource<SessionEvents> {
  readonly #init: SessionInit;
  readonly #events = new Emitter<SessionEvents>();
  readonly #torrents: Map<string, Torrent> = new Map();
  readonly #budget: ConnectionBudget;
  readonly #limits: { readonly download: RateLimit; readonly upload: RateLimit };
  readonly #unchoker: Unchoker;
  readonly #inbound: Inbound;
  readonly #attendants: readonly Attendant[];
  readonly #sources: readonly PeerSource[];
  readonly #blockSources: readonly BlockSource[];
  readonly #host: TorrentHost;
  #settings: SessionSettings;
  #listeners: readonly Listener[] = [];
  #closing: Promise<void> | undefined;

  /** Use {@link Session.open}. */
  private constructor(init: SessionInit) {
    const { runtime } = init;
    this.#init = init;
    this.#settings = changedSettings(DEFAULT_SETTINGS, init.settings ?? {});
    this.#budget = new ConnectionBudget();
    this.#limits = { download: new RateLimit(), upload: new RateLimit() };
    this.#unchoker = new Unchoker(
      this.#settings.uploadSlots,
      runtime,
      () => this.#connections(),
      () => [...this.#torrents.values()].every(({ state }) => state === "seeding"),
    );
    this.#inbound = new Inbound(
      () => runtime.clock.now(),
      runtime.deadlines,
      (infoHash) => this.#torrents.get(infoHash),
    );
    const host: ServiceHost = {
      ...runtime,
      clientName: init.clientName ?? CLIENT_NAME,
      listenPort: () => this.port,
      warn: (error) => this.#events.emit("warning", error),
    };
    const mapped = (mapping: PortMapping): void => this.#events.emit("mapped", mapping);
    this.#attendants = (init.attendants ?? []).map((attendant) => attendant({ ...host, mapped }));
    this.#sources = (init.services ?? []).map((service) => service(host));
    this.#blockSources = (init.blockSources ?? []).map((service) => service(host));
    this.#host = this.#torrentHost(runtime);
    this.#apply();
    init.disk.onWarning = (warning) => this.#events.emit("warning", warning);
    init.disk.onCongestion = (congested) => {
      for (const torrent of this.#torrents.values()) torrent.setCongested(congested);
    };
  }

  /**
   * Composes a session and starts to listen.
   *
   * @throws the transport's error if an address can't be bound; SessionError `ERR_SESSION_SETTING`.
   *   The given parts are released then.
   */
  static async open(init: SessionInit): Promise<Session> {
    let session: Session | undefined;
    try {
      session = new Session(init);
      await session.#listen();
      for (const attendant of session.#attendants) {
        if (session.port !== 0) attendant.listening(session.port);
      }
      return session;
    } catch (error) {
      if (session === undefined) await endAll([() => init.disk.close(), () => init.release?.()]);
      else await session.close();
      throw error;
    }
  }

  on<Name extends keyof SessionEvents>(
    name: Name,
    listener: (event: SessionEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  once<Name extends keyof SessionEvents>(
    name: Name,
    options?: { signal?: AbortSignal },
  ): Promise<SessionEvents[Name]> {
    return this.#events.once(name, options);
  }

  /** The port on which peers reach us; 0 if we don't listen. */
  get port(): number {
    return this.#listeners[0]?.local.port ?? 0;
  }

  /** Where we listen. */
  get addresses(): readonly Endpoint[] {
    return this.#listeners.map(({ local }) => local);
  }

  get torrents(): readonly Torrent[] {
    return [...this.#torrents.values()];
  }

  /** The torrent with this info-hash (lower-case hex). */
  get(infoHash: string): Torrent | undefined {
    return this.#torrents.get(infoHash);
  }

  get settings(): SessionSettings {
    return this.#settings;
  }

  /** Changes settings; they hold at once. @throws SessionError `ERR_SESSION_SETTING`. */
  configure(changes: Partial<SessionSettings>): void {
    this.#settings = changedSettings(this.#settings, changes);
    this.#apply();
    this.#unchoker.slots = this.#settings.uploadSlots;
  }

  get stats(): SessionStats {
    const progress = this.torrents.map((torrent) => torrent.progress);
    return {
      torrents: this.#torrents.size,
      connections: this.#budget.connections,
      halfOpen: this.#budget.halfOpen,
      downloadRate: progress.reduce((sum, { downloadRate }) => sum + downloadRate, 0),
      uploadRate: progress.reduce((sum, { uploadRate }) => sum + uploadRate, 0),
      disk: this.#init.disk.stats(),
    };
  }

  /**
   * Adds a torrent and starts it: of a magnet link, the metadata is fetched from peers first; what
   * lies on disk is checked, then the rest is downloaded, then it seeds until removed. Resolves when
   * it is registered, before all that.
   *
   * @throws MetainfoError for a bad torrent or magnet link; SessionError `ERR_SESSION_DUPLICATE`,
   *   `ERR_SESSION_SOURCE`, `ERR_SESSION_CLOSED`; what reading the file or URL throws.
   */
  async add(source: TorrentSource, options: AddOptions = {}): Promise<Torrent> {
    const origin = await this.#origin(source, options.signal);
    if (this.#closing) throw new SessionError("ERR_SESSION_CLOSED", "the session is closed");
    const { v1 } = origin.infoHashes;
    const infoHash = v1 === undefined ? "" : toHex(v1);
    if (this.#torrents.has(infoHash)) {
      throw new SessionError(
        "ERR_SESSION_DUPLICATE",
        `torrent ${infoHash} is in the session already`,
      );
    }
    const torrent = new Torrent(this.#host, {
      origin,
      store: options.store ?? this.#init.store(options.path ?? "."),
      peerId: makePeerId(PEER_ID_PREFIX, this.#init.runtime.entropy),
      paused: options.paused,
      sequential: options.sequential,
      priorities: options.priorities,
      trackers: options.trackers,
      webSeeds: options.webSeeds,
    });
    this.#torrents.set(torrent.infoHash, torrent);
    this.#events.emit("added", torrent);
    if ("peers" in origin) torrent.addPeers(origin.peers);
    if (options.peers) torrent.addPeers(options.peers);
    void torrent.start();
    if ("exactSources" in origin) this.#askExactSources(torrent, origin);
    return torrent;
  }

  /**
   * Takes a torrent out of the session.
   *
   * @param options.deleteData Removes its files, and folders that are empty then.
   * @throws SessionError `ERR_SESSION_UNKNOWN`; DiskError if flushing or deleting fails.
   */
  async remove(torrent: Torrent, options: { deleteData?: boolean } = {}): Promise<void> {
    if (this.#torrents.get(torrent.infoHash) !== torrent) {
      throw new SessionError(
        "ERR_SESSION_UNKNOWN",
        `torrent ${torrent.infoHash} is not of this session`,
      );
    }
    try {
      await torrent.close(options);
    } finally {
      if (this.#torrents.delete(torrent.infoHash)) this.#events.emit("removed", torrent);
    }
  }

  /**
   * Ends everything: says good-bye to trackers (for at most five seconds), flushes, and lets go of
   * every socket, timer, thread and file. May be called more than once.
   *
   * @throws DiskError if data could not be flushed; everything is released all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #close(): Promise<void> {
    return endAll([
      () => allEnded([...this.#listeners, ...this.#attendants].map((part) => part.close())),
      () => this.#inbound.close(),
      () => allEnded(this.torrents.map((torrent) => this.remove(torrent))),
      () => this.#unchoker.close(),
      () => allEnded([...this.#sources, ...this.#blockSources].map((source) => source.close())),
      () => this.#init.disk.close(),
      () => this.#init.release?.(),
    ]);
  }

  async #listen(): Promise<void> {
    const { transports, listen } = this.#init;
    const listeners: Listener[] = [];
    this.#listeners = listeners;
    for (const at of listen) {
      for (const transport of transports) {
        // Every transport on the same port, so that one number reaches us by each of them.
        const port = at.port || this.port;
        const where = { address: at.address, port };
        listeners.push(await transport.listen(where, (duplex) => this.#accept(duplex)));
      }
    }
  }

  #accept(duplex: Duplex): void {
    if (this.#host.blocks(duplex.remote.address)) duplex.destroy();
    else this.#inbound.accept(duplex);
  }

  async #origin(
    source: TorrentSource,
    signal: AbortSignal | undefined,
  ): Promise<Metainfo | Magnet> {
    if (source instanceof Uint8Array) return parseTorrent(source);
    if (typeof source !== "string" && !(source instanceof URL)) return source;
    const text = String(source);
    if (/^[0-9a-f]{40}$/i.test(text)) return this.#magnet(`magnet:?xt=urn:btih:${text}`);
    if (/^magnet:/i.test(text)) return this.#magnet(text);
    if (this.#init.load === undefined) {
      throw new SessionError(
        "ERR_SESSION_SOURCE",
        "this session can't read paths or URLs; add the torrent file's bytes",
      );
    }
    return parseTorrent(await this.#init.load(source, signal));
  }

  #magnet(text: string): Magnet {
    const magnet = parseMagnet(text);
    const { extensions = [], load } = this.#init;
    const asksPeers = extensions.some(({ name }) => name === "ut_metadata");
    if (asksPeers || (load !== undefined && magnet.exactSources.length > 0)) return magnet;
    throw new SessionError(
      "ERR_SESSION_SOURCE",
      "magnet links need metadata exchange, which this session lacks; add the torrent file",
    );
  }

  #askExactSources(torrent: Torrent, { exactSources }: Magnet): void {
    const { load } = this.#init;
    if (load === undefined || exactSources.length === 0) return;
    void askExactSources(torrent, exactSources, load, (error) => {
      this.#events.emit("warning", error);
    });
  }

  #apply(): void {
    const settings = this.#settings;
    this.#limits.download.limit = settings.downloadRateLimit;
    this.#limits.upload.limit = settings.uploadRateLimit;
    this.#budget.maxConnections = settings.maxConnections;
    this.#budget.perTorrent = settings.maxConnectionsPerTorrent;
    this.#budget.maxHalfOpen = settings.maxHalfOpen;
    this.#budget.dialsPerSecond = settings.dialsPerSecond;
  }

  *#connections(): Generator<Connection> {
    for (const torrent of this.#torrents.values()) yield* torrent.connections;
  }

  #torrentHost(runtime: Runtime): TorrentHost {
    const { disk, transports, extensions = [], clientName = CLIENT_NAME } = this.#init;
    return {
      ...runtime,
      disk,
      clientName,
      extensions,
      sources: this.#sources,
      blockSources: this.#blockSources,
      blocks: (address) => this.#init.filter?.blocks(address) ?? false,
      downloadLimit: this.#limits.download,
      uploadLimit: this.#limits.upload,
      budget: this.#budget,
      slots: this.#unchoker,
      listenPort: () => this.port,
      dial: (to, signal) => dialAny(transports, to, signal),
    };
  }
}
