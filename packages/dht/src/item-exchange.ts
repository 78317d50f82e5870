// Reading and writing items in the DHT (BEP 44), and following mutable ones (BEP 46).
import { type BencodeInput, type BencodeValue, decode, encode } from "@shoal/bencode";
import type { Clock, Deadlines } from "@shoal/core";
import { copyBytes, equalBytes } from "@shoal/core";
import type { Signer } from "./crypto.ts";
import { DhtError } from "./error.ts";
import type { Item, SignedPart } from "./item.ts";
import {
  immutableTarget,
  isCanonical,
  isGenuine,
  itemValue,
  MAX_SALT,
  MAX_VALUE,
  mutableTarget,
  signedBytes,
  torrentOf,
} from "./item.ts";
import { KRPC_ERROR, type KrpcReply } from "./krpc.ts";
import type { FoundNode } from "./lookup.ts";
import { type DhtContext, walk, writableNodes, write } from "./walk.ts";

/** A mutable item as it was found. */
export interface MutableItem {
  readonly value: BencodeValue;
  /** Grows with each version. */
  readonly seq: bigint;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** The torrent that it names, if it is of a mutable torrent (BEP 46): 20 bytes. */
  readonly infoHash: Uint8Array | undefined;
}

/** What was stored. */
export interface Stored {
  /** Where it lies: 20 bytes. */
  readonly target: Uint8Array;
  /** How many nodes took it. */
  readonly nodes: number;
}

/** A mutable item to be stored. */
export interface MutablePut {
  readonly signer: Signer;
  readonly value: BencodeInput;
  /** At most 64 bytes: one key can have many items. */
  readonly salt?: Uint8Array;
  /** Must be higher than that of the current version; by default it is found out and one higher. */
  readonly seq?: bigint | number;
  /** Fails unless the current version has this number (compare and swap). */
  readonly cas?: bigint | number;
  readonly signal?: AbortSignal;
}

/** Finds an immutable item; `undefined` if no node has it. */
export async function getImmutable(
  context: DhtContext,
  target: Uint8Array,
  signal?: AbortSignal,
): Promise<BencodeValue | undefined> {
  const own = context.items.get(target, context.clock.now());
  if (own !== undefined && own.signed === undefined) return itemValue(own);
  let value: BencodeValue | undefined;
  const answered = (_site: object, _contact: object, { values }: KrpcReply): boolean => {
    const encoded = values.span("v");
    if (encoded === undefined || !equalBytes(immutableTarget(context.crypto, encoded), target)) {
      return false;
    }
    value = decode(copyBytes(encoded));
    return true;
  };
  await walk(context, { target, method: "get", args: { target }, answered }, signal);
  return value;
}

/**
 * Stores an immutable item.
 *
 * @throws DhtError `ERR_DHT_OPTION` if it is too large, `ERR_DHT_NOT_STORED` if nobody took it.
 */
export async function putImmutable(
  context: DhtContext,
  value: BencodeInput,
  signal?: AbortSignal,
): Promise<Stored> {
  const encoded = encodeValue(value);
  const target = immutableTarget(context.crypto, encoded);
  const task = { target, method: "get", args: { target } };
  const nodes = await writableNodes(context, task, signal);
  const v = decode(encoded);
  const { stored, refusals } = await write(nodes, "put", () => ({ v }));
  return { target, nodes: checkStored(stored, refusals) };
}

/** The newest version of a mutable item that is found; `undefined` if there is none. */
export async function getNewest(
  context: DhtContext,
  publicKey: Uint8Array,
  { salt = NO_SALT, signal }: { salt?: Uint8Array; signal?: AbortSignal | undefined } = {},
): Promise<MutableItem | undefined> {
  const { item } = await searchNewest(context, publicKey, salt, signal);
  return item && describe(item);
}

/**
 * Stores a version of a mutable item.
 *
 * @throws DhtError `ERR_DHT_OPTION` if a part is too large, `ERR_DHT_NOT_STORED` if nobody took it,
 *   in particular because `seq` or `cas` do not fit: then `remoteCode` is 302 or 301.
 */
export async function putMutable(
  context: DhtContext,
  put: MutablePut,
): Promise<Stored & { seq: bigint }> {
  const { signer, salt = NO_SALT, signal } = put;
  if (salt.length > MAX_SALT) throw optionError(`a salt of at most ${MAX_SALT} bytes`, salt.length);
  const encoded = encodeValue(put.value);
  const { publicKey } = signer;
  const found = await searchNewest(context, publicKey, salt, signal);
  const current = found.item?.signed.seq;
  const cas = put.cas === undefined ? undefined : BigInt(put.cas);
  if (cas !== undefined && current !== undefined && cas !== current) {
    const message = `expected the current version to be ${cas}, found ${current}`;
    throw new DhtError("ERR_DHT_NOT_STORED", message, KRPC_ERROR.casMismatch);
  }
  const seq = put.seq === undefined ? (current ?? 0n) + 1n : BigInt(put.seq);
  const signature = await signer.sign(signedBytes(encoded, salt, seq));
  const signed: SignedPart = { publicKey, salt, seq, signature };
  const { stored, refusals } = await store(found, { encoded, signed }, cas);
  return { target: found.target, seq, nodes: checkStored(stored, refusals) };
}

/**
 * Versions of a mutable item as they appear, the current one first. Each is also stored again from
 * time to time, so that it stays while it is followed.
 */
