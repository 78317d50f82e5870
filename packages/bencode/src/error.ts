// What can be wrong with bencoded data, or with a value to encode.

/**
 * Deviations from canonical bencode that real torrents and peers have, and that leave no doubt
 * about what was meant. Lenient decoding reports them and goes on; strict decoding throws them.
 *
 * - `UNSORTED_KEYS`: a key is smaller than the one before it (compared as raw bytes).
 * - `DUPLICATE_KEY`: a key equals the one before it; reading finds the first.
 * - `LEADING_ZERO`: an integer or a string's length is written with needless zeros.
 * - `NEGATIVE_ZERO`: `i-0e`, read as 0.
 * - `INTEGER_OVERFLOW`: an integer outside −2^63…2^63−1, read as the bigint that it says.
 */
export type BencodeFaultCode =
  | "ERR_BENCODE_UNSORTED_KEYS"
  | "ERR_BENCODE_DUPLICATE_KEY"
  | "ERR_BENCODE_LEADING_ZERO"
  | "ERR_BENCODE_NEGATIVE_ZERO"
  | "ERR_BENCODE_INTEGER_OVERFLOW";

/** A deviation from canonical bencode that was tolerated. */
export interface BencodeFault {
  readonly code: BencodeFaultCode;
  /** Where the offending key, integer or string begins, in bytes from the start of the input. */
  readonly offset: number;
}

/** All codes of {@link BencodeError}. */
export type BencodeErrorCode =
  | BencodeFaultCode
  /** The input ends inside a value. */
  | "ERR_BENCODE_UNEXPECTED_END"
  /** Something else stands where a digit must be; dictionary keys begin with a digit too. */
  | "ERR_BENCODE_EXPECTED_DIGIT"
  /** A string's length is not followed by a colon. */
  | "ERR_BENCODE_EXPECTED_COLON"
  /** A byte that begins no value. */
  | "ERR_BENCODE_EXPECTED_VALUE"
  /** Bytes follow the value. */
  | "ERR_BENCODE_TRAILING_DATA"
  /** `decodeDict` met another type. */
  | "ERR_BENCODE_NOT_A_DICTIONARY"
  /** An integer with more than 20 digits. */
  | "ERR_BENCODE_INTEGER_TOO_LONG"
  /** A string longer than `maxStringLength`. */
  | "ERR_BENCODE_STRING_TOO_LONG"
  /** Lists and dictionaries nested beyond the limit; when encoding, often a circular structure. */
  | "ERR_BENCODE_TOO_DEEP"
  /** More than `maxTokens` values, keys and end marks. */
  | "ERR_BENCODE_TOO_MANY_TOKENS"
  /** An input of 2 GiB or more. */
  | "ERR_BENCODE_INPUT_TOO_LONG"
  /** Encoding: a value that bencode has no form for. */
  | "ERR_BENCODE_UNSUPPORTED_TYPE"
  /** Encoding: a number that is not a safe integer. */
  | "ERR_BENCODE_NOT_AN_INTEGER";

/** Thrown by every function of this package for bad input, and nothing else is. */
export class BencodeError extends Error {
  override readonly name: string = "BencodeError";
  readonly code: BencodeErrorCode;
  /** Where decoding stopped, in bytes from the start of the input; when encoding, of the output. */
  readonly offset: number;

  constructor(code: BencodeErrorCode, offset: number, message: string) {
    super(`${message} (at byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
