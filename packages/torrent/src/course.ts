// The course of a torrent's life: what is done on the way from one state to the next. See STATE.md.
import { asError, type Emitter, type PieceIndex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { Metainfo } from "@shoal/metainfo";
import { applyWishes, type Content, openData } from "./content.ts";
import type { FilePriority } from "./files.ts";
import type { TorrentHost } from "./host.ts";
import { isComplete, type TorrentInit } from "./init.ts";
import type { Life } from "./life.ts";
import { isInfoOf, joinMetainfo } from "./metadata.ts";
import type { Parts } from "./parts.ts";
import type { TorrentEvents, TorrentProgress, TorrentState } from "./types.ts";

/** After a disk error the torrent tries again so often, in ms. */
const RETRY_MS = 30_000;

/** How long good-byes to trackers may take, in ms. */
const GOODBYE_MS = 5000;

/** What the course needs of its torrent. */
export interface CourseHost {
  readonly session: TorrentHost;
  readonly init: TorrentInit;
  readonly events: Emitter<TorrentEvents>;
  readonly life: Life;
  /** Lower-case hex. */
  readonly infoHash: string;
  /** How much the user wants files. */
  readonly wishes: ReadonlyMap<number, FilePriority>;
  progress(): TorrentProgress;
}

/** Steps between states; those that wait are run one after the other by their caller. */
export class Course {
  /** Undefined until it has come. */
  metainfo: Metainfo | undefined;
  readonly #host: CourseHost;
  #parts: Parts | undefined;
  #disk: DiskTorrent | undefined;

  constructor(host: CourseHost) {
    this.#host = host;
    const { origin } = host.init;
    this.metainfo = isComplete(origin) ? origin : undefined;
  }

  /** Names the parts; nothing else may be called before. */
  use(parts: Parts): void {
    this.#parts = parts;
    applyWishes(parts.content, this.#host.init.origin, this.#host.wishes);
    parts.extensions.open();
  }

  /** Opens and verifies the data; then it goes on. Checks even an empty store if `thoroughly`. */
  async prepare(thoroughly: boolean): Promise<void> {
    const { life } = this.#host;
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
      await this.#verify(disk, !thoroughly && (await disk.isEmpty()));
    } catch (error) {
      this.fail(asError(error));
    }
  }

  /** After a pause or an error; unverified data is checked first, lest good data be overwritten. */
  async goOn(): Promise<void> {
    const { life } = this.#host;
    if (life.state !== "paused" && life.state !== "error") return;
    if (!life.verified) {
      await this.prepare(false);
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
    const { init, session, life } = this.#host;
    const { origin } = init;
    const sha1 = (bytes: Uint8Array): Uint8Array => session.sha1(bytes);
    if (isComplete(origin) || !isInfoOf(origin, infoBytes, sha1)) return false;
    if (this.metainfo !== undefined || life.isClosing) return true;
    try {
      this.metainfo = joinMetainfo(origin, infoBytes, sha1);
    } catch (error) {
      this.fail(asError(error));
      life.retry.clear();
      return true;
    }
    this.#host.events.emit("metadata", this.metainfo);
    const { metainfo } = this;
    void life.serially(() => this.#learn(metainfo));
    return true;
  }

  /** Ends connections and feeds. Resolves when the good-byes are over. */
  goQuiet(): Promise<void> {
    const { life, session } = this.#host;
    this.parts.lanes.close();
    this.parts.swarm.disconnectAll();
    const quiet = this.parts.sources.closeWithin(GOODBYE_MS, session);
    life.quiet = Promise.all([life.quiet, quiet]);
    return quiet;
  }

  /** @throws DiskError if flushing or deleting fails. */
  async close(reason: Error, deleteData: boolean): Promise<void> {
    this.enter("closed");
    this.parts.content.reader.close(reason);
    void this.goQuiet();
    await this.#host.life.quiet;
    this.parts.extensions.close();
    await this.#disk?.close({ deleteData });
  }

  enter(state: TorrentState): void {
    const { life, events } = this.#host;
    if (life.state === state) return;
    life.state = state;
    life.error = undefined;
    life.retry.clear();
    events.emit("state", state);
  }

  fail(error: Error): void {
    const { life, events, session } = this.#host;
    if (life.isClosing) return;
    this.enter("error");
    life.error = error;
    void this.goQuiet();
    events.emit("error", error);
    life.retry.set(session.clock.now() + RETRY_MS);
  }

  /**
   * Verified data is gone. Nothing is done about it until the user resumes, which checks: the disk
   * may just be unplugged, and downloading anew into its place would do harm.
   */
  lose(error: Error): void {
    this.#host.life.verified = false;
    this.fail(error);
    this.#host.life.retry.clear();
  }

  /** Files were selected or deselected. */
  wantsChanged(): void {
    const { life } = this.#host;
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
    lanes.wake();
  }

  /** A piece is verified and written. */
  stored(piece: PieceIndex): void {
    const { content, swarm, sources } = this.parts;
    content.files.pieceStored(piece);
    swarm.announce(piece);
    content.reader.wake();
    this.#host.events.emit("piece", piece);
    if (this.#host.life.state !== "downloading" || !content.transfer.isFinished) return;
    this.#finish();
    if (content.transfer.picker.have.isFull) sources.completed();
  }

  get parts(): Parts {
    if (this.#parts === undefined) throw new Error("the torrent's parts are not made yet");
    return this.#parts;
  }

  /**
   * The metadata has come. Peers that are connected stay and send the data, unless some is there
   * already: that is verified first, as at every start, without connections.
   */
  async #learn(metainfo: Metainfo): Promise<void> {
    const { life } = this.#host;
    if (life.isClosing) return;
    const content = this.parts.contentOf(metainfo);
    if (life.state !== "metadata") {
      this.#switchTo(content, metainfo);
      return;
    }
    try {
      const disk = await this.#open(metainfo, content);
      const isEmpty = await disk.isEmpty();
      if (!isEmpty || metainfo.isPrivate) {
        this.enter("checking");
        await this.goQuiet();
      }
      this.#switchTo(content, metainfo);
      await content.files.select(disk);
      await this.#verify(disk, isEmpty);
    } catch (error) {
      this.fail(asError(error));
    }
  }

  #switchTo(content: Content, { isPrivate }: Metainfo): void {
    applyWishes(content, this.#host.init.origin, this.#host.wishes);
    this.parts.content = content;
    if (!isPrivate) return;
    this.parts.swarm.list.forgetUnlessFrom(["tracker", "manual"]);
    this.parts.extensions.close();
    this.parts.extensions.open();
  }

  async #open(metainfo: Metainfo, content: Content): Promise<DiskTorrent> {
    const { session, init, infoHash } = this.#host;
    this.#disk ??= await openData(session, init, metainfo, infoHash, content.transfer);
    return this.#disk;
  }

  async #verify(disk: DiskTorrent, isEmpty: boolean): Promise<void> {
    const { life, events } = this.#host;
    const { transfer, files, reader } = this.parts.content;
    transfer.checking();
    const good = isEmpty
      ? undefined
      : await disk.check({
          signal: life.closing.signal,
          onProgress: (checked) => {
            life.checked = checked / transfer.geometry.pieceCount;
            events.emit("progress", this.#host.progress());
          },
        });
    transfer.checked(good);
    files.recount();
    reader.wake();
    life.verified = true;
    // Not if writing what was left failed meanwhile.
    if (life.state === "checking" || life.state === "metadata") this.#begin();
  }

  /** Into the state that the data calls for, or paused if so wished. */
  #begin(): void {
    const { life } = this.#host;
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
    if (this.metainfo !== undefined) {
      this.parts.lanes.open(this.metainfo, this.parts.content.transfer);
    }
  }

  #finish(): void {
    const { life, events } = this.#host;
    const { lanes, swarm, extensions, content } = this.parts;
    this.enter("seeding");
    lanes.close();
    life.finishing = true;
    content.transfer.disk.finish().then(
      () => {
        life.finishing = false;
        const isStill = content.transfer.isFinished && !life.isClosing;
        if (isStill) events.emit("done", this.#host.progress());
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
