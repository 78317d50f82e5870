// From values to canonical bytes.
import { BencodeDict } from "./dict.ts";
import { BencodeError, type BencodeErrorCode } from "./error.ts";
import { BYTE_COLON, BYTE_D, BYTE_E, BYTE_I, BYTE_L } from "./tape.ts";
import { encodeText, isAscii } from "./text.ts";
import { Writer } from "./writer.ts";

/**
 * What can be encoded. Text becomes UTF-8; numbers must be safe integers, bigints must fit 64 bits.
 * Members of objects and maps that are `undefined` are left out. Objects are plain ones: their own
 * enumerable members are written. A decoded dictionary is written as it stood in its input, so that
 * what was hashed or signed keeps its bytes.
 */
export type BencodeInput =
  | number
  | bigint
  | string
  | Uint8Array
  | BencodeDict
  | readonly BencodeInput[]
  | { readonly [key: string]: BencodeInput | undefined }
  | ReadonlyMap<string | Uint8Array, BencodeInput | undefined>;

/**
 * Encodes a value, dictionary keys sorted as raw bytes (BEP 3).
 *
 * @throws BencodeError for values that bencode has no form for, equal keys, and nesting beyond 1000
 *   levels (so that a circular structure ends in an error).
 */
export function encode(value: BencodeInput): Uint8Array {
  return write(value).finish();
}

/** How many bytes `encode` would return. Costs as much time. */
export function encodedLength(value: BencodeInput): number {
  return write(value).length;
}

const MAX_DEPTH = 1000;

/** A list or dictionary that is being written: what is left of it starts at `next`. */
interface Frame {
  readonly keys: readonly (string | Uint8Array)[] | undefined;
  readonly values: readonly unknown[];
  next: number;
}

function write(root: unknown): Writer {
  const writer = new Writer();
  const frames: Frame[] = [];
  let frame = writeValue(writer, root);
  while (frame !== undefined) {
    if (frame.next === frame.values.length) {
      writer.byte(BYTE_E);
      frame = frames.pop();
      continue;
    }
    const at = frame.next++;
    const key = frame.keys?.[at];
    if (key !== undefined) writeString(writer, key);
    const inner = writeValue(writer, frame.values[at]);
    if (inner === undefined) continue;
    frames.push(frame);
    if (frames.length >= MAX_DEPTH) {
      fail(writer, "ERR_BENCODE_TOO_DEEP", `expected at most ${MAX_DEPTH} levels and no circle`);
    }
    frame = inner;
  }
  return writer;
}

/** Writes a value, or the beginning of one whose members are to follow. */
function writeValue(writer: Writer, value: unknown): Frame | undefined {
  if (typeof value === "string" || value instanceof Uint8Array) writeString(writer, value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "bigint") writeBigInt(writer, value);
  else if (value instanceof BencodeDict) writer.bytes(value.raw);
  else if (Array.isArray(value)) {
    writer.byte(BYTE_L);
    return { keys: undefined, values: value, next: 0 };
  } else if (value instanceof Map) {
    writer.byte(BYTE_D);
    return mapFrame(writer, value);
  } else if (isPlainObject(value)) {
    writer.byte(BYTE_D);
    return objectFrame(writer, value);
  } else {
    const type = value === null ? "null" : typeof value;
    fail(
      writer,
      "ERR_BENCODE_UNSUPPORTED_TYPE",
      `expected an integer, string, bytes, list, map or plain object, got ${type}`,
    );
  }
  return undefined;
}

function writeString(writer: Writer, value: string | Uint8Array): void {
  if (typeof value === "string" && isAscii(value)) {
    writer.decimal(value.length);
    writer.byte(BYTE_COLON);
    writer.ascii(value);
  } else {
    const bytes = typeof value === "string" ? encodeText(value) : value;
    writer.decimal(bytes.length);
    writer.byte(BYTE_COLON);
    writer.bytes(bytes);
  }
}

function writeNumber(writer: Writer, value: number): void {
  if (!Number.isSafeInteger(value)) {
    fail(
      writer,
      "ERR_BENCODE_NOT_AN_INTEGER",
      `expected a safe integer (or a bigint), got ${value}`,
    );
  }
  writer.byte(BYTE_I);
  writer.decimal(value);
  writer.byte(BYTE_E);
}

function writeBigInt(writer: Writer, value: bigint): void {
  if (BigInt.asIntN(64, value) !== value) {
    fail(writer, "ERR_BENCODE_INTEGER_OVERFLOW", "expected an integer of 64 bits");
  }
  writer.byte(BYTE_I);
  writer.ascii(value.toString());
  writer.byte(BYTE_E);
}

function objectFrame(writer: Writer, object: Readonly<Record<string, unknown>>): Frame {
  const keys = Object.keys(object);
  if (!keys.every(isAscii)) return mapFrame(writer, new Map(Object.entries(object)));
  if (keys.length > 1) keys.sort();
  const values: unknown[] = [];
  let kept = 0;
  for (const key of keys) {
    const value = object[key];
    if (value === undefined) continue;
    keys[kept++] = key;
    values.push(value);
  }
  return { keys, values, next: 0 };
}

function mapFrame(writer: Writer, map: ReadonlyMap<unknown, unknown>): Frame {
  const members: { key: Uint8Array; value: unknown }[] = [];
  for (const [key, value] of map) {
    if (value !== undefined) members.push({ key: keyBytes(writer, key), value });
  }
  members.sort((a, b) => compareBytes(a.key, b.key));
  for (const [i, { key }] of members.entries()) {
    const before = members[i - 1];
    if (before !== undefined && compareBytes(before.key, key) === 0) {
      fail(writer, "ERR_BENCODE_DUPLICATE_KEY", "expected keys that differ as UTF-8 bytes");
    }
  }
  return {
    keys: members.map(({ key }) => key),
    values: members.map(({ value }) => value),
    next: 0,
  };
}

function keyBytes(writer: Writer, key: unknown): Uint8Array {
  if (key instanceof Uint8Array) return key;
  if (typeof key === "string") return encodeText(key);
  fail(writer, "ERR_BENCODE_UNSUPPORTED_TYPE", `expected text or bytes as key, got ${typeof key}`);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function fail(writer: Writer, code: BencodeErrorCode, message: string): never {
  throw new BencodeError(code, writer.length, message);
}
