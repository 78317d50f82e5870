// Bytes of files that nobody wants, which came with pieces that overlap them: one file, a slot per piece.
import { fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs";
import { PartHeader, type PartShape } from "./part-header.ts";
import { Cursor, lengthOf, readAt, writeAt } from "./vectored.ts";

/** Copied at once when slots move. */
const CHUNK = 256 * 1024;

/** How a part file gets at its file; descriptors are valid until the next call. */
export interface PartAccess {
  /** @returns undefined if there is no such file. */
  read(): number | undefined;
  /** Makes the file if there is none. */
  write(): number;
  remove(): void;
}

/**
 * The part file of one torrent. Exists only while there are bytes in it. What its head says is true at
 * any moment, so that a crash loses nothing that was flushed: a slot is given to another piece only
 * after the old one's release is durable.
 */
export class PartFile {
  readonly #access: PartAccess;
  readonly #shape: PartShape;
  #header: PartHeader | undefined;
  #isForeign = false;

  constructor(shape: PartShape, access: PartAccess) {
    this.#access = access;
    this.#shape = shape;
    this.#load();
  }

  /** Whether it holds nothing: then there is no file. */
  get isEmpty(): boolean {
    return this.#header === undefined;
  }

  /** Whether a file of that name is there and is none of ours. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  /** The pieces that it has slots for. */
  get pieces(): readonly number[] {
    return this.#header?.pieces ?? [];
  }

  /** Whether the file's bytes lie here. */
  hasFile(file: number): boolean {
    return this.#header?.hasFile(file) ?? false;
  }

  /** Whether it has a slot for the piece. */
  hasPiece(piece: number): boolean {
    return this.#header?.slotOf(piece) !== undefined;
  }

  /** Reads bytes of a piece that has a slot; returns how many there were. */
  read(piece: number, begin: number, length: number, into: Cursor): number {
    const at = this.#placeOf(piece);
    const fd = at === undefined ? undefined : this.#access.read();
    return at === undefined || fd === undefined ? 0 : readAt(fd, at + begin, length, into);
  }

  /**
   * Writes bytes of a piece that belong to the file.
   *
   * @throws Error with code `EEXIST` if a foreign file is in the way.
   */
  write(file: number, piece: number, begin: number, length: number, from: Cursor): void {
    if (this.#isForeign) throw inTheWay();
    const fd = this.#access.write();
    const isNew = this.#header === undefined || fstatSync(fd).size < this.#header.size;
    this.#header ??= new PartHeader(this.#shape);
    const header = this.#header;
    if (isNew) writeSync(fd, header.bytes, 0, header.size, 0);
    if (!header.hasFile(file)) this.#save(fd, header.setFile(file, true), 1);
    const slot = header.slotOf(piece) ?? header.take(piece);
    this.#save(fd, header.entryAt(piece), 4);
    writeAt(fd, header.slotAt(slot) + begin, length, from);
  }

  /**
   * Lets go of files whose bytes are durable elsewhere now, and of the slots that held nothing else;
   * shrinks the file, or removes it.
   *
   * @param filesOf The files that overlap a piece.
   */
  release(files: Iterable<number>, filesOf: (piece: number) => readonly number[]): void {
    const header = this.#header;
    if (header === undefined) return;
    for (const file of files) header.setFile(file, false);
    for (const piece of header.pieces) {
      if (!filesOf(piece).some((file) => header.hasFile(file))) header.free(piece);
    }
    if (header.slotCount === 0) {
      this.#header = undefined;
      this.#access.remove();
      return;
    }
    const fd = this.#access.write();
    writeSync(fd, header.bytes, 0, header.size, 0);
    fdatasyncSync(fd);
    this.#compact(fd, header);
  }

  /**
   * Copies bytes of a piece that has a slot to another file.
   *
   * @param to Opens it; called after each read, for descriptors are valid until the next call.
   */
  copyOut(piece: number, begin: number, length: number, at: number, to: () => number): void {
    const buffer = Buffer.allocUnsafe(Math.min(length, CHUNK));
    for (let done = 0; done < length; done += buffer.length) {
      const wanted = [buffer.subarray(0, length - done)];
      const count = this.read(piece, begin + done, lengthOf(wanted), new Cursor(wanted));
      writeAt(to(), at + done, count, new Cursor(wanted));
    }
  }

  /** Moves the last slots into free ones. */
  #compact(fd: number, header: PartHeader): void {
    for (let move = header.nextMove(); move !== undefined; move = header.nextMove()) {
      copy(fd, header.slotAt(move.from), header.slotAt(move.to), this.#shape.pieceLength);
      fdatasyncSync(fd);
      header.move(move);
      this.#save(fd, header.entryAt(move.piece), 4);
    }
    fdatasyncSync(fd);
    const end = header.slotAt(header.slotCount);
    if (fstatSync(fd).size > end) ftruncateSync(fd, end);
  }

  #load(): void {
    const fd = this.#access.read();
    if (fd === undefined) return;
    const { size } = new PartHeader(this.#shape);
    const bytes = Buffer.alloc(size);
    const count = readSync(fd, bytes, 0, size, 0);
    const header = PartHeader.parse(bytes.subarray(0, count), this.#shape);
    if (header === undefined) this.#isForeign = true;
    else if (header.slotCount > 0) this.#header = header;
  }

  #placeOf(piece: number): number | undefined {
    const slot = this.#header?.slotOf(piece);
    return slot === undefined ? undefined : this.#header?.slotAt(slot);
  }

  #save(fd: number, at: number, length: number): void {
    if (this.#header !== undefined) writeSync(fd, this.#header.bytes, at, length, at);
  }
}

function copy(fd: number, from: number, to: number, length: number): void {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK, length));
  for (let done = 0; done < length; ) {
    const count = readSync(fd, chunk, 0, Math.min(chunk.length, length - done), from + done);
    if (count === 0) return;
    writeSync(fd, chunk, 0, count, to + done);
    done += count;
  }
}

function inTheWay(): Error {
  const message = "a file that is no part file of this torrent has its name";
  return Object.assign(new Error(message), { code: "EEXIST" });
}
