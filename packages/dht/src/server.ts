// Answers to the queries of others (BEP 5, 32, 33, 42, 44, 51).
import { type BencodeDict, decode } from "@shoal/bencode";
import { concatBytes, copyBytes, type Endpoint, equalBytes } from "@shoal/core";
import type { DhtCrypto } from "./crypto.ts";
import { type Item, isCanonical, isGenuine, itemTarget, MAX_SALT, MAX_VALUE } from "./item.ts";
import type { ItemStore } from "./item-store.ts";
import {
  encodeError,
  encodeReply,
  KRPC_ERROR,
  type KrpcQuery,
  type KrpcValues,
  MAX_DATAGRAM,
} from "./krpc.ts";
import { ID_LENGTH } from "./node-id.ts";
import { encodeNodesReply, type NodesReply } from "./nodes-reply.ts";
import type { PeerStore } from "./peer-store.ts";
import type { Tokens } from "./tokens.ts";

/** Seconds for which a sample of info-hashes stays the same (BEP 51). */
const SAMPLE_SECONDS = 600;
/** Info-hashes in a sample. */
const MAX_SAMPLE = 40;
/** Most peers in a reply. */
const MAX_VALUES = 100;

/** A query and where it came from. */
export interface Visit {
  readonly query: KrpcQuery;
  readonly from: Endpoint;
  /** `from` in compact form. */
  readonly compact: Uint8Array;
  readonly family: 4 | 6;
  /** Our id at the socket that it came to. */
  readonly localId: Uint8Array;
  /** Bytes that the answer may have. */
  readonly budget: number;
  readonly now: number;
}

/** What the server needs. */
export interface ServerHost {
  readonly crypto: DhtCrypto;
  readonly tokens: Tokens;
  readonly peers: PeerStore;
  readonly items: ItemStore;
  /** The closest nodes to a target as a compact list; `undefined` if we are not in that network. */
  closest(family: 4 | 6, target: Uint8Array, localId: Uint8Array): Uint8Array | undefined;
  /** The sender has shown by a token that it receives at its address. */
  proved(visit: Visit): void;
  /** A peer was announced. */
  announced(infoHash: Uint8Array, peer: Endpoint): void;
}

/** The server side of the protocol. Its only state is what others stored. */
export class Server {
  readonly #host: ServerHost;
  #sample: readonly Uint8Array[] = [];
  #sampledAt = Number.NEGATIVE_INFINITY;

  constructor(host: ServerHost) {
    this.#host = host;
  }

  /** The datagram that answers the query. */
  answer(visit: Visit): Uint8Array {
    const { query } = visit;
    const answer = this.#values(visit);
    if (answer instanceof Refusal) return encodeError(query.transaction, answer.code, answer.text);
    const { more, ...common } = answer;
    if (more === undefined) return encodeNodesReply(query.transaction, visit.compact, common);
    return encodeReply(query.transaction, visit.compact, { ...common, ...more });
  }

