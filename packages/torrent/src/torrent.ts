// One torrent: its life from adding to closing, and what users can do with it. States: STATE.md.
import {
  asError,
  type Duplex,
  type DuplexHandler,
  Emitter,
  type Endpoint,
  type EventSource,
  pieceIndex,
  toHex,
} from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { Metainfo } from "@shoal/metainfo";
import type { Handshake } from "@shoal/wire";
import { completion } from "./completion.ts";
import type { Connection } from "./connection.ts";
import { TorrentError } from "./error.ts";
import type { FilePriority, TorrentFileHandle } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import type { TorrentInit } from "./init.ts";
import { closedError, Life } from "./life.ts";
import { makeParts, openData, type Parts } from "./parts.ts";
import { peersOf, progressOf, statsOf } from "./report.ts";
import type {
  PeerInfo,
  TorrentEvents,
  TorrentProgress,
  TorrentState,
  TorrentStats,
} from "./types.ts";

/** After a disk error the torrent tries again so often, in ms. */
const RETRY_MS = 30_000;

/** How long `close` waits for trackers to take our good-bye, in ms. */
const GOODBYE_MS = 5000;

/** One torrent of a session. */
export class Torrent implements EventSource<TorrentEvents> {
  readonly metainfo: Metainfo;
  /** Lower-case hex of the v1 info-hash. */
  readonly infoHash: string;
  readonly #host: TorrentHost;
  readonly #init: TorrentInit;
  readonly #events = new Emitter<TorrentEvents>();
  readonly #life: Life;
  readonly #parts: Parts;
  #disk: DiskTorrent | undefined;

