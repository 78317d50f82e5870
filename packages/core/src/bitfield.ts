// A fixed-size set of piece indices in the byte order of the wire: bit 7 of byte 0 is piece 0.

/** A set of integers 0…length−1. Bytes are as BEP 3 sends them; spare bits are always zero. */
export class Bitfield {
  readonly length: number;
  readonly #bytes: Uint8Array;
  #count = 0;

  /** An empty set over 0…length−1. */
  constructor(length: number) {
    this.length = length;
    this.#bytes = new Uint8Array((length + 7) >> 3);
  }

  /** The set with every member. */
  static full(length: number): Bitfield {
    const field = new Bitfield(length);
    field.fill();
    return field;
  }

  /**
   * Copies the payload of a `bitfield` message.
   *
   * @returns `undefined` if the size is not exactly ⌈length/8⌉ bytes or a spare bit is set; BEP 3
   *   wants such a connection closed.
   */
  static from(bytes: Uint8Array, length: number): Bitfield | undefined {
    const field = new Bitfield(length);
    if (bytes.length !== field.#bytes.length) return undefined;
    field.#bytes.set(bytes);
    const spare = field.#bytes.length * 8 - length;
    if (((field.#bytes.at(-1) ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
    field.#count = countBits(field.#bytes);
    return field;
  }

  /** How many members the set has. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.length;
  }

  /** Whether `index` is a member; false for indices outside the set. */
  has(index: number): boolean {
    return this.#isInside(index) && ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
  }

  /** Adds a member; true if it is new. Indices outside the set are ignored. */
  add(index: number): boolean {
    if (!this.#isInside(index) || this.has(index)) return false;
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
    this.#count++;
    return true;
  }

  /** Removes a member; true if it was there. */
  delete(index: number): boolean {
    if (!this.has(index)) return false;
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] ?? 0) & ~(0x80 >> (index & 7));
    this.#count--;
    return true;
  }

  /** Adds every member. */
  fill(): void {
    this.#bytes.fill(0xff);
    const spare = this.#bytes.length * 8 - this.length;
    const last = this.#bytes.length - 1;
    if (last >= 0) this.#bytes[last] = (0xff << spare) & 0xff;
    this.#count = this.length;
  }

  clear(): void {
    this.#bytes.fill(0);
    this.#count = 0;
  }

  /** Whether this set has a member that `other` lacks. Both must have the same length. */
  hasBeyond(other: Bitfield): boolean {
    const theirs = other.#bytes;
    return this.#bytes.some((byte, i) => (byte & ~(theirs[i] ?? 0)) !== 0);
  }

  /** The bytes themselves, not a copy: read only, and valid until the set changes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** An independent copy. */
  clone(): Bitfield {
    const copy = new Bitfield(this.length);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  /** The members in ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (let byte = 0; byte < this.#bytes.length; byte++) {
      const bits = this.#bytes[byte] ?? 0;
      if (bits === 0) continue;
      for (let bit = 0; bit < 8; bit++) if (bits & (0x80 >> bit)) yield byte * 8 + bit;
    }
  }

  #isInside(index: number): boolean {
    return index >= 0 && index < this.length;
  }
}

function countBits(bytes: Uint8Array): number {
  let count = 0;
  for (let byte of bytes) {
    for (; byte !== 0; byte &= byte - 1) count++;
  }
  return count;
}
