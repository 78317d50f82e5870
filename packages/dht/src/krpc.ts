// KRPC: the queries, replies and errors that DHT nodes send each other (BEP 5).
import {
  type BencodeDict,
  BencodeError,
  type BencodeInput,
  type DecodeOptions,
  decodeDict,
  encode,
} from "@shoal/bencode";
import { ID_LENGTH } from "./node-id.ts";

/** Bytes of the largest datagram that we send: fits any path without fragments. */
export const MAX_DATAGRAM = 1400;
/** Bytes of the longest transaction id that we answer; longer ones would be a way to amplify. */
const MAX_TRANSACTION = 32;
/** Bytes of the shortest message: an error without a text. */
const MIN_DATAGRAM = 20;

/** Error codes of BEP 5 and BEP 44. */
export const KRPC_ERROR = {
  generic: 201,
  server: 202,
  protocol: 203,
  unknownMethod: 204,
  valueTooLong: 205,
  badSignature: 206,
  saltTooLong: 207,
  casMismatch: 301,
  seqTooLow: 302,
} as const;

/** Members of a query's `a` or of a reply's `r`; undefined ones are left out. */
export type KrpcValues = Readonly<Record<string, BencodeInput | undefined>>;

/** Somebody asks. */
export interface KrpcQuery {
  readonly kind: "query";
  readonly transaction: Uint8Array;
  readonly method: string;
  /** 20 bytes: who asks. */
  readonly id: Uint8Array;
  readonly args: BencodeDict;
  /** Who asks answers no queries: not to be kept (BEP 43). */
  readonly readOnly: boolean;
}

/** Somebody answers. */
export interface KrpcReply {
  readonly kind: "reply";
  readonly transaction: Uint8Array;
  /** 20 bytes: who answers. */
  readonly id: Uint8Array;
  readonly values: BencodeDict;
  /** Our address as the other sees it, in compact form (BEP 42). */
  readonly ip: Uint8Array | undefined;
}

/** Somebody answers that it does not. */
export interface KrpcError {
  readonly kind: "error";
  readonly transaction: Uint8Array;
  readonly code: number;
  readonly message: string;
  readonly ip: Uint8Array | undefined;
}

/** A query that can't be answered but by an error. */
export interface KrpcMalformed {
  readonly kind: "malformed";
  readonly transaction: Uint8Array;
  readonly reason: string;
}

/** Any message that makes sense. */
export type KrpcMessage = KrpcQuery | KrpcReply | KrpcError | KrpcMalformed;

/**
 * Reads a datagram. The message holds views of `bytes`.
 *
 * @returns `undefined` for what is no message at all and deserves no answer.
 */
export function decodeKrpc(bytes: Uint8Array): KrpcMessage | undefined {
  if (bytes.length < MIN_DATAGRAM || bytes[0] !== BYTE_D) return undefined;
  const root = readRoot(bytes);
  const transaction = root?.bytes("t");
  if (root === undefined || transaction === undefined) return undefined;
  if (transaction.length === 0 || transaction.length > MAX_TRANSACTION) return undefined;
  const kind = root.bytes("y");
  if (kind?.length !== 1) return undefined;
  if (kind[0] === BYTE_Q) return readQuery(root, transaction);
  if (kind[0] === BYTE_R) return readReply(root, transaction);
  return kind[0] === BYTE_E ? readError(root, transaction) : undefined;
}

/** @param readOnly Says that we answer no queries (BEP 43). */
export function encodeQuery(
  transaction: Uint8Array,
  method: string,
  args: KrpcValues,
  readOnly: boolean,
): Uint8Array {
  return encode({
    a: args,
    q: method,
    ro: readOnly ? 1 : undefined,
    t: transaction,
    v: VERSION,
    y: "q",
  });
}

/** @param ip Who asked, in compact form (BEP 42). */
export function encodeReply(
  transaction: Uint8Array,
  ip: Uint8Array,
  values: KrpcValues,
): Uint8Array {
  return encode({ ip, r: values, t: transaction, y: "r" });
}

/** @param code One of {@link KRPC_ERROR}. */
export function encodeError(transaction: Uint8Array, code: number, message: string): Uint8Array {
  return encode({ e: [code, message], t: transaction, y: "e" });
}

/** Client and version, two letters and two bytes, as others send it. */
const VERSION = Uint8Array.of(0x53, 0x48, 0, 1);

const LIMITS: DecodeOptions = { maxDepth: 10, maxTokens: 500 };
const NO_BYTES = new Uint8Array(0);

const BYTE_D = 0x64;
const BYTE_E = 0x65;
const BYTE_Q = 0x71;
const BYTE_R = 0x72;

function readRoot(bytes: Uint8Array): BencodeDict | undefined {
  try {
    return decodeDict(bytes, LIMITS);
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
}

function readQuery(root: BencodeDict, transaction: Uint8Array): KrpcQuery | KrpcMalformed {
  const malformed = (reason: string): KrpcMalformed => ({ kind: "malformed", transaction, reason });
  const method = root.bytes("q");
  const args = root.dict("a");
  if (method === undefined || method.length > 64) return malformed("expected 'q'");
  if (args === undefined) return malformed("expected 'a'");
  const id = args.bytes("id");
  if (id?.length !== ID_LENGTH) return malformed("expected an id of 20 bytes");
  return {
    kind: "query",
    transaction,
    method: String.fromCharCode(...method),
    id,
    args,
    readOnly: root.int("ro") === 1,
  };
}

function readReply(root: BencodeDict, transaction: Uint8Array): KrpcReply | undefined {
  const values = root.dict("r");
  const id = values?.bytes("id");
  if (values === undefined || id?.length !== ID_LENGTH) return undefined;
  return { kind: "reply", transaction, id, values, ip: root.bytes("ip") };
}

function readError(root: BencodeDict, transaction: Uint8Array): KrpcError {
  const [code, message] = root.list("e") ?? [];
  return {
    kind: "error",
    transaction,
    code: typeof code === "number" ? code : KRPC_ERROR.generic,
    message: printable(message instanceof Uint8Array ? message : NO_BYTES),
    ip: root.bytes("ip"),
  };
}

/** A stranger's text made fit for messages: printable ASCII, at most 100 characters. */
function printable(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 100)).replace(/[^ -~]/g, "?");
}
