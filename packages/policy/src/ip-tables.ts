// Collects ranges of addresses, then sorts and joins them.

/** Ranges in ascending order that neither overlap nor touch. */
export interface IpTables {
  readonly v4Starts: Uint32Array;
  readonly v4Ends: Uint32Array;
  /** {@link V6_WORDS} words for each range, the highest first. */
  readonly v6Starts: Uint32Array;
  readonly v6Ends: Uint32Array;
}

/** Words of 32 bits in an IPv6 address. */
export const V6_WORDS = 4;

/** What {@link v4Number} gives for everything but a dotted quad. */
export const NOT_V4 = -1;

/**
 * A dotted quad as a number. Leading zeros are allowed, as lists pad their numbers: they are decimal.
 *
 * @param text It is between `start` and `end`.
 */
export function v4Number(text: string, start: number, end: number): number {
  let number = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      octet = 10 * octet + code - ZERO;
      if (++digits > 3 || octet > 255) return NOT_V4;
    } else {
      if (code !== DOT || digits === 0 || ++dots > 3) return NOT_V4;
      number = 256 * number + octet;
      octet = 0;
      digits = 0;
    }
  }
  return dots === 3 && digits > 0 ? 256 * number + octet : NOT_V4;
}

/** Takes ranges in any order. */
export class IpTablesBuilder {
  /** Two words for each range. One 64-bit number holds it so that its start counts most. */
  #v4: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #v4Count = 0;
  /** Eight words for each range: its start and its end. */
  #v6: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  #v6Count = 0;

  /** How many ranges were added. */
  get count(): number {
    return this.#v4Count + this.#v6Count;
  }

  /** @returns false if the range ends before it starts: then it was not added. */
  addV4(first: number, last: number): boolean {
    if (first > last) return false;
    const at = 2 * this.#v4Count++;
    if (at === this.#v4.length) this.#v4 = grown(this.#v4);
    this.#v4[at + HIGH] = first;
    this.#v4[at + LOW] = last;
    return true;
  }

  /**
   * @param first 4 or 16 bytes; `last` as many. IPv4-mapped addresses are IPv4 ones.
   * @returns false if the families differ or the range ends before it starts.
   */
  add(first: Uint8Array, last: Uint8Array): boolean {
    const [low, high] = [unmapped(first), unmapped(last)];
    if (low.length !== high.length) return false;
    const [from, to] = [words(low), words(high)];
    if (from.length === 1) return this.addV4(from[0] ?? 0, to[0] ?? 0);
    if (compare(from, 0, to, 0) > 0) return false;
    const at = 2 * V6_WORDS * this.#v6Count++;
    if (at === this.#v6.length) this.#v6 = grown(this.#v6);
    this.#v6.set(from, at);
    this.#v6.set(to, at + V6_WORDS);
    return true;
  }

  /** Sorts and joins what was added. The builder is used up. */
  build(): IpTables {
    return { ...this.#buildV4(), ...this.#buildV6() };
  }

  #buildV4(): Pick<IpTables, "v4Starts" | "v4Ends"> {
    const ranges = this.#v4;
    const count = this.#v4Count;
    new BigUint64Array(ranges.buffer, 0, count).sort();
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const start = ranges[2 * i + HIGH] ?? 0;
      const end = ranges[2 * i + LOW] ?? 0;
      const last = 2 * (kept - 1) + LOW;
      const before = kept === 0 ? Number.NEGATIVE_INFINITY : (ranges[last] ?? 0);
      if (start <= before + 1) {
        ranges[last] = Math.max(before, end);
      } else {
        ranges[2 * kept + HIGH] = start;
        ranges[2 * kept + LOW] = end;
        kept++;
      }
    }
    const v4Starts = new Uint32Array(kept);
    const v4Ends = new Uint32Array(kept);
    for (let i = 0; i < kept; i++) {
      v4Starts[i] = ranges[2 * i + HIGH] ?? 0;
      v4Ends[i] = ranges[2 * i + LOW] ?? 0;
    }
    return { v4Starts, v4Ends };
  }

  #buildV6(): Pick<IpTables, "v6Starts" | "v6Ends"> {
    const ranges = this.#v6;
    const order = new Uint32Array(this.#v6Count).map((_, i) => 2 * V6_WORDS * i);
    order.sort((a, b) => compare(ranges, a, ranges, b));
    const starts = new Uint32Array(V6_WORDS * order.length);
    const ends = new Uint32Array(V6_WORDS * order.length);
    let kept = 0;
    for (const at of order) {
      const last = V6_WORDS * (kept - 1);
      if (kept > 0 && !isBeyond(ranges, at, ends, last)) {
        if (compare(ranges, at + V6_WORDS, ends, last) > 0) copy(ranges, at + V6_WORDS, ends, last);
      } else {
        copy(ranges, at, starts, V6_WORDS * kept);
        copy(ranges, at + V6_WORDS, ends, V6_WORDS * kept);
        kept++;
      }
    }
    const size = V6_WORDS * kept;
    return { v6Starts: starts.slice(0, size), v6Ends: ends.slice(0, size) };
  }
}

const ZERO = 48;
const NINE = 57;
const DOT = 46;
/** Which word of a 64-bit number holds its upper half on this machine. */
const HIGH = new Uint32Array(BigUint64Array.of(1n).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;

function grown(table: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * table.length);
  larger.set(table);
  return larger;
}

/** The last four bytes of an IPv4-mapped address (RFC 4291 §2.5.5.2). */
function unmapped(bytes: Uint8Array): Uint8Array {
  const isMapped =
    bytes.length === 16 && bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return isMapped ? bytes.subarray(12) : bytes;
}

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i));
}

function compare(a: Uint32Array, atA: number, b: Uint32Array, atB: number): number {
  for (let i = 0; i < V6_WORDS; i++) {
    const difference = (a[atA + i] ?? 0) - (b[atB + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a start lies after an end, with at least one address between them. */
function isBeyond(starts: Uint32Array, start: number, ends: Uint32Array, end: number): boolean {
  const next = ends.slice(end, end + V6_WORDS);
  for (let i = V6_WORDS - 1; i >= 0; i--) {
    const word = (next[i] ?? 0) + 1;
    next[i] = word;
    // Without a carry the sum is complete.
    if (word <= 0xffffffff) return compare(starts, start, next, 0) > 0;
  }
  // The end is the last address of all.
  return false;
}

function copy(from: Uint32Array, at: number, to: Uint32Array, place: number): void {
  for (let i = 0; i < V6_WORDS; i++) to[place + i] = from[at + i] ?? 0;
}
