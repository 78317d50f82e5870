// How long each message may be: the exact length where there is one, else a limit.
import { WireError } from "./error.ts";
import { MessageId } from "./messages.ts";

/** How much one message may claim; in bytes. */
export interface WireLimits {
  /** Payload of a `piece` message. Default 16 KiB, which is all that clients request. */
  readonly maxBlockLength: number;
  /** Default 256 KiB: 2,097,152 pieces. */
  readonly maxBitfieldLength: number;
  /** Payload of an extended message, its id not counted. Default 1 MiB. */
  readonly maxExtendedLength: number;
  /** The hashes of a `hashes` message. Default 258 KiB: 8192 of them and a proof of 64 layers. */
  readonly maxHashesLength: number;
  /** Body of an unknown message, which is skipped. Default 1 MiB. */
  readonly maxUnknownLength: number;
}

export const DEFAULT_LIMITS: WireLimits = {
  maxBlockLength: 16_384,
  maxBitfieldLength: 262_144,
  maxExtendedLength: 1_048_576,
  maxHashesLength: (8192 + 64) * 32,
  maxUnknownLength: 1_048_576,
};

/** Bytes of a `piece` message before its payload, the length prefix included. */
export const PIECE_HEADER = 13;

/** Bytes of a `hashes` message before its hashes, the length prefix included. */
export const HASHES_HEADER = 53;

/** The length prefix that no message of these limits exceeds. */
export function longestMessage(limits: WireLimits): number {
  return Math.max(
    HASHES_HEADER - 4 + limits.maxHashesLength,
    PIECE_HEADER - 4 + limits.maxBlockLength,
    1 + limits.maxBitfieldLength,
    2 + limits.maxExtendedLength,
    1 + limits.maxUnknownLength,
  );
}

/**
 * Checks a length prefix against what its message id allows.
 *
 * @throws WireError `ERR_WIRE_MESSAGE_LENGTH` or `ERR_WIRE_MESSAGE_TOO_LONG`.
 */
export function checkLength(id: number, length: number, limits: WireLimits): void {
  const only = EXACT[id];
  if (only !== undefined) {
    if (length !== only) throw wrongLength(id, length, `${only}`);
    return;
  }
  switch (id) {
    case MessageId.piece:
      checkRange(id, length, PIECE_HEADER - 3, PIECE_HEADER - 4 + limits.maxBlockLength);
      return;
    case MessageId.bitfield:
      checkRange(id, length, 1, 1 + limits.maxBitfieldLength);
      return;
    case MessageId.extended:
      checkRange(id, length, 2, 2 + limits.maxExtendedLength);
      return;
    case MessageId.hashes:
      checkRange(id, length, HASHES_HEADER - 4, HASHES_HEADER - 4 + limits.maxHashesLength);
      if ((length - (HASHES_HEADER - 4)) % 32 !== 0) {
        throw wrongLength(id, length, "49 and a multiple of 32");
      }
      return;
    default:
      checkRange(id, length, 1, 1 + limits.maxUnknownLength);
  }
}

/** Refuses a length that is beyond every limit, before the message's id is known. */
export function tooLong(length: number, max: number): WireError {
  return new WireError(
    "ERR_WIRE_MESSAGE_TOO_LONG",
    `expected a message of at most ${max} bytes, got one of ${length}`,
  );
}

/** The length prefix of messages that have only one, by id. */
const EXACT: readonly (number | undefined)[] = Array.from({ length: 256 }, (_, id) => exact(id));

function exact(id: number): number | undefined {
  switch (id) {
    case MessageId.choke:
    case MessageId.unchoke:
    case MessageId.interested:
    case MessageId.notInterested:
    case MessageId.haveAll:
    case MessageId.haveNone:
      return 1;
    case MessageId.port:
      return 3;
    case MessageId.have:
    case MessageId.suggest:
    case MessageId.allowedFast:
      return 5;
    case MessageId.request:
    case MessageId.cancel:
    case MessageId.reject:
      return 13;
    case MessageId.hashRequest:
    case MessageId.hashReject:
      return 49;
    default:
      return undefined;
  }
}

function checkRange(id: number, length: number, min: number, max: number): void {
  if (length < min) throw wrongLength(id, length, `at least ${min}`);
  if (length > max) throw tooLong(length, max);
}

function wrongLength(id: number, length: number, expected: string): WireError {
  return new WireError(
    "ERR_WIRE_MESSAGE_LENGTH",
    `expected a length of ${expected} for message ${id}, got ${length}`,
  );
}
