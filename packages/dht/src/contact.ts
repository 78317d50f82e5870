// Where a node is and what it is called, and the compact lists of them (BEP 5, BEP 32).
import {
  copyBytes,
  decodeCompact,
  type Endpoint,
  encodeCompact,
  isDialable,
  isLocal,
} from "@shoal/core";
import { ID_LENGTH } from "./node-id.ts";

/** A node as others tell of it. */
export interface Contact {
  /** 20 bytes. */
  readonly id: Uint8Array;
  readonly endpoint: Endpoint;
}

/** Bytes of a node in a compact list of a family. */
const CONTACT_SIZE: Readonly<Record<4 | 6, number>> = { 4: 26, 6: 38 };

/** Nodes that are read of one list; honest ones send eight, some twenty. */
const MAX_LISTED = 32;

/** The compact form: id, address, port. */
export function encodeContact({ id, endpoint }: Contact): Uint8Array {
  const compact = encodeCompact(endpoint);
  const bytes = new Uint8Array(ID_LENGTH + compact.length);
  bytes.set(id);
  bytes.set(compact, ID_LENGTH);
  return bytes;
}

/**
 * Reads a compact list; a torn tail and what comes after 32 nodes is ignored. The ids are copies.
 *
 * @param isWanted Nodes of other ids are skipped: most of those that a walk hears of it knows.
 */
export function decodeContacts(
  bytes: Uint8Array,
  family: 4 | 6,
  isWanted?: (id: Uint8Array) => boolean,
): Contact[] {
  const size = CONTACT_SIZE[family];
  const contacts: Contact[] = [];
  const end = Math.min(bytes.length, size * MAX_LISTED);
  for (let at = 0; at + size <= end; at += size) {
    const id = bytes.subarray(at, at + ID_LENGTH);
    if (isWanted?.(id) === false) continue;
    const [endpoint] = decodeCompact(bytes.subarray(at + ID_LENGTH, at + size), family);
    if (endpoint !== undefined) contacts.push({ id: copyBytes(id), endpoint });
  }
  return contacts;
}

/**
 * Whether we may send to an endpoint that somebody at `source` told us of: a real port and an
 * address that can have a node. Local addresses count only from local sources, so that strangers
 * can't make us knock on doors in our own network.
 */
export function isCredible({ address, port }: Endpoint, source: string): boolean {
  if (port === 0 || !isDialable(address) || isReserved(address)) return false;
  return !isLocal(address) || isLocal(source);
}

/** What a site is counted by: /24 of IPv4, /64 of IPv6. Only a key, not an address. */
export function subnetOf(address: string): string {
  if (!address.includes(":")) return address.slice(0, address.lastIndexOf("."));
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  for (let i = 0; i < missing; i++) groups.push("0");
  if (tail !== undefined) groups.push(...tail.split(":"));
  return groups.slice(0, 4).join(":");
}

/** Documentation and benchmark ranges, in which nobody can be. */
function isReserved(address: string): boolean {
  if (address.includes(":")) {
    return !/^[23]...:/.test(address) ? !isLocal(address) : address.startsWith("2001:db8:");
  }
  return /^(?:192\.0\.[02]\.|198\.51\.100\.|203\.0\.113\.|198\.1[89]\.)/.test(address);
}
