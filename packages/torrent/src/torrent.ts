// One torrent: its life from adding to closing, and what users can do with it. States: STATE.md.
import {
  type Duplex,
  type DuplexHandler,
  Emitter,
  type Endpoint,
  type EventSource,
  toHex,
} from "@shoal/core";
import type { Metainfo } from "@shoal/metainfo";
import type { Connection } from "@shoal/swarm";
import type { Handshake } from "@shoal/wire";
import { completion } from "./completion.ts";
import { Course } from "./course.ts";
import { checkPriority, type FilePriority, type TorrentFileHandle } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import type { TorrentInit } from "./init.ts";
import { closedError, type Life } from "./life.ts";
import { infoHashOf } from "./metadata.ts";
import type { Parts } from "./parts.ts";
import { peersOf, statsOf } from "./report.ts";
import type {
  PeerInfo,
  TorrentEvents,
  TorrentProgress,
  TorrentState,
  TorrentStats,
} from "./types.ts";

/** One torrent of a session. */
export class Torrent implements EventSource<TorrentEvents> {
  /** Lower-case hex of the v1 info-hash. */
  readonly infoHash: string;
  readonly #host: TorrentHost;
  readonly #magnetName: string | undefined;
  readonly #events = new Emitter<TorrentEvents>();
  readonly #course: Course;

  /** @throws TorrentError `ERR_TORRENT_STATE` for a torrent without v1 hashes. */
  constructor(host: TorrentHost, init: TorrentInit) {
    this.infoHash = toHex(infoHashOf(init.origin));
    this.#host = host;
    this.#magnetName = init.origin.name;
    this.#course = new Course(host, init, this.#events);
  }

