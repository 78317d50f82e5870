/**
 * A node of the Mainline DHT. Portable: sockets, time and randomness are given to it; `./node` has
 * one that runs on UDP.
 *
 * @packageDocumentation
 */
export type { Announcement, AnnounceOptions } from "./announcer.ts";
export { BLOOM_SIZE, estimateBloom, uniteBlooms } from "./bloom.ts";
export type { Contact } from "./contact.ts";
export type { Crawled, CrawlOptions } from "./crawler.ts";
export { type DhtCrypto, portableCrypto, portableSigner, type Signer } from "./crypto.ts";
export { type DhtEvents, DhtNode, type DhtStats } from "./dht-node.ts";
export type { Answer, Sample } from "./direct.ts";
export { DhtError, type DhtErrorCode } from "./error.ts";
export type { Item, SignedPart } from "./item.ts";
export type { MutableItem, MutablePut, Stored } from "./item-exchange.ts";
export { type ItemStore, memoryItemStore } from "./item-store.ts";
export type {
  KrpcError,
  KrpcMalformed,
  KrpcMessage,
  KrpcQuery,
  KrpcReply,
} from "./krpc.ts";
export { decodeKrpc, encodeError, encodeQuery, encodeReply, KRPC_ERROR } from "./krpc.ts";
export { compareDistance, ID_LENGTH } from "./node-id.ts";
export type { DhtHost, DhtOptions } from "./options.ts";
export {
  memoryPeerStore,
  type PeerStore,
  type PeerStoreLimits,
  type StoredPeer,
} from "./peer-store.ts";
export type { Traffic } from "./reception.ts";
export type { IdPolicy } from "./routing-table.ts";
export { isSecureId, secureId } from "./secure-id.ts";
export {
  type AnnouncingNode,
  createDhtSource,
  type DhtSource,
  type DhtSourceOptions,
} from "./source.ts";
export type { SwarmSize } from "./swarm-lookup.ts";
export type { Walked } from "./walk.ts";
