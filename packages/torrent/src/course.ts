// The course of a torrent's life: what is done on the way from one state to the next. See STATE.md.
import { type Alarm, asError, type Bitfield, type Emitter, type PieceIndex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { Metainfo } from "@shoal/metainfo";
import { PRIVATE_ORIGINS } from "@shoal/swarm";
import { applyWishes, type Content, openData } from "./content.ts";
import type { FilePriority } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import { Life } from "./life.ts";
import { infoHashOf, isInfoOf, joinMetainfo } from "./metadata.ts";
import { Parts } from "./parts.ts";
import { progressOf } from "./report.ts";
import type { PartsHost } from "./sides.ts";
import type { TorrentEvents, TorrentProgress, TorrentState } from "./types.ts";

/** After a disk error the torrent tries again so often, in ms. */
const RETRY_MS = 30_000;

/** How long good-byes to trackers may take, in ms. */
const GOODBYE_MS = 5000;

const NO_WISHES: ReadonlyMap<number, FilePriority> = new Map();

/** Steps between states; those that wait are run one after the other by their caller. */
export class Course implements PartsHost {
  /** Undefined until it has come. */
  metainfo: Metainfo | undefined;
  /** By tier. */
  trackers: readonly (readonly string[])[];
  /** How much the user wants files, by index. */
  wishes: ReadonlyMap<number, FilePriority>;
  readonly life: Life;
  readonly events: Emitter<TorrentEvents>;
  readonly parts: Parts;
  readonly #session: TorrentHost;
  readonly #init: TorrentInit;
  #disk: DiskTorrent | undefined;
  /** Rings when a disk error is to be tried again. */
  #retry: Alarm | undefined;

  constructor(session: TorrentHost, init: TorrentInit, events: Emitter<TorrentEvents>) {
    const { origin } = init;
    this.#session = session;
    this.#init = init;
    this.events = events;
    this.life = new Life(init.paused ?? false);
    this.metainfo = isComplete(origin) ? origin : undefined;
    this.trackers = init.trackers ?? origin.trackers;
    this.wishes = init.priorities === undefined ? NO_WISHES : new Map(init.priorities);
    this.parts = new Parts(session, init, this);
    applyWishes(this.parts.content, origin, this.wishes);
  }

  get infoHash(): Uint8Array {
    return infoHashOf(this.#init.origin);
  }

  get isActive(): boolean {
    return this.life.isActive;
  }

  get progress(): TorrentProgress {
    return progressOf(this.life, this.parts, this.#session.clock.now());
  }

  /** Opens and verifies the data; then it goes on. */
  async prepare(): Promise<void> {
    const { life } = this;
    if (life.isClosing) return;
    if (this.metainfo === undefined) {
      this.#begin();
      return;
    }
    try {
      life.verified = false;
      this.enter("checking");
      await this.goQuiet();
      const { content } = this.parts;
      const disk = await this.#open(this.metainfo, content);
      disk.retry();
      await content.files.select(disk);
      await this.#verify(disk);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** After a pause or an error; unverified data is checked first, lest good data be overwritten. */
  async goOn(): Promise<void> {
    const { life } = this;
    if (life.state !== "paused" && life.state !== "error") return;
    if (!life.verified) {
      await this.prepare();
      return;
    }
    try {
      const { transfer, files } = this.parts.content;
      if (life.state === "error") await transfer.retry();
      else transfer.disk.retry();
      await files.select(transfer.disk);
      this.#begin();
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** Bytes came that may be the info dictionary. @returns whether they are what is missing. */
  metadataArrived(infoBytes: Uint8Array): boolean {
    const { life } = this;
    const { origin } = this.#init;
    const sha1 = (bytes: Uint8Array): Uint8Array => this.#session.sha1(bytes);
    if (isComplete(origin) || !isInfoOf(origin, infoBytes, sha1)) return false;
    if (this.metainfo !== undefined || life.isClosing) return true;
    try {
      this.metainfo = joinMetainfo(origin, infoBytes, sha1);
    } catch (error) {
      this.fail(asError(error));
      this.#retry?.clear();
      return true;
    }
    if (this.metainfo.isPrivate) this.#withdraw();
    this.events.emit("metadata", this.metainfo);
    const { metainfo } = this;
    void life.serially(() => this.#learn(metainfo));
    return true;
  }

  /** Ends connections and feeds. Resolves when the good-byes are over. */
  goQuiet(): Promise<void> {
    const { lanes, swarm } = this.parts;
    lanes?.close();
    swarm.disconnectAll();
    return this.#closeSources();
  }

  /** @throws DiskError if flushing or deleting fails. */
  async close(reason: Error, deleteData: boolean): Promise<void> {
    this.enter("closed");
    this.parts.content.reader.close(reason);
    void this.goQuiet();
    await this.life.quiet;
    this.parts.extensions.close();
    await this.#disk?.close({ deleteData });
  }

  enter(state: TorrentState): void {
    const { life, events } = this;
    if (life.state === state) return;
    life.state = state;
    life.error = undefined;
    this.#retry?.clear();
    events.emit("state", state);
  }

  fail(error: Error): void {
    const { life, events } = this;
    if (life.isClosing) return;
    this.enter("error");
    life.error = error;
    void this.goQuiet();
    events.emit("error", error);
    this.#retry ??= this.#session.deadlines.alarm(() => {
      void life.serially(() => this.goOn());
    });
    this.#retry.set(this.#session.clock.now() + RETRY_MS);
  }

  /**
   * Verified data is gone. Nothing is done about it until the user resumes, which checks: the disk
   * may just be unplugged, and downloading anew into its place would do harm.
   */
  dataLost(error: Error): void {
    this.life.verified = false;
    this.fail(error);
    this.#retry?.clear();
  }

  pieceStored(piece: PieceIndex): void {
    const { content, swarm, sources } = this.parts;
    content.files.pieceStored(piece);
    swarm.announce(piece);
    content.wakeReaders();
    this.events.emit("piece", piece);
    if (this.life.state !== "downloading" || !content.transfer.isFinished) return;
    this.#finish();
    if (content.transfer.picker.have.isFull) sources.completed();
  }

  diskFailed(error: Error): void {
    this.fail(error);
  }

  /** Files were selected or deselected. */
  wantsChanged(): void {
    const { life } = this;
    const { content, swarm, lanes } = this.parts;
    if (this.#disk !== undefined) {
      content.files.select(this.#disk).catch((error: unknown) => this.fail(asError(error)));
    }
    if (!life.isActive || life.state === "metadata") return;
    const { isFinished } = content.transfer;
    if (isFinished && life.state === "downloading") {
      this.#finish();
    } else if (!isFinished && life.state === "seeding") {
      this.enter("downloading");
      this.parts.extensions.update();
      this.#openLanes();
    }
    swarm.reviewInterest();
    swarm.dialMore();
    lanes?.wake();
  }

  /**
   * The metadata has come. Peers that are connected stay and send the data, unless some is there
   * already: that is verified first, as at every start, without connections.
   */
  async #learn(metainfo: Metainfo): Promise<void> {
    const { life } = this;
    if (life.isClosing) return;
    const content = this.parts.contentOf(metainfo);
    if (life.state !== "metadata") {
      this.#switchTo(content);
      return;
    }
    try {
      const disk = await this.#open(metainfo, content);
      const isEmpty = await disk.isEmpty();
      if (!isEmpty || metainfo.isPrivate) {
        this.enter("checking");
        await this.goQuiet();
      }
      this.#switchTo(content);
      await content.files.select(disk);
      await this.#verify(disk, isEmpty);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  #switchTo(content: Content): void {
    applyWishes(content, this.#init.origin, this.wishes);
    this.parts.content = content;
  }

  /** The torrent turned out to be private (BEP 27): that holds at once, however slow the disk is. */
  #withdraw(): void {
    const { swarm, extensions } = this.parts;
    swarm.list.restrictTo(PRIVATE_ORIGINS);
    extensions.close();
    void this.#closeSources();
  }

  async #open(metainfo: Metainfo, content: Content): Promise<DiskTorrent> {
    this.#disk ??= await openData(this.#session, this.#init, metainfo, content.transfer);
    return this.#disk;
  }

  async #verify(disk: DiskTorrent, isEmpty = false): Promise<void> {
    const { life } = this;
    const { content } = this.parts;
    const { transfer, files } = content;
    transfer.checking();
    transfer.checked(isEmpty ? undefined : await this.#check(disk));
    files.recount();
    content.wakeReaders();
    life.verified = true;
    // Not if writing what was left failed meanwhile.
    if (life.state === "checking" || life.state === "metadata") this.#begin();
  }

  /** @returns the pieces that are right. */
  async #check(disk: DiskTorrent): Promise<Bitfield> {
    const { life, events } = this;
    const { pieceCount } = this.parts.content.transfer.geometry;
    const check = new AbortController();
    life.check = check;
    if (life.isClosing) life.close();
    try {
      return await disk.check({
        signal: check.signal,
        onProgress: (checked) => {
          life.checked = checked / pieceCount;
          if (events.hasListeners("progress")) events.emit("progress", this.progress);
        },
      });
    } finally {
      life.check = undefined;
    }
  }

  #closeSources(): Promise<void> {
    const { sources } = this.parts;
    if (!sources.isOpen) return Promise.resolve();
    const quiet = sources.closeWithin(GOODBYE_MS, this.#session);
    this.life.quiet = Promise.all([this.life.quiet, quiet]);
    return quiet;
  }

  /** Into the state that the data calls for, or paused if so wished. */
  #begin(): void {
    const { life } = this;
    if (life.isClosing) return;
    if (life.paused) {
      this.enter("paused");
      return;
    }
    if (this.metainfo === undefined) {
      this.enter("metadata");
    } else if (this.parts.content.transfer.isFinished) {
      this.#finish();
    } else {
      this.enter("downloading");
      this.#openLanes();
    }
    this.parts.sources.open();
    this.parts.swarm.dialMore();
  }

  #openLanes(): void {
    if (this.metainfo !== undefined) this.parts.openLanes(this.metainfo);
  }

  #finish(): void {
    const { life, events } = this;
    const { lanes, swarm, extensions, content } = this.parts;
    this.enter("seeding");
    lanes?.close();
    life.finishing = true;
    content.transfer.disk.finish().then(
      () => {
        life.finishing = false;
        const isStill = content.transfer.isFinished && !life.isClosing;
        if (isStill) events.emit("done", this.progress);
      },
      (error: unknown) => {
        life.finishing = false;
        this.fail(asError(error));
      },
    );
    extensions.update();
    swarm.reviewInterest();
  }
}
