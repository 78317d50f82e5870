// A growing byte buffer.
import { BYTE_0, BYTE_MINUS } from "./tape.ts";

/** Collects bytes; doubles its buffer when that is full. */
export class Writer {
  #buffer = new Uint8Array(256);
  #length = 0;

  /** How many bytes have been written. */
  get length(): number {
    return this.#length;
  }

  byte(byte: number): void {
    if (this.#length === this.#buffer.length) this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Text whose characters are all below 128. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const buffer = this.#buffer;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    this.#length = at;
  }

  /** A safe integer in decimal digits. */
  decimal(value: number): void {
    if (value > SMALL || value < -SMALL) {
      this.ascii(String(value));
      return;
    }
    this.#reserve(11);
    const buffer = this.#buffer;
    let rest = value | 0;
    if (rest < 0) {
      buffer[this.#length++] = BYTE_MINUS;
      rest = -rest;
    }
    let digits = 1;
    for (let bound = 10; rest >= bound; bound *= 10) digits++;
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      buffer[at] = BYTE_0 + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.#length += digits;
  }

  /** What was written, in an array of exactly its size. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Integers up to here are written digit by digit with 32-bit arithmetic. */
const SMALL = 0x7fff_ffff;
