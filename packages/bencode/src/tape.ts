// The index of a scanned input: where each key, value and end mark stands, in one typed array.

/**
 * Tokens in the order of the input. A token is a key, a value, the end mark of a list or dictionary,
 * or the mark after the last value. Its kind is told by its first byte in the input.
 *
 * Two numbers a token: the offset of its first byte and its link. A string's link is the offset of
 * its payload; the link of a list or dictionary is the token after its end mark. A string or
 * integer ends where the next token begins.
 */
export class Tape {
  readonly bytes: Uint8Array;
  #cells: Int32Array;
  #count = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    // Real torrents have a token for every 8 to 16 bytes outside the piece hashes.
    this.#cells = new Int32Array(Math.min(2048, 16 + (bytes.length >> 2)));
  }

  /** How many tokens there are so far. */
  get count(): number {
    return this.#count;
  }

  push(offset: number, link: number): void {
    const cell = 2 * this.#count++;
    if (cell + 1 >= this.#cells.length) this.#grow();
    this.#cells[cell] = offset;
    this.#cells[cell + 1] = link;
  }

  setLink(token: number, link: number): void {
    this.#cells[2 * token + 1] = link;
  }

  /** Where the token begins in the input. */
  offset(token: number): number {
    return this.#cells[2 * token] ?? 0;
  }

  link(token: number): number {
    return this.#cells[2 * token + 1] ?? 0;
  }

  /** The first byte of the token: `d`, `l`, `i`, `e` or a digit. */
  kind(token: number): number {
    return this.bytes[this.offset(token)] ?? 0;
  }

  /** The token after this value, whatever it holds. */
  after(token: number): number {
    const kind = this.kind(token);
    return kind === BYTE_D || kind === BYTE_L ? this.link(token) : token + 1;
  }

  /** The payload of a string token, as a view of the input. */
  string(token: number): Uint8Array {
    return this.bytes.subarray(this.link(token), this.offset(token + 1));
  }

  /** The encoded form of any value, as a view of the input. */
  span(token: number): Uint8Array {
    return this.bytes.subarray(this.offset(token), this.offset(this.after(token)));
  }

  /** The value of an integer token: a number if it is safe as such. */
  integer(token: number): number | bigint {
    const start = this.offset(token) + 1;
    const end = this.offset(token + 1) - 1;
    const negative = this.bytes[start] === BYTE_MINUS;
    let value = 0;
    for (let at = negative ? start + 1 : start; at < end; at++) {
      value = value * 10 + ((this.bytes[at] ?? 0) - BYTE_0);
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      return BigInt(String.fromCharCode(...this.bytes.subarray(start, end)));
    }
    return negative && value !== 0 ? -value : value;
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#cells.length);
    larger.set(this.#cells);
    this.#cells = larger;
  }
}

export const BYTE_0 = 0x30;
export const BYTE_9 = 0x39;
export const BYTE_COLON = 0x3a;
export const BYTE_MINUS = 0x2d;
export const BYTE_D = 0x64;
export const BYTE_E = 0x65;
export const BYTE_I = 0x69;
export const BYTE_L = 0x6c;
