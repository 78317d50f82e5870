// A torrent's files as users see them: progress, priority, reading.
import { type PieceGeometry, type PieceIndex, pieceIndex } from "@shoal/core";
import type { DiskTorrent } from "@shoal/disk-io";
import type { TorrentFile } from "@shoal/metainfo";
import type { PiecePicker } from "@shoal/picker";
import { TorrentError } from "./error.ts";
import type { Reader, ReadRange } from "./reader.ts";

/** 0 = not wanted, 1 = low … 4 = normal … 7 = first. */
export type FilePriority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** One file of a torrent. */
export interface TorrentFileHandle {
  /** Position in the torrent. */
  readonly index: number;
  /** Sanitised path below the download folder, with `/` between the elements. */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  readonly priority: FilePriority;
  /** Bytes of the file that are verified and stored. */
  readonly downloaded: number;
  /**
   * The file's bytes in order, as they become available; missing pieces are fetched first, but not
   * those that nobody wants: reading a file of priority 0 waits until it is wanted. Leaving the loop
   * withdraws the hurry.
   *
   * @param range `start` (inclusive) and `end` (exclusive) in bytes; the whole file by default.
   * @throws TorrentError `ERR_TORRENT_RANGE`; `ERR_TORRENT_CLOSED` if the torrent closes meanwhile;
   *   DiskError if stored data can't be read; the signal's reason.
   */
  stream(range?: ReadRange): AsyncIterable<Uint8Array>;
}

/** @throws TorrentError `ERR_TORRENT_PRIORITY`, naming the file. */
export function checkPriority(index: number, priority: number): void {
  if (Number.isInteger(priority) && priority >= 0 && priority <= 7) return;
  throw new TorrentError(
    "ERR_TORRENT_PRIORITY",
    `the priority of file ${index} must be an integer of 0–7, not ${String(priority)}`,
  );
}

/** Which files are wanted, and what that means for pieces. */
export class FileSet {
  readonly #files: readonly TorrentFile[];
  readonly #geometry: PieceGeometry;
  readonly #picker: PiecePicker;
  readonly #readers: { readonly reader: Reader };
  readonly #priorities: FilePriority[];
  /** What the disk knows of which files are wanted; undefined as long as it was told nothing. */
  #selected: readonly (boolean | undefined)[] | undefined;
  #handles: readonly TorrentFileHandle[] | undefined;
  #wanted = { total: 0, stored: 0 };

  constructor(
    files: readonly TorrentFile[],
    geometry: PieceGeometry,
    picker: PiecePicker,
    readers: { readonly reader: Reader },
  ) {
    this.#files = files;
    this.#geometry = geometry;
    this.#picker = picker;
    this.#readers = readers;
    this.#priorities = files.map(() => 4);
  }

