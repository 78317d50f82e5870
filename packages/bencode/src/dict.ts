// Decoded values; a dictionary reads its members from the input when they are asked for.
import { BYTE_D, BYTE_E, BYTE_I, BYTE_L, type Tape } from "./tape.ts";
import { decodeText, encodeText, isAscii } from "./text.ts";

/**
 * A decoded value. Integers are numbers where that is exact, else bigints; strings are views of the
 * input, not copies.
 */
export type BencodeValue = number | bigint | Uint8Array | BencodeValue[] | BencodeDict;

/**
 * A decoded dictionary with byte-string keys, in the order of the input. Made by the decoder.
 *
 * Keys are given as text (compared by their UTF-8 bytes) or as bytes. Nothing is inherited: a key
 * such as `__proto__` is a key like others. Of duplicate keys the first is found. A look-up takes
 * time linear in the number of members and builds its value anew: keep what is needed often. The
 * input must stay unchanged while the dictionary is in use.
 */
export class BencodeDict {
  readonly #tape: Tape;
  readonly #token: number;

  /** @internal */
  constructor(tape: Tape, token: number) {
    this.#tape = tape;
    this.#token = token;
  }

  /** How many members there are, duplicates included. */
  get size(): number {
    let size = 0;
    for (let key = this.#first(); key !== END; key = this.#next(key)) size++;
    return size;
  }

  /** The whole dictionary as it stood in the input, `d` and `e` included: a view, not a copy. */
  get raw(): Uint8Array {
    return this.#tape.span(this.#token);
  }

  has(key: string | Uint8Array): boolean {
    return this.#find(key) !== END;
  }

  get(key: string | Uint8Array): BencodeValue | undefined {
    const token = this.#find(key);
    return token === END ? undefined : readValue(this.#tape, token);
  }

  /** The encoded value as it stood in the input: what an info-hash or a signature is made of. */
  span(key: string | Uint8Array): Uint8Array | undefined {
    const token = this.#find(key);
    return token === END ? undefined : this.#tape.span(token);
  }

  /** An integer that is exact as a number; `undefined` if missing, larger, or of another type. */
  int(key: string | Uint8Array): number | undefined {
    const token = this.#find(key, BYTE_I);
    const value = token === END ? undefined : this.#tape.integer(token);
    return typeof value === "number" ? value : undefined;
  }

  /** An integer of any size; `undefined` if missing or of another type. */
  big(key: string | Uint8Array): bigint | undefined {
    const token = this.#find(key, BYTE_I);
    return token === END ? undefined : BigInt(this.#tape.integer(token));
  }

  /** A string's bytes, a view of the input; `undefined` if missing or of another type. */
  bytes(key: string | Uint8Array): Uint8Array | undefined {
    const token = this.#find(key);
    return token !== END && isString(this.#tape.kind(token)) ? this.#tape.string(token) : undefined;
  }

  /** A string read as UTF-8, where each malformed sequence becomes U+FFFD. */
  text(key: string | Uint8Array): string | undefined {
    const bytes = this.bytes(key);
    return bytes === undefined ? undefined : decodeText(bytes);
  }

  /** A list's values; `undefined` if missing or of another type. */
  list(key: string | Uint8Array): BencodeValue[] | undefined {
    const token = this.#find(key, BYTE_L);
    return token === END ? undefined : readList(this.#tape, token);
  }

  /** A dictionary; `undefined` if missing or of another type. */
  dict(key: string | Uint8Array): BencodeDict | undefined {
    const token = this.#find(key, BYTE_D);
    return token === END ? undefined : new BencodeDict(this.#tape, token);
  }

  /** All members in the order of the input, their keys read as UTF-8 text (malformed: U+FFFD). */
  *entries(): Generator<[key: string, value: BencodeValue]> {
    for (const [key, value] of this.byteEntries()) yield [decodeText(key), value];
  }

  /** All members in the order of the input, their keys as they are: views of the input. */
  *byteEntries(): Generator<[key: Uint8Array, value: BencodeValue]> {
    for (let key = this.#first(); key !== END; key = this.#next(key)) {
      yield [this.#tape.string(key), readValue(this.#tape, key + 1)];
    }
  }

  /** The token of the key's value, if it is of that kind when one is asked for. */
  #find(key: string | Uint8Array, kind?: number): number {
    const wanted = typeof key === "string" && !isAscii(key) ? encodeText(key) : key;
    for (let token = this.#first(); token !== END; token = this.#next(token)) {
      if (this.#isKey(token, wanted)) {
        return kind === undefined || this.#tape.kind(token + 1) === kind ? token + 1 : END;
      }
    }
    return END;
  }

  #isKey(token: number, wanted: string | Uint8Array): boolean {
    const start = this.#tape.link(token);
    const length = wanted.length;
    if (this.#tape.offset(token + 1) - start !== length) return false;
    const bytes = this.#tape.bytes;
    for (let i = 0; i < length; i++) {
      const byte = typeof wanted === "string" ? wanted.charCodeAt(i) : wanted[i];
      if (bytes[start + i] !== byte) return false;
    }
    return true;
  }

  #first(): number {
    return this.#keyAt(this.#token + 1);
  }

  #next(key: number): number {
    return this.#keyAt(this.#tape.after(key + 1));
  }

  #keyAt(token: number): number {
    return this.#tape.kind(token) === BYTE_E ? END : token;
  }
}

/** No token: 0 is the root, which is no member of anything. */
const END = 0;

/** The value of a token. Lists are built at once, dictionaries when read. */
export function readValue(tape: Tape, token: number): BencodeValue {
  const kind = tape.kind(token);
  if (kind === BYTE_L) return readList(tape, token);
  if (kind === BYTE_D) return new BencodeDict(tape, token);
  return kind === BYTE_I ? tape.integer(token) : tape.string(token);
}

function readList(tape: Tape, list: number): BencodeValue[] {
  const root: BencodeValue[] = [];
  const outer: BencodeValue[][] = [];
  const end = tape.link(list) - 1;
  let current = root;
  for (let token = list + 1; token < end; ) {
    const kind = tape.kind(token);
    if (kind === BYTE_L) {
      const inner: BencodeValue[] = [];
      current.push(inner);
      outer.push(current);
      current = inner;
      token++;
    } else if (kind === BYTE_E) {
      current = outer.pop() ?? root;
      token++;
    } else {
      current.push(readValue(tape, token));
      token = tape.after(token);
    }
  }
  return root;
}

function isString(kind: number): boolean {
  return kind !== BYTE_I && kind !== BYTE_L && kind !== BYTE_D;
}