  #values(visit: Visit): Values | Refusal {
    const { query, localId } = visit;
    switch (query.method) {
      case "ping":
        return { id: localId };
      case "find_node":
        return this.#findNode(visit, query.args.bytes("target"));
      case "get_peers":
        return this.#getPeers(visit);
      case "announce_peer":
        return this.#announcePeer(visit);
      case "get":
        return this.#get(visit);
      case "put":
        return this.#put(visit);
      case "sample_infohashes":
        return this.#sampleInfohashes(visit);
      default: {
        // What others invent is answered as far as it can be understood.
        const target = query.args.bytes("target") ?? query.args.bytes("info_hash");
        if (target === undefined) return UNKNOWN;
        return this.#findNode(visit, target);
      }
    }
  }

  #findNode(visit: Visit, target: Uint8Array | undefined): Values | Refusal {
    if (target?.length !== ID_LENGTH) return INVALID;
    return this.#nodes(visit, target);
  }

  #nodes({ query, family, localId }: Visit, target: Uint8Array): Values {
    const want = wantOf(query.args);
    return {
      id: localId,
      nodes: (want?.n4 ?? family === 4) ? this.#host.closest(4, target, localId) : undefined,
      nodes6: (want?.n6 ?? family === 6) ? this.#host.closest(6, target, localId) : undefined,
    };
  }

  #getPeers(visit: Visit): Values | Refusal {
    const { query, compact, family, budget, now } = visit;
    const { peers, tokens } = this.#host;
    const infoHash = query.args.bytes("info_hash");
    if (infoHash?.length !== ID_LENGTH) return INVALID;
    const nodes = this.#nodes(visit, infoHash);
    const token = peers.accepts(infoHash)
      ? tokens.issue(compact.subarray(0, -2), infoHash, now)
      : undefined;
    let room = Math.min(MAX_DATAGRAM, budget) - sizeOf(nodes, query);
    const blooms = query.args.int("scrape") === 1 ? peers.blooms(infoHash, now) : undefined;
    const scrape = blooms && room >= BLOOM_ROOM ? blooms : undefined;
    if (scrape !== undefined) room -= BLOOM_ROOM;
    const count = Math.min(MAX_VALUES, Math.floor((room - 10) / (family === 4 ? 8 : 21)));
    const noSeeds = query.args.int("noseed") === 1;
    const drawn = count > 0 ? peers.draw(infoHash, { family, count, noSeeds }, now) : [];
    if (drawn.length === 0 && scrape === undefined) return { ...nodes, token };
    const values = drawn.length > 0 ? drawn : undefined;
    return { ...nodes, token, more: { values, BFsd: scrape?.seeds, BFpe: scrape?.peers } };
  }

  #announcePeer(visit: Visit): Values | Refusal {
    const { query, compact, localId, now } = visit;
    const { args } = query;
    const infoHash = args.bytes("info_hash");
    if (infoHash?.length !== ID_LENGTH) return INVALID;
    if (!this.#hasToken(visit, infoHash)) return BAD_TOKEN;
    const port = args.int("implied_port") === 1 ? visit.from.port : (args.int("port") ?? 0);
    if (port < 1 || port > 65_535) return INVALID;
    const peer = copyBytes(compact);
    peer[peer.length - 2] = port >> 8;
    peer[peer.length - 1] = port & 0xff;
    const isSeed = args.int("seed") === 1;
    this.#host.peers.add(infoHash, { compact: peer, isSeed }, now);
    this.#host.announced(copyBytes(infoHash), { address: visit.from.address, port });
    return { id: localId };
  }

  #get(visit: Visit): Values | Refusal {
    const { query, compact, budget, now } = visit;
    const target = query.args.bytes("target");
    if (target?.length !== ID_LENGTH) return INVALID;
    const token = this.#host.tokens.issue(compact.subarray(0, -2), target, now);
    const values = { ...this.#nodes(visit, target), token };
    const item = this.#host.items.get(target, now);
    if (item === undefined) return values;
    const { encoded, signed } = item;
    const known = query.args.big("seq");
    const isNews = signed === undefined || known === undefined || signed.seq > known;
    const room = Math.min(MAX_DATAGRAM, budget) - sizeOf(values, query);
    if (!isNews || room < encoded.length + ITEM_ROOM) {
      return signed === undefined ? values : { ...values, more: { seq: signed.seq } };
    }
    const { publicKey, seq, signature } = signed ?? {};
    return { ...values, more: { v: decode(encoded), k: publicKey, seq, sig: signature } };
  }

  #put(visit: Visit): Values | Refusal {
    const { crypto, items } = this.#host;
    const { args } = visit.query;
    const encoded = args.span("v");
    if (encoded === undefined) return INVALID;
    if (encoded.length > MAX_VALUE) return VALUE_TOO_LONG;
    const publicKey = args.bytes("k");
    const salt = args.bytes("salt") ?? new Uint8Array(0);
    if (salt.length > MAX_SALT) return SALT_TOO_LONG;
    let item: Item = { encoded: copyBytes(encoded), signed: undefined };
    if (publicKey !== undefined) {
      const seq = args.big("seq");
      const signature = args.bytes("sig");
      if (seq === undefined || signature === undefined) return INVALID;
      const signed = { publicKey: copyBytes(publicKey), salt: copyBytes(salt), seq, signature };
      item = { encoded: item.encoded, signed: { ...signed, signature: copyBytes(signature) } };
    }
    const target = itemTarget(crypto, item);
    if (!this.#hasToken(visit, target)) return BAD_TOKEN;
    if (!isCanonical(item.encoded)) return INVALID;
    const stored = items.get(target, visit.now);
    const conflict = stored && conflictOf(item, stored, args.big("cas"));
    if (conflict !== undefined) return conflict;
    // The dear check comes last.
    if (item.signed !== undefined && !isGenuine(crypto, item.encoded, item.signed)) {
      return BAD_SIGNATURE;
    }
    items.put(target, item, visit.now);
    return { id: visit.localId };
  }

  #sampleInfohashes(visit: Visit): Values | Refusal {
    const { query, budget, now } = visit;
    const target = query.args.bytes("target");
    if (target?.length !== ID_LENGTH) return INVALID;
    const { peers } = this.#host;
    const isStale = now - this.#sampledAt >= 1000 * SAMPLE_SECONDS;
    if (isStale || this.#sample.length < Math.min(MAX_SAMPLE, peers.torrents)) {
      this.#sample = peers.sample(MAX_SAMPLE);
      this.#sampledAt = now;
    }
    const values = this.#nodes(visit, target);
    const room = Math.min(MAX_DATAGRAM, budget) - sizeOf(values, query) - 20;
    const count = Math.max(0, Math.min(this.#sample.length, Math.floor(room / ID_LENGTH)));
    const samples = concatBytes(this.#sample.slice(0, count));
    return { ...values, more: { interval: SAMPLE_SECONDS, num: peers.torrents, samples } };
  }

  #hasToken(visit: Visit, target: Uint8Array): boolean {
    const { query, compact, now } = visit;
    const token = query.args.bytes("token");
    if (!this.#host.tokens.isValid(token, compact.subarray(0, -2), target, now)) return false;
    this.#host.proved(visit);
    return true;
  }
}

/** The members of a reply. */
interface Values extends NodesReply {
  /** Those that only some replies have. */
  readonly more?: KrpcValues;
}

/** An answer that says why there is none. */
class Refusal {
  readonly code: number;
  readonly text: string;

  constructor(code: number, text: string) {
    this.code = code;
    this.text = text;
  }
}

const INVALID = new Refusal(KRPC_ERROR.protocol, "invalid arguments");
const BAD_TOKEN = new Refusal(KRPC_ERROR.protocol, "invalid token");
const UNKNOWN = new Refusal(KRPC_ERROR.unknownMethod, "unknown method");
const VALUE_TOO_LONG = new Refusal(KRPC_ERROR.valueTooLong, "v has more than 1000 bytes");
const BAD_SIGNATURE = new Refusal(KRPC_ERROR.badSignature, "invalid signature");
const SALT_TOO_LONG = new Refusal(KRPC_ERROR.saltTooLong, "salt has more than 64 bytes");
const CAS_MISMATCH = new Refusal(KRPC_ERROR.casMismatch, "cas mismatch, read again");
const SEQ_TOO_LOW = new Refusal(KRPC_ERROR.seqTooLow, "seq is not above the current one");

/** Bytes of two filters with their keys. */
const BLOOM_ROOM = 2 * (6 + 4 + 256);
/** Bytes of an item's key, signature and their names. */
const ITEM_ROOM = 3 + 6 + 32 + 5 + 3 + 64 + 5;
/** Bytes of a reply around its nodes and transaction id, all optional numbers included. */
const FRAME_ROOM = 140;

/** About how many bytes a reply has so far; never less. */
function sizeOf(values: Values, { transaction }: KrpcQuery): number {
  const listed = (values.nodes?.length ?? 0) + (values.nodes6?.length ?? 0);
  return FRAME_ROOM + transaction.length + listed;
}

/** Which nodes the asker wants; `undefined` if it does not say (BEP 32). */
function wantOf(args: BencodeDict): { n4: boolean; n6: boolean } | undefined {
  const want = args.list("want");
  if (want === undefined) return undefined;
  const has = (digit: number): boolean =>
    want.some(
      (flag) =>
        flag instanceof Uint8Array && flag.length === 2 && flag[0] === 0x6e && flag[1] === digit,
    );
  return { n4: has(0x34), n6: has(0x36) };
}

/** Why the item must not take the place of the stored one (BEP 44). */
function conflictOf(item: Item, stored: Item, cas: bigint | undefined): Refusal | undefined {
  if (item.signed === undefined || stored.signed === undefined) return undefined;
  const current = stored.signed.seq;
  if (cas !== undefined && cas !== current) return CAS_MISMATCH;
  if (item.signed.seq > current) return undefined;
  const isSame = item.signed.seq === current && equalBytes(item.encoded, stored.encoded);
  return isSame ? undefined : SEQ_TOO_LOW;
}