  on<Name extends keyof TorrentEvents>(
    name: Name,
    listener: (event: TorrentEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  once<Name extends keyof TorrentEvents>(
    name: Name,
    options?: { signal?: AbortSignal },
  ): Promise<TorrentEvents[Name]> {
    return this.#events.once(name, options);
  }

  /** What the torrent file says; undefined while only a magnet link is known. */
  get metainfo(): Metainfo | undefined {
    return this.#course.metainfo;
  }

  /** The torrent's name; that of the magnet link, or the info-hash, while there is no other. */
  get name(): string {
    return this.metainfo?.name ?? this.#magnetName ?? this.infoHash;
  }

  get state(): TorrentState {
    return this.#life.state;
  }

  /** Why the state is `error`. */
  get error(): Error | undefined {
    return this.#life.error;
  }

  /** None while only a magnet link is known. */
  get files(): readonly TorrentFileHandle[] {
    return this.#parts.content.files.handles;
  }

  get progress(): TorrentProgress {
    return this.#course.progress;
  }

  get stats(): TorrentStats {
    return statsOf(this.#parts);
  }

  get peers(): PeerInfo[] {
    return peersOf(this.#parts, this.#host.clock.now());
  }

  /** The connections, for the session's choker. */
  get connections(): Iterable<Connection> {
    return this.#parts.swarm.connections.values();
  }

  /** Pieces that are verified and stored, as the wire's bitfield. */
  get pieces(): Uint8Array {
    return this.#parts.content.transfer.picker.have.bytes.slice();
  }

  /** Bytes per second of payload; `Infinity` for no limit. Within the session's limit. */
  get downloadRateLimit(): number {
    return this.#parts.limits.download.limit;
  }

  set downloadRateLimit(bytesPerSecond: number) {
    this.#parts.limits.download.limit = bytesPerSecond;
  }

  get uploadRateLimit(): number {
    return this.#parts.limits.upload.limit;
  }

  set uploadRateLimit(bytesPerSecond: number) {
    this.#parts.limits.upload.limit = bytesPerSecond;
  }

  get sequential(): boolean {
    return this.#parts.content.transfer.picker.sequential;
  }

  set sequential(sequential: boolean) {
    this.#parts.content.transfer.picker.sequential = sequential;
  }

  /**
   * Resolves when every wanted piece is verified and stored; at once if that is so already.
   *
   * @throws the torrent's error when it stops with one; TorrentError `ERR_TORRENT_CLOSED`; the
   *   signal's reason.
   */
  async completed({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    const { error: failure, verified, finishing } = this.#life;
    if (this.state === "closed") throw closedError();
    if (failure !== undefined) throw failure;
    if (verified && !finishing && this.#parts.content.transfer.isFinished) return;
    await completion(this, signal);
  }

  /** Peers given by the user; dialled as limits allow. */
  addPeers(peers: Iterable<Endpoint>): void {
    this.#parts.swarm.found(peers, "manual");
  }

  /** Trackers by tier (BEP 12). */
  get trackers(): readonly (readonly string[])[] {
    return this.#course.trackers;
  }

  /** Replaces the trackers: new ones are announced to, those that are gone hear `stopped`. */
  set trackers(tiers: readonly (readonly string[])[]) {
    this.#course.trackers = tiers;
    this.#parts.sources.refresh();
  }

  /**
   * Gives the info dictionary of a magnet link that came from elsewhere than peers (BEP 9).
   *
   * @param infoBytes copied.
   * @returns whether it has the torrent's info-hash.
   */
  setMetadata(infoBytes: Uint8Array): boolean {
    return this.#course.metadataArrived(infoBytes);
  }

  /** Asks trackers and other sources for more peers, as soon as their rules allow. */
  announce(): void {
    this.#parts.sources.refresh();
  }

  /**
   * Sets how much files are wanted, by index. While only a magnet link is known, and in listeners of
   * `metadata`, any index is taken, and those that turn out to be no file are forgotten.
   *
   * @throws TorrentError `ERR_TORRENT_FILE`, `ERR_TORRENT_PRIORITY`.
   */
  setPriorities(priorities: ReadonlyMap<number, FilePriority>): void {
    const { transfer, files } = this.#parts.content;
    if (transfer.hasMetadata) files.setPriorities(priorities);
    else for (const [index, priority] of priorities) checkPriority(index, priority);
    this.#course.wishes = new Map([...this.#course.wishes, ...priorities]);
    this.#course.wantsChanged();
  }

  /**
   * Opens the data, checks what lies there, and starts; of a magnet link, asks peers for the metadata.
   * Failures become the state `error`.
   */
  start(): Promise<void> {
    return this.#life.serially(() => this.#course.prepare());
  }

  /**
   * Ends all connections and stops announcing; data stays open. Resolves when trackers know. Of
   * several calls of `pause` and `resume` the last one counts.
   */
  pause(): Promise<void> {
    this.#life.paused = true;
    return this.#life.serially(async () => {
      if (!this.#life.paused || this.state === "closed" || this.state === "paused") return;
      this.#course.enter("paused");
      await this.#course.goQuiet();
    });
  }

  /** Goes on after `pause` or an error. */
  resume(): Promise<void> {
    this.#life.paused = false;
    return this.#life.serially(() => this.#course.goOn());
  }

  /** Verifies all data on disk anew, with connections closed meanwhile. */
  recheck(): Promise<void> {
    return this.#life.serially(() => {
      if (this.#life.isClosing) throw closedError();
      return this.#course.prepare();
    });
  }

  /**
   * Ends everything: connections, announces, files. Never rejects for what peers or trackers do.
   *
   * @throws DiskError if flushing or deleting fails; the torrent is closed all the same.
   */
  close({ deleteData = false }: { deleteData?: boolean } = {}): Promise<void> {
    this.#life.close();
    return this.#life.serially(async () => {
      if (this.state !== "closed") await this.#course.close(closedError(), deleteData);
    });
  }

  /** What an accepted connection that asks for this torrent is answered; undefined to refuse. */
  get handshake(): Handshake | undefined {
    return this.#life.isActive ? this.#parts.swarm.handshake : undefined;
  }

  /** Takes an accepted connection whose handshakes are exchanged. @returns its owner. */
  accept(duplex: Duplex, theirs: Handshake, handshakeBytes: number): DuplexHandler | undefined {
    return this.#parts.swarm.accept(duplex, theirs, handshakeBytes);
  }

  /** The disk is behind, or no longer: peers stop or resume sending. */
  setCongested(congested: boolean): void {
    this.#parts.swarm.setCongested(congested);
    if (!congested) this.#parts.lanes?.drain();
  }

  get #life(): Life {
    return this.#course.life;
  }

  get #parts(): Parts {
    return this.#course.parts;
  }
}