  /** What users see of the files; made when they first look. */
  get handles(): readonly TorrentFileHandle[] {
    this.#handles ??= this.#files.map((file, index) => {
      return new FileHandle(this, this.#readers, file, index);
    });
    return this.#handles;
  }

  /** How many files there are. */
  get count(): number {
    return this.#files.length;
  }

  /**
   * Sets how much each file is wanted; a piece gets the highest priority of its files.
   *
   * @throws TorrentError `ERR_TORRENT_FILE` for an index that is no file, `ERR_TORRENT_PRIORITY` for
   *   a value that is no priority; nothing is changed then.
   */
  setPriorities(changes: ReadonlyMap<number, FilePriority>): void {
    for (const [index, priority] of changes) this.#checkChange(index, priority);
    for (const [index, priority] of changes) this.#priorities[index] = priority;
    this.#applyToPieces();
  }

  /**
   * Lets the disk know which files are wanted, if that has changed.
   *
   * @throws DiskError if that fails; the next call tries again.
   */
  async select(disk: DiskTorrent): Promise<void> {
    const wanted = this.#priorities.map((priority) => priority > 0);
    const told = this.#selected;
    if (wanted.every((isWanted, i) => isWanted === (told === undefined || told[i]))) return;
    this.#selected = wanted;
    try {
      await disk.setWanted(wanted);
    } catch (error) {
      this.#selected = wanted.map(() => undefined);
      throw error;
    }
  }

  /** How much a file is wanted. */
  priorityOf(index: number): FilePriority {
    return this.#priorities[index] ?? 4;
  }

  /** Bytes of all wanted pieces. */
  get wantedBytes(): number {
    return this.#wanted.total;
  }

  /** Bytes of wanted pieces that are stored. */
  get storedBytes(): number {
    return this.#wanted.stored;
  }

  /** A piece was stored: counts it. */
  pieceStored(piece: PieceIndex): void {
    if (this.#picker.priority(piece) > 0) this.#wanted.stored += this.#geometry.pieceSize(piece);
  }

  /** Counts anew, after many pieces changed at once. */
  recount(): void {
    this.#wanted = { total: 0, stored: 0 };
    for (let i = 0; i < this.#geometry.pieceCount; i++) {
      const piece = pieceIndex(i);
      if (this.#picker.priority(piece) === 0) continue;
      this.#wanted.total += this.#geometry.pieceSize(piece);
      if (this.#picker.have.has(i)) this.#wanted.stored += this.#geometry.pieceSize(piece);
    }
  }

  #checkChange(index: number, priority: number): void {
    if (this.#files[index] === undefined) {
      throw new TorrentError(
        "ERR_TORRENT_FILE",
        `there is no file ${index}; the torrent has files 0–${this.#files.length - 1}`,
      );
    }
    checkPriority(index, priority);
  }

  #applyToPieces(): void {
    const priorities = new Uint8Array(this.#geometry.pieceCount);
    for (const [index, file] of this.#files.entries()) {
      if (file.pad) continue;
      const priority = this.#priorities[index] ?? 4;
      for (const piece of this.#pieces(file)) {
        priorities[piece] = Math.max(priorities[piece] ?? 0, priority);
      }
    }
    for (const [piece, priority] of priorities.entries()) {
      this.#picker.setPriority(pieceIndex(piece), priority);
    }
    this.recount();
  }

  *#pieces(file: TorrentFile): Generator<PieceIndex> {
    if (file.length === 0) return;
    const first = Math.floor(file.offset / this.#geometry.pieceLength);
    const last = Math.floor((file.offset + file.length - 1) / this.#geometry.pieceLength);
    for (let piece = first; piece <= last; piece++) yield pieceIndex(piece);
  }

  /** Bytes of one file that are stored. */
  storedBytesOf(file: TorrentFile): number {
    let stored = 0;
    for (const piece of this.#pieces(file)) {
      if (!this.#picker.have.has(piece)) continue;
      const start = Math.max(this.#geometry.pieceOffset(piece), file.offset);
      const end = Math.min(
        this.#geometry.pieceOffset(piece) + this.#geometry.pieceSize(piece),
        file.offset + file.length,
      );
      stored += end - start;
    }
    return stored;
  }
}

class FileHandle implements TorrentFileHandle {
  readonly index: number;
  readonly path: string;
  readonly #set: FileSet;
  readonly #readers: { readonly reader: Reader };
  readonly #file: TorrentFile;

  constructor(
    set: FileSet,
    readers: { readonly reader: Reader },
    file: TorrentFile,
    index: number,
  ) {
    this.index = index;
    this.path = file.path.join("/");
    this.#set = set;
    this.#readers = readers;
    this.#file = file;
  }

  get length(): number {
    return this.#file.length;
  }

  get priority(): FilePriority {
    return this.#set.priorityOf(this.index);
  }

  get downloaded(): number {
    return this.#set.storedBytesOf(this.#file);
  }

  stream(range?: ReadRange): AsyncIterable<Uint8Array> {
    return this.#readers.reader.read(this.#file, range);
  }
}
