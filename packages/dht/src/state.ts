// What a node keeps over restarts: its ids and the nodes that it knows.
import { BencodeDict, BencodeError, decodeDict, encode } from "@shoal/bencode";
import { concatBytes, copyBytes } from "@shoal/core";
import { type Contact, decodeContacts, encodeContact } from "./contact.ts";
import { DhtError } from "./error.ts";
import { ID_LENGTH } from "./node-id.ts";

/** Nodes kept of a site. */
const MAX_NODES = 256;
const VERSION = 1;

/** What is kept of a site. */
export interface SiteState {
  readonly family: 4 | 6;
  /** The address that the socket is bound to, as text: which of several sites it is. */
  readonly local: string;
  /** 20 bytes: valid for the external address at that time (BEP 42). */
  readonly id: Uint8Array;
  readonly contacts: readonly Contact[];
}

/** The state as bytes to be kept in a file. */
export function encodeState(sites: readonly SiteState[]): Uint8Array {
  return encode({
    version: VERSION,
    sites: sites.map(({ family, local, id, contacts }) => ({
      family,
      local,
      id,
      nodes: concatBytes(contacts.slice(0, MAX_NODES).map(encodeContact)),
    })),
  });
}

/**
 * Reads what {@link encodeState} wrote.
 *
 * @throws DhtError `ERR_DHT_STATE`
 */
export function decodeState(bytes: Uint8Array): SiteState[] {
  const fail = (what: string): never => {
    throw new DhtError("ERR_DHT_STATE", `expected the saved state of a DHT node, ${what}`);
  };
  let root: BencodeDict;
  try {
    root = decodeDict(bytes, { maxDepth: 5, maxTokens: 10_000 });
  } catch (error) {
    if (error instanceof BencodeError) return fail(`but ${error.message}`);
    throw error;
  }
  if (root.int("version") !== VERSION) return fail(`got version ${root.int("version")}`);
  const states: SiteState[] = [];
  for (const site of root.list("sites") ?? []) {
    if (!(site instanceof BencodeDict)) return fail("got a site that is none");
    const family = site.int("family");
    const id = site.bytes("id");
    if ((family !== 4 && family !== 6) || id?.length !== ID_LENGTH) return fail("got a bad site");
    const nodes = site.bytes("nodes") ?? new Uint8Array(0);
    const contacts: Contact[] = [];
    const size = family === 4 ? 26 : 38;
    for (let at = 0; at < Math.min(nodes.length, size * MAX_NODES); at += size) {
      contacts.push(...decodeContacts(nodes.subarray(at, at + size), family));
    }
    states.push({ family, local: site.text("local") ?? "", id: copyBytes(id), contacts });
  }
  return states;
}