  /** @throws TorrentError `ERR_TORRENT_STATE` for a torrent without v1 hashes. */
  constructor(host: TorrentHost, init: TorrentInit) {
    const infoHash = init.metainfo.infoHashes.v1;
    if (infoHash === undefined) {
      throw new TorrentError("ERR_TORRENT_STATE", "a torrent without v1 hashes can't be run yet");
    }
    this.metainfo = init.metainfo;
    this.infoHash = toHex(infoHash);
    this.#host = host;
    this.#init = init;
    this.#life = new Life(host, init.paused ?? false, () => {
      void this.#life.serially(() => this.#goOn());
    });
    this.#parts = makeParts(host, init, {
      events: this.#events,
      infoHash,
      isActive: () => this.#life.isActive,
      progress: () => this.progress,
      pieceStored: (piece) => this.#stored(piece),
      diskFailed: (error) => this.#fail(error),
      dataLost: (error) => this.#lose(error),
    });
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

  get name(): string {
    return this.metainfo.name;
  }

  get state(): TorrentState {
    return this.#life.state;
  }

  /** Why the state is `error`. */
  get error(): Error | undefined {
    return this.#life.error;
  }

  get files(): readonly TorrentFileHandle[] {
    return this.#parts.files.handles;
  }

  get progress(): TorrentProgress {
    return progressOf(this.#life, this.#parts, this.#host.clock.now());
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
    return this.#parts.transfer.picker.have.bytes.slice();
  }

  /** Bytes per second of payload; `Infinity` for no limit. Within the session's limit. */
  get downloadRateLimit(): number {
    return this.#parts.downloadLimit.limit;
  }

  set downloadRateLimit(bytesPerSecond: number) {
    this.#parts.downloadLimit.limit = bytesPerSecond;
  }

  get uploadRateLimit(): number {
    return this.#parts.uploadLimit.limit;
  }

  set uploadRateLimit(bytesPerSecond: number) {
    this.#parts.uploadLimit.limit = bytesPerSecond;
  }

  get sequential(): boolean {
    return this.#parts.transfer.picker.sequential;
  }

  set sequential(sequential: boolean) {
    this.#parts.transfer.picker.sequential = sequential;
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
    if (verified && !finishing && this.#parts.transfer.picker.isFinished) return;
    await completion(this, signal);
  }

  /** Peers given by the user; dialled as limits allow. */
  addPeers(peers: Iterable<Endpoint>): void {
    this.#parts.swarm.found(peers, "manual");
  }

  /** Asks trackers and other sources for more peers, as soon as their rules allow. */
  announce(): void {
    this.#parts.sources.refresh();
  }

  /**
   * Sets how much files are wanted, by index.
   *
   * @throws TorrentError `ERR_TORRENT_FILE`, `ERR_TORRENT_PRIORITY`.
   */
  setPriorities(priorities: ReadonlyMap<number, FilePriority>): void {
    const { files } = this.#parts;
    files.setPriorities(priorities);
    if (this.#disk) files.select(this.#disk).catch((error: unknown) => this.#fail(asError(error)));
    this.#wantsChanged();
  }

  /** Opens the data, checks what lies there, and starts. Failures become the state `error`. */
  start(): Promise<void> {
    return this.#life.serially(() => this.#prepare(false));
  }

  /**
   * Ends all connections and stops announcing; data stays open. Resolves when trackers know. Of
   * several calls of `pause` and `resume` the last one counts.
   */
  pause(): Promise<void> {
    this.#life.paused = true;
    return this.#life.serially(async () => {
      if (!this.#life.paused || this.state === "closed" || this.state === "paused") return;
      this.#enter("paused");
      await this.#goQuiet();
    });
  }

  /** Goes on after `pause` or an error. */
  resume(): Promise<void> {
    this.#life.paused = false;
    return this.#life.serially(() => this.#goOn());
  }

  /** Verifies all data on disk anew, with connections closed meanwhile. */
  recheck(): Promise<void> {
    return this.#life.serially(() => {
      if (this.#life.isClosing) throw closedError();
      return this.#prepare(true);
    });
  }

  /**
   * Ends everything: connections, announces, files. Never rejects for what peers or trackers do.
   *
   * @throws DiskError if flushing or deleting fails; the torrent is closed all the same.
   */
  close({ deleteData = false }: { deleteData?: boolean } = {}): Promise<void> {
    this.#life.closing.abort(closedError());
    return this.#life.serially(async () => {
      if (this.state === "closed") return;
      this.#enter("closed");
      this.#parts.reader.close(closedError());
      void this.#goQuiet();
      await this.#life.quiet;
      this.#parts.extensions.close();
      await this.#disk?.close({ deleteData });
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
  }

  // --- life ---

  /** Opens and verifies the data; then it goes on. Checks even an empty store if `thoroughly`. */
  async #prepare(thoroughly: boolean): Promise<void> {
    if (this.#life.isClosing) return;
    try {
      this.#life.verified = false;
      this.#enter("checking");
      await this.#goQuiet();
      this.#disk ??= await openData(this.#host, this.#init, this.infoHash, this.#parts.transfer);
      this.#disk.retry();
      await this.#parts.files.select(this.#disk);
      await this.#check(!thoroughly && (await this.#disk.isEmpty()));
      this.#life.verified = true;
      // Not if writing what was left failed meanwhile.
      if (this.state === "checking") this.#begin();
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  /** After a pause or an error; unverified data is checked first, lest good data be overwritten. */
  async #goOn(): Promise<void> {
    if (this.state !== "paused" && this.state !== "error") return;
    if (!this.#life.verified) {
      await this.#prepare(false);
      return;
    }
    try {
      if (this.state === "error") await this.#parts.transfer.retry();
      else this.#disk?.retry();
      if (this.#disk !== undefined) await this.#parts.files.select(this.#disk);
      this.#begin();
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  async #check(isEmpty: boolean): Promise<void> {
    const { transfer, files, reader } = this.#parts;
    const { disk, geometry } = transfer;
    transfer.checking();
    const good = isEmpty
      ? undefined
      : await disk.check({
          signal: this.#life.closing.signal,
          onProgress: (checked) => {
            this.#life.checked = checked / geometry.pieceCount;
            this.#events.emit("progress", this.progress);
          },
        });
    transfer.checked(good);
    files.recount();
    reader.wake();
  }

  /** Into the state that the data calls for: downloading or seeding, or paused if so wished. */
  #begin(): void {
    if (this.#life.isClosing) return;
    if (this.#life.paused) {
      this.#enter("paused");
      return;
    }
    if (this.#parts.transfer.picker.isFinished) this.#finish();
    else this.#enter("downloading");
    this.#parts.sources.open();
    this.#parts.swarm.dialMore();
  }

  #finish(): void {
    this.#enter("seeding");
    this.#life.finishing = true;
    this.#parts.transfer.disk.finish().then(
      () => {
        this.#life.finishing = false;
        const isStill = this.#parts.transfer.picker.isFinished && !this.#life.isClosing;
        if (isStill) this.#events.emit("done", this.progress);
      },
      (error: unknown) => {
        this.#life.finishing = false;
        this.#fail(asError(error));
      },
    );
    this.#parts.extensions.update();
    this.#parts.swarm.reviewInterest();
  }

  /**
   * Verified data is gone. Nothing is done about it until the user resumes, which checks: the disk
   * may just be unplugged, and downloading anew into its place would do harm.
   */
  #lose(error: Error): void {
    this.#life.verified = false;
    this.#fail(error);
    this.#life.retry.clear();
  }

  #fail(error: Error): void {
    if (this.#life.isClosing) return;
    this.#enter("error");
    this.#life.error = error;
    void this.#goQuiet();
    this.#events.emit("error", error);
    this.#life.retry.set(this.#host.clock.now() + RETRY_MS);
  }

  /** Ends connections and feeds. Resolves when the good-byes are over. */
  #goQuiet(): Promise<void> {
    this.#parts.swarm.disconnectAll();
    const quiet = this.#parts.sources.closeWithin(GOODBYE_MS, this.#host);
    this.#life.quiet = Promise.all([this.#life.quiet, quiet]);
    return quiet;
  }

  #enter(state: TorrentState): void {
    if (this.#life.state === state) return;
    this.#life.state = state;
    this.#life.error = undefined;
    this.#life.retry.clear();
    this.#events.emit("state", state);
  }

  /** Files were selected or deselected. */
  #wantsChanged(): void {
    if (!this.#life.isActive) return;
    const { isFinished } = this.#parts.transfer.picker;
    if (isFinished && this.state === "downloading") {
      this.#finish();
    } else if (!isFinished && this.state === "seeding") {
      this.#enter("downloading");
      this.#parts.extensions.update();
    }
    this.#parts.swarm.reviewInterest();
    this.#parts.swarm.dialMore();
  }

  #stored(piece: number): void {
    this.#parts.files.pieceStored(pieceIndex(piece));
    this.#parts.swarm.announce(pieceIndex(piece));
    this.#parts.reader.wake();
    this.#events.emit("piece", piece);
    const { picker } = this.#parts.transfer;
    if (this.state !== "downloading" || !picker.isFinished) return;
    this.#finish();
    if (picker.have.isFull) this.#parts.sources.completed();
  }
}
