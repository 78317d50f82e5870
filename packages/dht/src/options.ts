// What a node is made of and how it is set.
import type { Clock, Datagrams, Deadlines, Endpoint, Entropy, Rng } from "@shoal/core";
import type { DhtCrypto } from "./crypto.ts";
import { DhtError } from "./error.ts";
import type { ItemStore } from "./item-store.ts";
import type { PeerStore } from "./peer-store.ts";
import type { IdPolicy } from "./routing-table.ts";

/** What a {@link DhtNode} is given by who runs it. */
export interface DhtHost {
  readonly clock: Clock;
  /** Rings whatever waits; drive it by one timer, or by virtual time. */
  readonly deadlines: Deadlines;
  /** For node ids and tie-breaks. */
  readonly rng: Rng;
  /** For tokens and transaction ids, which nobody must guess. */
  readonly entropy: Entropy;
  /** Default: portable JavaScript. */
  readonly crypto?: DhtCrypto;
  /** Called once when the node is closed: the place to close sockets and timers. */
  readonly release?: () => Promise<void>;
}

/** Settings of a {@link DhtNode}. */
export interface DhtOptions {
  /** One for each address to take part with, of either family (BEP 32, BEP 45). */
  readonly sockets: readonly Datagrams[];
  /** Nodes to begin with. */
  readonly bootstrap?: readonly Endpoint[];
  /** What `exportState` gave in an earlier life. */
  readonly state?: Uint8Array;
  /** What to do with nodes whose id does not follow from their address (BEP 42). Default `prefer`. */
  readonly idPolicy?: IdPolicy;
  /**
   * The four farthest buckets of the table hold 128, 64, 32 and 16 nodes instead of eight, so that
   * lookups need fewer hops: for who looks up a lot and stays long. Default `false`.
   */
  readonly extendedBuckets?: boolean;
  /** Ask, but answer nobody: for what sleeps a lot or can't be reached (BEP 43). Default `false`. */
  readonly readOnly?: boolean;
  /** Queries of a lookup that are under way at a time, 1–32. Default 5. */
  readonly parallel?: number;
  /** Keep that many under way among the closest nodes: faster, more queries. Default `true`. */
  readonly aggressive?: boolean;
  /** Queries a second that one address may send; beyond it is ignored for 5 minutes. Default 20. */
  readonly queriesPerSecond?: number;
  /** Where announced peers are kept. Default: in memory, bounded. */
  readonly peers?: PeerStore;
  /** Where items are kept. Default: in memory, bounded. */
  readonly items?: ItemStore;
}

/** Checks numbers. @throws DhtError `ERR_DHT_OPTION` */
export function checkOptions(options: DhtOptions): void {
  inRange("parallel", options.parallel ?? 5, 1, 32);
  const rate = options.queriesPerSecond ?? 20;
  if (!(rate > 0)) {
    throw new DhtError("ERR_DHT_OPTION", `expected queriesPerSecond above 0, got ${rate}`);
  }
}

/** @throws DhtError `ERR_DHT_OPTION` */
export function inRange(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new DhtError("ERR_DHT_OPTION", `expected ${name} to be ${least}–${most}, got ${value}`);
}
