// What the routing table knows of a node.
import { type Endpoint, formatEndpoint, isLocal } from "@shoal/core";
import { type Contact, encodeContact } from "./contact.ts";
import { ID_LENGTH } from "./node-id.ts";
import { isSecureId } from "./secure-id.ts";
import type { Keyed } from "./trie.ts";

/** A node that has answered us at least once. */
export interface NodeRecord extends Contact, Keyed {
  /** As others are told of it. */
  readonly compact: Uint8Array;
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

/** A record of a node that has just answered. */
export function newRecord(contact: Contact, rtt: number, now: number): NodeRecord {
  const { endpoint } = contact;
  const compact = encodeContact(contact);
  // A view: thousands of records share their memory this way.
  const id = compact.subarray(0, ID_LENGTH);
  return {
    id,
    endpoint,
    compact,
    isSecure: isSecureId(id, endpoint.address),
    rtt,
    failures: 0,
    answeredAt: now,
    queriedAt: now,
  };
}

/** What may be in a table only once: an address, but in our own network an address with a port. */
export function placeOf(endpoint: Endpoint): string {
  return isLocal(endpoint.address) ? formatEndpoint(endpoint) : endpoint.address;
}