export async function* followNewest(
  context: DhtContext,
  publicKey: Uint8Array,
  options: { salt?: Uint8Array; signal?: AbortSignal | undefined; intervalMs: number },
): AsyncGenerator<MutableItem, void, undefined> {
  const { salt = NO_SALT, intervalMs } = options;
  const signal = AbortSignal.any([context.closing, ...(options.signal ? [options.signal] : [])]);
  let seq = -1n;
  let keptAt = context.clock.now();
  while (!signal.aborted) {
    const found = await searchNewest(context, publicKey, salt, signal).catch(() => undefined);
    const item = found?.item;
    const now = context.clock.now();
    if (found !== undefined && item !== undefined && now - keptAt >= KEEP_MS) {
      keptAt = now;
      await store(found, item, undefined);
    }
    if (item !== undefined && item.signed.seq > seq) {
      seq = item.signed.seq;
      yield describe(item);
    }
    await sleep(context, intervalMs, signal);
  }
}

/** How often a followed item is stored again, in ms. */
const KEEP_MS = 3_600_000;
const NO_SALT = new Uint8Array(0);

type SignedItem = Item & { readonly signed: SignedPart };

interface Search {
  readonly target: Uint8Array;
  readonly item: SignedItem | undefined;
  readonly nodes: Awaited<ReturnType<typeof writableNodes>>;
  /** Nodes that had a version. */
  readonly holders: ReadonlySet<string>;
}

async function searchNewest(
  context: DhtContext,
  publicKey: Uint8Array,
  salt: Uint8Array,
  signal?: AbortSignal,
): Promise<Search> {
  const { crypto } = context;
  const target = mutableTarget(crypto, publicKey, salt);
  const holders = new Set<string>();
  const own = context.items.get(target, context.clock.now());
  let newest: SignedItem | undefined = own && isSigned(own) ? own : undefined;
  const results = await walk(
    context,
    {
      target,
      method: "get",
      args: { target },
      answered: (_site, { endpoint }, { values }) => {
        const item = readSigned(values, publicKey, salt);
        if (item === undefined) return undefined;
        const isNews = newest === undefined || item.signed.seq > newest.signed.seq;
        // Copies of what was checked already need no second look.
        const isCopy =
          newest !== undefined &&
          item.signed.seq === newest.signed.seq &&
          equalBytes(item.encoded, newest.encoded) &&
          equalBytes(item.signed.signature, newest.signed.signature);
        if (!isCopy && !isGenuine(crypto, item.encoded, item.signed)) return undefined;
        holders.add(`${endpoint.address} ${endpoint.port}`);
        if (isNews) newest = item;
        return undefined;
      },
    },
    signal,
  );
  const nodes = results.flatMap(({ site, result }) =>
    result.writable.map((node) => ({ site, node })),
  );
  return { target, item: newest, nodes, holders };
}

function isSigned(item: Item): item is SignedItem {
  return item.signed !== undefined;
}

function readSigned(
  values: KrpcReply["values"],
  publicKey: Uint8Array,
  salt: Uint8Array,
): SignedItem | undefined {
  const encoded = values.span("v");
  const seq = values.big("seq");
  const signature = values.bytes("sig");
  const key = values.bytes("k");
  if (encoded === undefined || encoded.length > MAX_VALUE || seq === undefined) return undefined;
  if (signature === undefined || key === undefined || !equalBytes(key, publicKey)) return undefined;
  if (!isCanonical(encoded)) return undefined;
  return {
    encoded: copyBytes(encoded),
    signed: { publicKey, salt, seq, signature: copyBytes(signature) },
  };
}

/** Stores a version with the nodes that a search found. */
function store(
  { nodes, holders }: Search,
  { encoded, signed }: SignedItem,
  cas: bigint | undefined,
): Promise<{ stored: number; refusals: readonly number[] }> {
  const v = decode(encoded);
  const { publicKey, salt, seq, signature } = signed;
  return write(nodes, "put", ({ contact: { endpoint } }: FoundNode) => ({
    v,
    k: publicKey,
    seq,
    sig: signature,
    salt: salt.length > 0 ? salt : undefined,
    cas: holders.has(`${endpoint.address} ${endpoint.port}`) ? cas : undefined,
  }));
}

function describe(item: SignedItem): MutableItem {
  const value = itemValue(item);
  const { seq, signature } = item.signed;
  return { value, seq, signature, infoHash: torrentOf(value) };
}

function encodeValue(value: BencodeInput): Uint8Array {
  const encoded = encode(value);
  if (encoded.length > MAX_VALUE) {
    throw optionError(`a value of at most ${MAX_VALUE} bytes in bencoding`, encoded.length);
  }
  return encoded;
}

function checkStored(stored: number, refusals: readonly number[]): number {
  if (stored > 0) return stored;
  const [code] = refusals;
  const reason = code === undefined ? "no node answered" : `nodes answered with error ${code}`;
  throw new DhtError(
    "ERR_DHT_NOT_STORED",
    `expected a node to store the item, but ${reason}`,
    code,
  );
}

function optionError(expected: string, got: number): DhtError {
  return new DhtError("ERR_DHT_OPTION", `expected ${expected}, got ${got}`);
}

/** Resolves after the time, or at once when the signal aborts. */
function sleep(
  { clock, deadlines }: { clock: Clock; deadlines: Deadlines },
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      alarm.clear();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const alarm = deadlines.alarm(wake);
    if (signal.aborted) {
      resolve();
      return;
    }
    alarm.set(clock.now() + ms);
    signal.addEventListener("abort", wake, { once: true });
  });
}
