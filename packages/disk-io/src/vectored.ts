// Positioned reads and writes of parts of a list of buffers, in the sizes that are fastest.
import { readSync, readvSync, writeSync, writevSync } from "node:fs";

/** Of a read: more at once speeds nothing up. */
const READ_CHUNK = 256 * 1024;

/**
 * Of a write. Linux gives new file data memory in blocks of the write's size, and 32 KiB is the largest
 * of which every core keeps a stock. Larger ones save a quarter of the CPU at best, and cost five times
 * as much where a hypervisor has to bring the memory first.
 */
const WRITE_CHUNK = 32 * 1024;

/** Walks through the bytes of a list of buffers. */
export class Cursor {
  readonly #views: readonly Uint8Array[];
  /** Calls of the system that took or brought the bytes. */
  calls = 0;
  #view = 0;
  #offset = 0;

  constructor(views: readonly Uint8Array[]) {
    this.#views = views;
  }

  /** The next `length` bytes or the rest, as views; moves on by `advance`. */
  peek(length: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let offset = this.#offset;
    for (let i = this.#view, left = length; left > 0 && i < this.#views.length; i++) {
      const part = this.#views[i]?.subarray(offset, offset + left) ?? EMPTY;
      parts.push(part);
      left -= part.length;
      offset = 0;
    }
    return parts;
  }

  advance(length: number): void {
    this.#offset += length;
    for (let view = this.#views[this.#view]; view && this.#offset >= view.length; ) {
      this.#offset -= view.length;
      view = this.#views[++this.#view];
    }
  }
}

const EMPTY = new Uint8Array(0);

/** Bytes in all views. */
export function lengthOf(views: readonly Uint8Array[]): number {
  let sum = 0;
  for (const view of views) sum += view.length;
  return sum;
}

/** Reads `length` bytes of the file at `position`; returns how many there were. */
export function readAt(fd: number, position: number, length: number, into: Cursor): number {
  let done = 0;
  while (done < length) {
    const parts = into.peek(Math.min(READ_CHUNK, length - done));
    const count = readParts(fd, parts, position + done);
    into.calls++;
    if (count === 0) break;
    into.advance(count);
    done += count;
  }
  return done;
}

/** Writes `length` bytes to the file at `position`. */
export function writeAt(fd: number, position: number, length: number, from: Cursor): void {
  for (let done = 0; done < length; ) {
    const parts = from.peek(Math.min(WRITE_CHUNK, length - done));
    const count = writeParts(fd, parts, position + done);
    from.calls++;
    from.advance(count);
    done += count;
  }
}

/** Lets `length` zeros come, as from padding (BEP 47); returns `length`. */
export function zeros(into: Cursor, length: number): number {
  for (const part of into.peek(length)) part.fill(0);
  into.advance(length);
  return length;
}

function readParts(fd: number, parts: Uint8Array[], position: number): number {
  const [only] = parts;
  return parts.length === 1 && only !== undefined
    ? readSync(fd, only, 0, only.length, position)
    : readvSync(fd, parts, position);
}

function writeParts(fd: number, parts: Uint8Array[], position: number): number {
  const [only] = parts;
  return parts.length === 1 && only !== undefined
    ? writeSync(fd, only, 0, only.length, position)
    : writevSync(fd, parts, position);
}
