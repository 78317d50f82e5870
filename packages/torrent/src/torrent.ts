// One torrent: its life from adding to closing, and what users can do with it. States: STATE.md.
import {
  type Alarm,
  asError,
  type Duplex,
  type DuplexHandler,
  Emitter,
  type Endpoint,
  type EventSource,
  pieceIndex,
  toHex,
} from "@shoal/core";
import type { StoreFactory } from "@shoal/disk-io";
import type { Metainfo } from "@shoal/metainfo";
import { PiecePicker } from "@shoal/picker";
import { RateLimit } from "@shoal/policy";
import type { Handshake } from "@shoal/wire";
import type { Connection } from "./connection.ts";
import { Discipline } from "./discipline.ts";
import { TorrentError } from "./error.ts";
import { Extensions } from "./extensions.ts";
import { type FilePriority, FileSet, type TorrentFileHandle } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import { Reader } from "./reader.ts";
import { peerInfoOf, progressOf, statsOf } from "./report.ts";
import { Sources } from "./sources.ts";
import { Swarm } from "./swarm.ts";
import { Transfer } from "./transfer.ts";
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

/** What a torrent is made of. */
export interface TorrentInit {
  readonly metainfo: Metainfo;
  readonly store: StoreFactory;
  /** 20 bytes; one id for all peers and trackers of the torrent. */
  readonly peerId: Uint8Array;
  /** Begin in state `paused`. */
  readonly paused?: boolean | undefined;
  /** Pieces in order instead of rarest first. */
  readonly sequential?: boolean | undefined;
  /** By file index; 4 for those not named. */
  readonly priorities?: ReadonlyMap<number, FilePriority> | undefined;
  /** Replaces the trackers of the metainfo. */
  readonly trackers?: readonly (readonly string[])[] | undefined;
}

/** One torrent of a session. */
export class Torrent implements EventSource<TorrentEvents> {
  readonly metainfo: Metainfo;
  /** Lower-case hex of the v1 info-hash. */
  readonly infoHash: string;
  readonly #host: TorrentHost;
  readonly #init: TorrentInit;
  readonly #events = new Emitter<TorrentEvents>();
  readonly #transfer: Transfer;
  readonly #swarm: Swarm;
  readonly #files: FileSet;
  readonly #reader: Reader;
  readonly #sources: Sources;
  readonly #extensions: Extensions;
  readonly #limits: { readonly download: RateLimit; readonly upload: RateLimit };
  readonly #life: Life;

