// One pass over bencoded bytes that checks them and writes down where everything is.
import { BencodeError, type BencodeErrorCode, type BencodeFaultCode } from "./error.ts";
import type { DecodeOptions } from "./options.ts";
import {
  BYTE_0,
  BYTE_9,
  BYTE_COLON,
  BYTE_D,
  BYTE_E,
  BYTE_I,
  BYTE_L,
  BYTE_MINUS,
  Tape,
} from "./tape.ts";

/** Digits of the longest integer of 64 bits; more are refused, so that reading one takes little. */
const MAX_DIGITS = 20;
const MAX_INPUT = 0x7fff_ffff;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Scans one value at the start of `bytes`. Time and memory are linear in the length of that value.
 *
 * @returns Its tape; the last token stands where the value ends.
 * @throws BencodeError
 */
export function scan(bytes: Uint8Array, options: DecodeOptions = {}): Tape {
  if (bytes.length > MAX_INPUT) {
    throw new BencodeError("ERR_BENCODE_INPUT_TOO_LONG", 0, "expected less than 2 GiB of input");
  }
  return new Scanner(bytes, options).run();
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #tape: Tape;
  readonly #strict: boolean;
  readonly #onFault: DecodeOptions["onFault"];
  readonly #maxDepth: number;
  readonly #maxTokens: number;
  readonly #maxStringLength: number;
  #at = 0;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#bytes = bytes;
    this.#tape = new Tape(bytes);
    this.#strict = options.mode === "strict";
    this.#onFault = options.onFault;
    this.#maxDepth = options.maxDepth ?? 100;
    this.#maxTokens = options.maxTokens ?? 3_000_000;
    this.#maxStringLength = options.maxStringLength ?? 99_999_999;
  }

  run(): Tape {
    const bytes = this.#bytes;
    const tape = this.#tape;
    // For each open list or dictionary its token and, if it is a dictionary, its last key's token.
    const open: number[] = [];
    let container = NONE;
    let lastKey = NONE;
    let inDict = false;
    let wantsKey = false;
    do {
      if (tape.count >= this.#maxTokens) {
        this.#fail("ERR_BENCODE_TOO_MANY_TOKENS", `expected at most ${this.#maxTokens} tokens`);
      }
      const byte = bytes[this.#at];
      if (byte === BYTE_E && container !== NONE && (wantsKey || !inDict)) {
        tape.push(this.#at++, 0);
        tape.setLink(container, tape.count);
        lastKey = open.pop() ?? NONE;
        container = open.pop() ?? NONE;
        inDict = container !== NONE && tape.kind(container) === BYTE_D;
        wantsKey = inDict;
      } else if (wantsKey) {
        const key = tape.count;
        this.#string();
        if (lastKey !== NONE) this.#compareKeys(lastKey, key);
        lastKey = key;
        wantsKey = false;
      } else if (byte === BYTE_D || byte === BYTE_L) {
        if (open.length >= 2 * this.#maxDepth) {
          this.#fail("ERR_BENCODE_TOO_DEEP", `expected at most ${this.#maxDepth} levels`);
        }
        open.push(container, lastKey);
        container = tape.count;
        lastKey = NONE;
        inDict = byte === BYTE_D;
        wantsKey = inDict;
        tape.push(this.#at++, 0);
      } else {
        if (byte === BYTE_I) this.#integer();
        else if (isDigit(byte)) this.#string();
        else this.#unexpected("ERR_BENCODE_EXPECTED_VALUE", "a value (a digit, 'i', 'l' or 'd')");
        wantsKey = inDict;
      }
    } while (container !== NONE);
    tape.push(this.#at, 0);
    return tape;
  }

  #string(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let length = 0;
    for (let byte = bytes[at]; isDigit(byte); byte = bytes[++at]) {
      length = length * 10 + (byte - BYTE_0);
      if (length > this.#maxStringLength) {
        this.#fail(
          "ERR_BENCODE_STRING_TOO_LONG",
          `expected a string of at most ${this.#maxStringLength} bytes`,
        );
      }
    }
    this.#at = at;
    if (at === start) this.#unexpected("ERR_BENCODE_EXPECTED_DIGIT", "a string's length");
    if (bytes[at] !== BYTE_COLON) {
      this.#fail("ERR_BENCODE_EXPECTED_COLON", "expected ':' after a string's length");
    }
    if (bytes[start] === BYTE_0 && at > start + 1) this.#fault("ERR_BENCODE_LEADING_ZERO", start);
    this.#at = at + 1 + length;
    if (this.#at > bytes.length) {
      this.#at = bytes.length;
      this.#fail("ERR_BENCODE_UNEXPECTED_END", `expected ${length} bytes of a string`);
    }
    this.#tape.push(start, at + 1);
  }

  #integer(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    const negative = bytes[start + 1] === BYTE_MINUS;
    const first = negative ? start + 2 : start + 1;
    let at = first;
    while (isDigit(bytes[at]) && at - first <= MAX_DIGITS) at++;
    this.#at = at;
    const digits = at - first;
    if (digits > MAX_DIGITS) {
      this.#fail("ERR_BENCODE_INTEGER_TOO_LONG", `expected at most ${MAX_DIGITS} digits`);
    }
    if (digits === 0 || bytes[at] !== BYTE_E) {
      this.#unexpected("ERR_BENCODE_EXPECTED_DIGIT", "a digit of an integer");
    }
    this.#at = at + 1;
    this.#tape.push(start, 0);
    if (bytes[first] === BYTE_0) {
      if (digits > 1) this.#fault("ERR_BENCODE_LEADING_ZERO", start);
      else if (negative) this.#fault("ERR_BENCODE_NEGATIVE_ZERO", start);
    } else if (digits > 18) {
      const value = BigInt(String.fromCharCode(...bytes.subarray(start + 1, at)));
      if (value > INT64_MAX || value < INT64_MIN) {
        this.#fault("ERR_BENCODE_INTEGER_OVERFLOW", start);
      }
    }
  }

  #compareKeys(last: number, key: number): void {
    const bytes = this.#bytes;
    const tape = this.#tape;
    // The new key ends at the cursor; the last one where its value begins.
    const lastEnd = tape.offset(last + 1);
    let a = tape.link(last);
    let b = tape.link(key);
    while (a < lastEnd && b < this.#at && bytes[a] === bytes[b]) {
      a++;
      b++;
    }
    if (a === lastEnd) {
      if (b === this.#at) this.#fault("ERR_BENCODE_DUPLICATE_KEY", tape.offset(key));
    } else if (b === this.#at || (bytes[a] ?? 0) > (bytes[b] ?? 0)) {
      this.#fault("ERR_BENCODE_UNSORTED_KEYS", tape.offset(key));
    }
  }

  #fault(code: BencodeFaultCode, offset: number): void {
    if (this.#strict) throw new BencodeError(code, offset, FAULT_TEXTS[code]);
    this.#onFault?.({ code, offset });
  }

  #unexpected(code: BencodeErrorCode, expected: string): never {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) this.#fail("ERR_BENCODE_UNEXPECTED_END", `expected ${expected}`);
    this.#fail(code, `expected ${expected}, got byte 0x${byte.toString(16).padStart(2, "0")}`);
  }

  #fail(code: BencodeErrorCode, message: string): never {
    throw new BencodeError(code, this.#at, message);
  }
}

/** No token. */
const NONE = -1;

const FAULT_TEXTS: Record<BencodeFaultCode, string> = {
  ERR_BENCODE_UNSORTED_KEYS: "expected dictionary keys in ascending order",
  ERR_BENCODE_DUPLICATE_KEY: "expected each dictionary key once",
  ERR_BENCODE_LEADING_ZERO: "expected no leading zero",
  ERR_BENCODE_NEGATIVE_ZERO: "expected zero without a sign",
  ERR_BENCODE_INTEGER_OVERFLOW: "expected an integer of 64 bits",
};

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= BYTE_0 && byte <= BYTE_9;
}
