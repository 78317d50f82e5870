// The three messages of BEP 9: a bencoded dictionary each, in one of them followed by data.
import { BencodeDict, type BencodeValue, decodePrefix, encode } from "@shoal/bencode";
import { concatBytes } from "@shoal/core";
import { MetadataError } from "./error.ts";

/** Bytes of each piece of an info dictionary but the last. */
export const PIECE_LENGTH = 16_384;

/** How long a message may be: a piece, and room for its dictionary. */
export const MAX_MESSAGE_LENGTH = 17_408;

/** A message as it came; `piece` may be any number from 0. */
export type Message =
  | { readonly type: "request"; readonly piece: number }
  | {
      readonly type: "data";
      readonly piece: number;
      /** Bytes of the whole info dictionary, as the sender says. */
      readonly totalSize: number | undefined;
      /** A view of the message; any length. */
      readonly data: Uint8Array;
    }
  | { readonly type: "reject"; readonly piece: number };

/**
 * Reads a message.
 *
 * @returns `undefined` for a type that is not known, which must be ignored.
 * @throws MetadataError `ERR_METADATA_MESSAGE`
 */
export function parseMessage(payload: Uint8Array): Message | undefined {
  if (payload.length > MAX_MESSAGE_LENGTH) {
    throw malformed(`at most ${MAX_MESSAGE_LENGTH} bytes, got ${payload.length}`);
  }
  const { value, length } = parsePrefix(payload);
  if (!(value instanceof BencodeDict)) throw malformed("a dictionary");
  const type = value.int("msg_type");
  if (type === undefined) throw malformed("a dictionary with an integer msg_type");
  if (type !== REQUEST && type !== DATA && type !== REJECT) return undefined;
  const piece = value.int("piece");
  if (piece === undefined || piece < 0) throw malformed(`type ${type} with a piece from 0`);
  if (type === REQUEST) return { type: "request", piece };
  if (type === REJECT) return { type: "reject", piece };
  const totalSize = value.int("total_size");
  return { type: "data", piece, totalSize, data: payload.subarray(length) };
}

/** Asks for a piece. */
export function encodeRequest(piece: number): Uint8Array {
  return encode({ msg_type: REQUEST, piece });
}

/** Says that a piece is not to be had. */
export function encodeReject(piece: number): Uint8Array {
  return encode({ msg_type: REJECT, piece });
}

/** Gives a piece of `metadata`. */
export function encodeData(piece: number, metadata: Uint8Array): Uint8Array {
  const head = encode({ msg_type: DATA, piece, total_size: metadata.length });
  const start = piece * PIECE_LENGTH;
  return concatBytes([head, metadata.subarray(start, start + PIECE_LENGTH)]);
}

/** How many pieces an info dictionary of that many bytes has. */
export function countPieces(size: number): number {
  return Math.ceil(size / PIECE_LENGTH);
}

const REQUEST = 0;
const DATA = 1;
const REJECT = 2;

/** Room for members that later versions may add. */
const MAX_DEPTH = 10;
const MAX_TOKENS = 200;

function parsePrefix(payload: Uint8Array): { value: BencodeValue; length: number } {
  try {
    return decodePrefix(payload, { maxDepth: MAX_DEPTH, maxTokens: MAX_TOKENS });
  } catch (error) {
    throw malformed("a bencoded dictionary", error);
  }
}

function malformed(expected: string, cause?: unknown): MetadataError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new MetadataError(
    "ERR_METADATA_MESSAGE",
    `expected a ut_metadata message to be ${expected}${reason}`,
    { cause },
  );
}
