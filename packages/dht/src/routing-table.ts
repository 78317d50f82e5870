// The nodes that we know of one family, and which of them are worth a place (BEP 5, Kademlia).
import { concatBytes, equalBytes, isLocal } from "@shoal/core";
import { type Contact, encodeContact, subnetOf } from "./contact.ts";
import { sharedPrefix } from "./node-id.ts";
import { type NodeRecord, newRecord, placeOf } from "./node-record.ts";
import { KBucketTrie, type NodeTrie } from "./trie.ts";

/** Nodes in a bucket, and nodes that a reply names: the k of Kademlia. */
export const K = 8;
/** Nodes kept in reserve for a bucket. */
const MAX_SPARES = 8;
/** Nodes of the farthest buckets in an extended table: lookups begin closer to their targets. */
const EXTENDED: readonly number[] = [128, 64, 32, 16, K];
/** Queries in a row without an answer after which a node goes although nobody replaces it. */
const MAX_FAILURES = 10;
/** From here on a node is told to nobody. */
const BAD_FAILURES = 2;
/** Bits behind a bucket's prefix by which its nodes should differ: eight slots for eight nodes. */
const SPREAD_BITS = 3;

/** What becomes of nodes whose id does not follow from their address (BEP 42). */
export type IdPolicy = "ignore" | "prefer" | "enforce";

/** A table around one id. Nodes enter by answering us, and only so. */
export class RoutingTable {
  readonly localId: Uint8Array;
  readonly #policy: IdPolicy;
  readonly #trie: NodeTrie<NodeRecord>;
  /** By address: live nodes and spares. */
  readonly #places = new Map<string, NodeRecord>();
  /** By length of the prefix shared with our id; the one that answered longest ago first. */
  readonly #spares = new Map<number, NodeRecord[]>();
  readonly #isExtended: boolean;
  /** By bucket: its nodes as replies name them. Empty when any bucket changed. */
  #lists: Uint8Array[] = [];
  #size = 0;

  /** @param isExtended The farthest buckets hold more than eight nodes: 128, 64, 32 and 16. */
  constructor(localId: Uint8Array, policy: IdPolicy, isExtended = false) {
    this.localId = localId;
    this.#policy = policy;
    this.#isExtended = isExtended;
    this.#trie = new KBucketTrie(localId, isExtended ? EXTENDED : [K]);
  }

  /** How many live nodes there are. */
  get size(): number {
    return this.#size;
  }

  /** All live nodes, bucket by bucket, from the farthest to the closest. */
  buckets(): readonly (readonly NodeRecord[])[] {
    return this.#trie.leaves();
  }

  /** Up to `count` live nodes that are not known to be bad, the closest first. */
  closest(target: Uint8Array, count: number): NodeRecord[] {
    return this.#trie.closest(target, count, isGood);
  }

  /** The eight closest that are not known to be bad, as replies name them, in any order. */
  closestList(target: Uint8Array): Uint8Array {
    const { leaf, index } = this.#leafOf(target);
    const kept = this.#lists[index];
    if (kept !== undefined) return kept;
    const list = concatBytes(this.closest(target, K).map(encodeContact));
    // These are the closest to every target there.
    if (leaf.length === K && leaf.every(isGood)) this.#lists[index] = list;
    return list;
  }

