// What the routing table knows of a node.
import { type Endpoint, formatEndpoint, isLocal } from "@shoal/core";
import type { Contact } from "./contact.ts";
import { isSecureId } from "./secure-id.ts";
import type { Keyed } from "./trie.ts";

/** A node that has answered us at least once. */
export interface NodeRecord extends Contact, Keyed {
  /** Whether its id follows from its address (BEP 42). */
  readonly isSecure: boolean;
  /** Smoothed round-trip time in ms. */
  rtt: number;
  /** Queries in a row that it has not answered. */
  failures: number;
  /** When it last answered; ms. */
  answeredAt: number;
  /** When we last asked it; ms. */
  queriedAt: number;
}

/** A record of a node that has just answered. Times are whole ms, which take less memory. */
export function newRecord({ id, endpoint }: Contact, rtt: number, now: number): NodeRecord {
  return {
    id,
    endpoint,
    isSecure: isSecureId(id, endpoint.address),
    rtt: Math.round(rtt),
    failures: 0,
    answeredAt: Math.floor(now),
    queriedAt: Math.floor(now),
  };
}

/** What may be in a table only once: an address, but in our own network an address with a port. */
export function placeOf(endpoint: Endpoint): string {
  return isLocal(endpoint.address) ? formatEndpoint(endpoint) : endpoint.address;
}