  constructor(host: TorrentHost, init: TorrentInit) {
    const { metainfo, peerId } = init;
    const infoHash = metainfo.infoHashes.v1;
    if (infoHash === undefined) {
      throw new TorrentError("ERR_TORRENT_STATE", "a torrent without v1 hashes can't be run yet");
    }
    this.metainfo = metainfo;
    this.infoHash = toHex(infoHash);
    this.#host = host;
    this.#init = init;
    this.#life = new Life(host, () => void this.resume());
    this.#limits = {
      download: new RateLimit({ parent: host.downloadLimit }),
      upload: new RateLimit({ parent: host.uploadLimit }),
    };
    const picker = new PiecePicker({ geometry: metainfo.geometry, rng: host.rng });
    picker.sequential = init.sequential ?? false;
    this.#transfer = new Transfer(this.#transferHost(), picker, metainfo.geometry, this.#limits);
    this.#reader = new Reader(this.#transfer, () => this.#swarm.reviewInterest());
    this.#files = new FileSet(metainfo.files, metainfo.geometry, picker, this.#reader);
    this.#files.setPriorities(init.priorities ?? new Map());
    this.#extensions = this.#makeExtensions(infoHash);
    this.#swarm = this.#makeSwarm({
      infoHash,
      peerId,
      features: { fast: true, extended: true, dht: false, v2: false },
    });
    this.#sources = this.#makeSources(infoHash);
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
    return this.#files.handles;
  }

  get progress(): TorrentProgress {
    const now = this.#host.clock.now();
    const { state, checked } = this.#life;
    return progressOf(state, checked, this.#transfer, this.#files, this.#swarm, now);
  }

  get stats(): TorrentStats {
    return statsOf(this.#transfer, this.#swarm);
  }

  get peers(): PeerInfo[] {
    const now = this.#host.clock.now();
    return [...this.#swarm.connections.values()].map((one) => peerInfoOf(one, now));
  }

  /** The connections, for the session's choker. */
  get connections(): Iterable<Connection> {
    return this.#swarm.connections.values();
  }

  /** Pieces that are verified and stored, as the wire's bitfield. */
  get pieces(): Uint8Array {
    return this.#transfer.picker.have.bytes.slice();
  }

  /** Bytes per second of payload; `Infinity` for no limit. Within the session's limit. */
  get downloadRateLimit(): number {
    return this.#limits.download.limit;
  }

  set downloadRateLimit(bytesPerSecond: number) {
    this.#limits.download.limit = bytesPerSecond;
  }

  get uploadRateLimit(): number {
    return this.#limits.upload.limit;
  }

  set uploadRateLimit(bytesPerSecond: number) {
    this.#limits.upload.limit = bytesPerSecond;
  }

  get sequential(): boolean {
    return this.#transfer.picker.sequential;
  }

  set sequential(sequential: boolean) {
    this.#transfer.picker.sequential = sequential;
  }

  /**
   * Resolves when every wanted piece is verified and stored; at once if that is so already.
   *
   * @throws the torrent's error when it stops with one; TorrentError `ERR_TORRENT_CLOSED`; the
   *   signal's reason.
   */
  async completed({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.state === "closed") throw closedError();
    if (this.#life.error !== undefined) throw this.#life.error;
    if (this.#life.opened && this.#transfer.picker.isFinished) return;
    const over = new AbortController();
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    const failed = this.#events.once("error", { signal: either }).then((error) => {
      throw error;
    });
    const closed = this.#closedEvent(either).then(() => {
      throw closedError();
    });
    try {
      await Promise.race([this.#events.once("done", { signal: either }), failed, closed]);
    } finally {
      over.abort();
      await Promise.allSettled([failed, closed]);
    }
  }

  /** Peers given by the user; dialled as limits allow. */
  addPeers(peers: Iterable<Endpoint>): void {
    this.#swarm.found(peers, "manual");
  }

  /** Asks trackers and other sources for more peers, as soon as their rules allow. */
  announce(): void {
    this.#sources.refresh();
  }

  /** Sets how much files are wanted, by index. @throws TorrentError `ERR_TORRENT_FILE`. */
  setPriorities(priorities: ReadonlyMap<number, FilePriority>): void {
    this.#files.setPriorities(priorities);
    this.#wantsChanged();
  }

  /** Opens the data, checks what lies there, and starts. Failures become the state `error`. */
  start(): Promise<void> {
    return this.#life.serially(async () => {
      try {
        this.#enter("checking");
        await this.#open();
        await this.#check(await this.#transfer.disk.isEmpty());
        this.#begin();
      } catch (error) {
        this.#fail(asError(error));
      }
    });
  }

  /** Ends all connections and stops announcing; data stays open. Resolves when trackers know. */
  pause(): Promise<void> {
    return this.#life.serially(async () => {
      if (this.state === "closed" || this.state === "paused") return;
      this.#enter("paused");
      await this.#goQuiet();
    });
  }

  /** Goes on after `pause` or an error. */
  resume(): Promise<void> {
    return this.#life.serially(async () => {
      if (this.state !== "paused" && this.state !== "error") return;
      if (!this.#life.opened) {
        void this.start();
        return;
      }
      this.#transfer.disk.retry();
      this.#begin(true);
    });
  }

  /** Verifies all data on disk anew, with connections closed meanwhile. */
  recheck(): Promise<void> {
    return this.#life.serially(async () => {
      if (this.state === "closed") throw closedError();
      try {
        const paused = this.state === "paused";
        this.#enter("checking");
        await this.#goQuiet();
        await this.#check(false);
        this.#begin(!paused);
      } catch (error) {
        this.#fail(asError(error));
      }
    });
  }

  /**
   * Ends everything: connections, announces, files. Never rejects for what peers or trackers do.
   *
   * @throws DiskError if flushing or deleting fails; the torrent is closed all the same.
   */
  close({ deleteData = false }: { deleteData?: boolean } = {}): Promise<void> {
    this.#life.abort.abort(closedError());
    return this.#life.serially(async () => {
      if (this.state === "closed") return;
      this.#enter("closed");
      this.#reader.fail(closedError());
      await this.#goQuiet();
      this.#extensions.close();
      if (this.#life.opened) await this.#transfer.disk.close({ deleteData });
    });
  }

  /** What an accepted connection that asks for this torrent is answered; undefined to refuse. */
  get handshake(): Handshake | undefined {
    return this.#life.isActive ? this.#swarm.handshake : undefined;
  }

  /** Takes an accepted connection whose handshakes are exchanged. @returns its owner. */
  accept(duplex: Duplex, theirs: Handshake, handshakeBytes: number): DuplexHandler | undefined {
    return this.#swarm.accept(duplex, theirs, handshakeBytes);
  }

  /** The disk is behind, or no longer: peers stop or resume sending. */
  setCongested(congested: boolean): void {
    this.#swarm.setCongested(congested);
  }

  // --- life ---

  async #open(): Promise<void> {
    if (this.#life.opened) return;
    const { metainfo } = this;
    const disk = await this.#host.disk.open({
      geometry: metainfo.geometry,
      pieceHashes: metainfo.pieceHashes,
      layout: {
        id: this.infoHash,
        pieceLength: metainfo.geometry.pieceLength,
        totalLength: metainfo.geometry.totalLength,
        files: metainfo.files,
      },
      store: this.#init.store,
      handler: this.#transfer,
    });
    this.#transfer.useDisk(disk);
    this.#life.opened = true;
  }

  async #check(isEmpty: boolean): Promise<void> {
    const { picker, disk, geometry } = this.#transfer;
    const good = isEmpty
      ? undefined
      : await disk.check({
          signal: this.#life.abort.signal,
          onProgress: (checked) => {
            this.#life.checked = checked / geometry.pieceCount;
            this.#events.emit("progress", this.progress);
          },
        });
    for (let i = 0; i < geometry.pieceCount; i++) {
      if (good?.has(i)) picker.stored(pieceIndex(i));
      else if (picker.have.has(i)) picker.lost(pieceIndex(i));
    }
    this.#files.recount();
  }

  /** Into the state that the data calls for: downloading or seeding, or paused if so wished. */
  #begin(resumed = false): void {
    if (this.state === "closed") return;
    this.#life.error = undefined;
    if (this.#init.paused && !resumed) {
      this.#enter("paused");
      return;
    }
    this.#enter("downloading");
    if (this.#transfer.picker.isFinished) this.#finish();
    this.#sources.open();
    this.#swarm.dialMore();
  }

  #finish(): void {
    this.#enter("seeding");
    this.#transfer.disk.finish().then(
      () => {
        if (this.state === "seeding") this.#events.emit("done", this.progress);
      },
      (error: unknown) => this.#fail(asError(error)),
    );
    this.#extensions.update();
    this.#swarm.reviewInterest();
  }

  #fail(error: Error): void {
    if (this.state === "closed") return;
    this.#life.error = error;
    this.#enter("error");
    void this.#goQuiet();
    this.#events.emit("error", error);
    this.#life.retry.set(this.#host.clock.now() + RETRY_MS);
  }

  async #goQuiet(): Promise<void> {
    this.#swarm.disconnectAll();
    const goodbye = new AbortController();
    const deadline = this.#host.deadlines.alarm(() => goodbye.abort());
    deadline.set(this.#host.clock.now() + GOODBYE_MS);
    await this.#sources.close(goodbye.signal);
    deadline.clear();
  }

  #enter(state: TorrentState): void {
    if (this.#life.state === state) return;
    this.#life.state = state;
    this.#life.retry.clear();
    this.#events.emit("state", state);
  }

  /** Files were selected or deselected. */
  #wantsChanged(): void {
    if (!this.#life.isActive) return;
    const { isFinished } = this.#transfer.picker;
    if (isFinished && this.state === "downloading") {
      this.#finish();
    } else if (!isFinished && this.state === "seeding") {
      this.#enter("downloading");
      this.#extensions.update();
    }
    this.#swarm.reviewInterest();
    this.#swarm.dialMore();
  }

  #stored(piece: number): void {
    this.#files.pieceStored(pieceIndex(piece));
    this.#swarm.announce(pieceIndex(piece));
    this.#reader.wake();
    this.#events.emit("piece", piece);
    if (this.state !== "downloading" || !this.#transfer.picker.isFinished) return;
    this.#finish();
    if (this.#transfer.picker.have.isFull) this.#sources.completed();
  }

  async #closedEvent(signal: AbortSignal): Promise<void> {
    while ((await this.#events.once("state", { signal })) !== "closed");
  }

  // --- the hosts of the parts ---

  #transferHost(): ConstructorParameters<typeof Transfer>[0] {
    const discipline = (): Discipline =>
      new Discipline(
        this.#swarm,
        (address, reason) => this.#events.emit("banned", { address, reason }),
        (slot) => this.#transfer.forgetSender(slot),
      );
    return {
      clock: this.#host.clock,
      connection: (id) => this.#swarm.connections.get(id),
      pieceStored: (piece) => this.#stored(piece),
      ban: (senders, piece) => discipline().ban(senders, piece),
      suspect: (senders, piece) => discipline().suspect(senders, piece),
      credit: (senders) => discipline().credit(senders),
      blocksRead: () => {
        this.#swarm.blocksRead();
        this.#reader.wake();
      },
      readFailed: (piece, error) => {
        this.#swarm.readFailed(piece);
        this.#events.emit("warning", error);
        this.#reader.wake();
      },
      writeFailed: (error) => this.#fail(error),
    };
  }

  #makeSwarm(handshake: Handshake): Swarm {
    const life = this.#life;
    return new Swarm(
      {
        handshake,
        downloadLimit: this.#limits.download,
        uploadLimit: this.#limits.upload,
        get isActive() {
          return life.isActive;
        },
        connected: ({ peer }) => this.#events.emit("connected", peer.remote),
        disconnected: ({ peer }, error) =>
          this.#events.emit("disconnected", { ...peer.remote, error }),
        ticked: () => this.#events.emit("progress", this.progress),
      },
      this.#host,
      this.#transfer,
      this.#extensions,
    );
  }

  #makeExtensions(infoHash: Uint8Array): Extensions {
    const { picker } = this.#transfer;
    return new Extensions(
      {
        infoHash,
        infoBytes: this.metainfo.infoBytes,
        isPrivate: this.metainfo.isPrivate,
        get isFinished() {
          return picker.isFinished;
        },
        connections: () => this.#swarm.connections.values(),
        found: (peers) => this.#swarm.found(peers, "pex"),
        learned: (peer, theirs) => this.#swarm.learned(peer, theirs.listenPort),
        warn: (error) => this.#events.emit("warning", error),
      },
      this.#host,
    );
  }

  #makeSources(infoHash: Uint8Array): Sources {
    const { picker, totals } = this.#transfer;
    const files = this.#files;
    return new Sources(
      this.#host.sources,
      {
        infoHash,
        peerId: this.#init.peerId,
        isPrivate: this.metainfo.isPrivate,
        trackers: this.#init.trackers ?? this.metainfo.trackers,
        transfer: () => ({
          uploaded: totals.uploaded.total,
          downloaded: totals.downloaded.total,
          left: picker.isFinished ? 0 : files.wantedBytes - files.storedBytes,
        }),
      },
      (peers, origin) => this.#swarm.found(peers, origin),
      (error) => this.#events.emit("warning", error),
    );
  }
}

/** What changes over a torrent's life; operations that change it run one after the other. */
class Life {
  state: TorrentState = "checking";
  error: Error | undefined;
  /** The data has been opened. */
  opened = false;
  /** Share of the pieces that the running check has seen. */
  checked = 0;
  readonly abort = new AbortController();
  readonly retry: Alarm;
  #last: Promise<void> = Promise.resolve();

  constructor(host: TorrentHost, onRetry: () => void) {
    this.retry = host.deadlines.alarm(onRetry);
  }

  /** Connections are wanted. */
  get isActive(): boolean {
    return this.state === "downloading" || this.state === "seeding";
  }

  serially(operation: () => Promise<void>): Promise<void> {
    const done = this.#last.then(operation);
    this.#last = done.catch(() => {});
    return done;
  }
}

function closedError(): TorrentError {
  return new TorrentError("ERR_TORRENT_CLOSED", "the torrent was closed or removed");
}