  /** Whether it is worth asking the node for an answer, by which it would enter. */
  wants(contact: Contact): boolean {
    if (this.#places.has(placeOf(contact.endpoint)) || this.#isOurs(contact.id)) return false;
    const { leaf, index } = this.#leafOf(contact.id);
    return (
      leaf.length < this.#sizeOf(index) ||
      leaf.some((node) => node.failures > 0) ||
      this.#lacksSpares(index)
    );
  }

  /** A node answered us: it is kept, refreshed, put in reserve, or refused. */
  answered(contact: Contact, rtt: number, now: number): void {
    const known = this.#places.get(placeOf(contact.endpoint));
    if (known !== undefined) {
      if (known.endpoint.port === contact.endpoint.port && equalBytes(known.id, contact.id)) {
        known.rtt = Math.round((2 * known.rtt + rtt) / 3);
        known.failures = 0;
        known.answeredAt = Math.floor(now);
        return;
      }
      // A node that changes its id is not to be relied on; another port is another node, which
      // gets the address only when the first one falls silent.
      if (known.endpoint.port === contact.endpoint.port) this.#drop(known);
      if (known.endpoint.port === contact.endpoint.port || known.failures === 0) return;
      this.#drop(known);
    }
    this.#enter(newRecord(contact, rtt, now));
  }

  /** We ask the node something. */
  queried(contact: Contact, now: number): void {
    const node = this.#places.get(placeOf(contact.endpoint));
    if (node !== undefined) node.queriedAt = Math.floor(now);
  }

  /** A node did not answer. */
  failed(contact: Contact): void {
    const node = this.#places.get(placeOf(contact.endpoint));
    if (node === undefined || !equalBytes(node.id, contact.id)) return;
    node.failures++;
    this.#lists = [];
    const spare = this.#bestSpare(this.#leafOf(node.id).index);
    if (this.#trie.get(node.id) !== node || (spare === undefined && node.failures < MAX_FAILURES)) {
      return;
    }
    this.#drop(node);
    if (spare === undefined) return;
    this.#drop(spare);
    this.#place(spare);
  }

  /** The live node that was asked longest ago, and whether its bucket has room. */
  stalest(): { node: NodeRecord; bucket: number; hasRoom: boolean } | undefined {
    let stalest: { node: NodeRecord; bucket: number; hasRoom: boolean } | undefined;
    const buckets = this.buckets();
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      const leaf = buckets[bucket] ?? [];
      for (const node of leaf) {
        if (stalest !== undefined && node.queriedAt >= stalest.node.queriedAt) continue;
        stalest = { node, bucket, hasRoom: leaf.length < this.#sizeOf(bucket) };
      }
    }
    return stalest;
  }

  #enter(node: NodeRecord): void {
    if (this.#isOurs(node.id) || (this.#policy === "enforce" && !node.isSecure)) return;
    const namesake = this.#trie.get(node.id);
    if (namesake !== undefined) {
      if (namesake.failures === 0) return;
      this.#drop(namesake);
    }
    const { leaf, index } = this.#leafOf(node.id);
    if (this.#isCrowded(node, leaf, index)) return;
    if (this.#place(node)) return;
    const victim = this.#victim(leaf, index, node);
    if (victim === undefined) {
      this.#spare(node);
      return;
    }
    this.#drop(victim);
    if (victim.failures === 0) this.#spare(victim);
    this.#place(node);
  }

  /** Whether the bucket has a node of the same network already. */
  #isCrowded(node: NodeRecord, leaf: readonly NodeRecord[], index: number): boolean {
    if (isLocal(node.endpoint.address)) return false;
    const subnet = subnetOf(node.endpoint.address);
    const isNeighbour = (other: NodeRecord): boolean => subnetOf(other.endpoint.address) === subnet;
    return leaf.some(isNeighbour) || (this.#spares.get(index) ?? []).some(isNeighbour);
  }

  /** Whom the newcomer replaces in a full bucket. */
  #victim(
    leaf: readonly NodeRecord[],
    index: number,
    newcomer: NodeRecord,
  ): NodeRecord | undefined {
    const failing = worst(
      leaf.filter((node) => node.failures > 0),
      (node) => node.failures,
    );
    if (failing !== undefined) return failing;
    const prefers = this.#policy !== "ignore";
    const insecure = leaf.filter((node) => prefers && !node.isSecure);
    if (newcomer.isSecure && insecure.length > 0) return worst(insecure, (node) => node.rtt);
    const rivals = newcomer.isSecure || !prefers ? leaf : insecure;
    const slot = slotOf(newcomer, index);
    const same = rivals.filter((node) => slotOf(node, index) === slot);
    if (leaf.some((node) => slotOf(node, index) === slot)) {
      const slowest = worst(same, (node) => node.rtt);
      return slowest !== undefined && newcomer.rtt < slowest.rtt / 2 ? slowest : undefined;
    }
    const crowd = rivals.filter((node) =>
      leaf.some((other) => other !== node && slotOf(other, index) === slotOf(node, index)),
    );
    return worst(crowd, (node) => node.rtt);
  }

  #place(node: NodeRecord): boolean {
    if (!this.#trie.add(node)) return false;
    this.#lists = [];
    this.#places.set(placeOf(node.endpoint), node);
    this.#size++;
    return true;
  }

  #spare(node: NodeRecord): void {
    const shared = sharedPrefix(this.localId, node.id);
    const spares = this.#spares.get(shared) ?? [];
    this.#spares.set(shared, spares);
    spares.push(node);
    this.#places.set(placeOf(node.endpoint), node);
    const oldest = spares.length > MAX_SPARES ? spares.shift() : undefined;
    if (oldest !== undefined) this.#places.delete(placeOf(oldest.endpoint));
  }

  #bestSpare(index: number): NodeRecord | undefined {
    const isLast = index === this.buckets().length - 1;
    let best: NodeRecord | undefined;
    for (const [shared, spares] of this.#spares) {
      if (shared !== index && !(isLast && shared > index)) continue;
      for (const spare of spares) {
        if (spare.failures === 0 && (best === undefined || spare.rtt < best.rtt)) best = spare;
      }
    }
    return best;
  }

  #lacksSpares(index: number): boolean {
    return (this.#spares.get(index)?.length ?? 0) < MAX_SPARES / 4;
  }

  /** Forgets a live node or a spare. */
  #drop(node: NodeRecord): void {
    this.#places.delete(placeOf(node.endpoint));
    if (this.#trie.get(node.id) === node) {
      this.#trie.remove(node.id);
      this.#lists = [];
      this.#size--;
      return;
    }
    const spares = this.#spares.get(sharedPrefix(this.localId, node.id));
    const at = spares?.indexOf(node) ?? -1;
    if (at >= 0) spares?.splice(at, 1);
  }

  #leafOf(id: Uint8Array): { leaf: readonly NodeRecord[]; index: number } {
    const index = this.#trie.indexOf(id);
    return { leaf: this.buckets()[index] ?? [], index };
  }

  #sizeOf(index: number): number {
    const isLast = index === this.buckets().length - 1;
    return (this.#isExtended && !isLast ? EXTENDED[index] : undefined) ?? K;
  }

  #isOurs(id: Uint8Array): boolean {
    return equalBytes(id, this.localId);
  }
}

function isGood(node: NodeRecord): boolean {
  return node.failures < BAD_FAILURES;
}

/** The bits of the id behind the bucket's prefix and the bit that sets the bucket apart. */
function slotOf(node: NodeRecord, index: number): number {
  let slot = 0;
  for (let bit = index + 1; bit <= index + SPREAD_BITS; bit++) {
    slot = 2 * slot + (((node.id[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
  }
  return slot;
}

function worst(
  nodes: readonly NodeRecord[],
  badness: (node: NodeRecord) => number,
): NodeRecord | undefined {
  let found: NodeRecord | undefined;
  for (const node of nodes) if (found === undefined || badness(node) > badness(found)) found = node;
  return found;
}
