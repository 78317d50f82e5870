// From bytes to values.
import { BencodeDict, type BencodeValue, readValue } from "./dict.ts";
import { BencodeError } from "./error.ts";
import type { DecodeOptions } from "./options.ts";
import { scan } from "./scan.ts";
import type { Tape } from "./tape.ts";

/**
 * Decodes one value that fills the whole input. Everything is checked before it returns; strings
 * and dictionaries are views of `bytes`, which must stay unchanged as long as they are used.
 *
 * @throws BencodeError
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): BencodeValue {
  return readValue(whole(scan(bytes, options)), 0);
}

/**
 * Decodes one value at the start of the input and tells how many bytes it took: for messages that
 * are a dictionary followed by data (BEP 9, BEP 10).
 *
 * @throws BencodeError
 */
export function decodePrefix(
  bytes: Uint8Array,
  options?: DecodeOptions,
): { value: BencodeValue; length: number } {
  const tape = scan(bytes, options);
  return { value: readValue(tape, 0), length: tape.offset(tape.count - 1) };
}

/**
 * Like {@link decode} for input that must be a dictionary.
 *
 * @throws BencodeError
 */
export function decodeDict(bytes: Uint8Array, options?: DecodeOptions): BencodeDict {
  const value = readValue(whole(scan(bytes, options)), 0);
  if (value instanceof BencodeDict) return value;
  throw new BencodeError("ERR_BENCODE_NOT_A_DICTIONARY", 0, "expected a dictionary");
}

function whole(tape: Tape): Tape {
  const end = tape.offset(tape.count - 1);
  if (end === tape.bytes.length) return tape;
  const rest = tape.bytes.length - end;
  throw new BencodeError("ERR_BENCODE_TRAILING_DATA", end, `expected the end, got ${rest} bytes`);
}
