// The tree of buckets: which nodes lie where, split along our own id. It judges no node.
import KBucket from "k-bucket";
import { compareDistance, sharedPrefix } from "./node-id.ts";

/** What can lie in the tree. */
export interface Keyed {
  /** 20 bytes. */
  readonly id: Uint8Array;
}

/** A tree of buckets around our own id. Ids are unique in it. */
export interface NodeTrie<T extends Keyed> {
  /** Adds an item unless its bucket is full or its id is taken; tells whether it did. */
  add(item: T): boolean;
  get(id: Uint8Array): T | undefined;
  remove(id: Uint8Array): void;
  /** Up to `count` of the items that are accepted, the closest to `target` first. */
  closest(target: Uint8Array, count: number, accept: (item: T) => boolean): T[];
  /** All buckets, from the farthest from our id to the closest. Not to be changed. */
  leaves(): readonly (readonly T[])[];
  /** The place in `leaves` of the bucket for an id. */
  indexOf(id: Uint8Array): number;
}

/** A {@link NodeTrie} on the `k-bucket` package. */
export class KBucketTrie<T extends Keyed> implements NodeTrie<T> {
  readonly #localId: Uint8Array;
  readonly #sizes: readonly number[];
  readonly #tree: KBucket<T & KBucketContact>;
  /** Of which the last is the only one that can split. */
  #branches: Branch<T>[] = [];
  #leaves: (readonly T[])[] = [];

  /**
   * @param sizes Items in a bucket, by its place in `leaves`; those behind have as many as the last.
   *   The bucket next to our own id always has as many as the last, for it can split.
   */
  constructor(localId: Uint8Array, sizes: readonly number[]) {
    this.#localId = localId;
    this.#sizes = sizes;
    this.#tree = new KBucket<T & KBucketContact>({
      localNodeId: localId,
      numberOfNodesPerKBucket: 1,
      numberOfNodesToPing: 1,
      // A newcomer never overwrites: who it displaces is the routing table's to decide.
      arbiter: (incumbent) => incumbent,
    });
  }

  add(item: T): boolean {
    if (this.#tree.get(item.id) !== null) return false;
    // Once more if the bucket split: the new one may hold more.
    for (let buckets = 0; buckets < this.leaves().length; ) {
      buckets = this.leaves().length;
      this.#tree.numberOfNodesPerKBucket = this.#sizeOf(this.indexOf(item.id));
      this.#tree.add(item as T & KBucketContact);
      if (this.#tree.get(item.id) === item) return true;
    }
    return false;
  }

  get(id: Uint8Array): T | undefined {
    return this.#tree.get(id) ?? undefined;
  }

  remove(id: Uint8Array): void {
    this.#tree.remove(id);
  }

  closest(target: Uint8Array, count: number, accept: (item: T) => boolean): T[] {
    const found: T[] = [];
    const leaves = this.leaves();
    const last = leaves.length - 1;
    const own = this.indexOf(target);
    const gather = (index: number): void => {
      const leaf = leaves[index];
      if (leaf !== undefined && found.length < count) insert(found, leaf, target, count, accept);
    };
    gather(own);
    // Each bucket behind our own differs from all further ones in the bit of its number: if the
    // target has that bit, it comes before them, and else after them.
    for (let i = own + 1; i < last; i++) if (this.#differs(target, i)) gather(i);
    if (own < last) gather(last);
    for (let i = last - 1; i > own; i--) if (!this.#differs(target, i)) gather(i);
    for (let i = own - 1; i >= 0; i--) gather(i);
    return found;
  }

  leaves(): readonly (readonly T[])[] {
    if (this.#branches.at(-1)?.contacts) return this.#leaves;
    this.#branches = [];
    let branch = this.#tree.root as unknown as Branch<T>;
    while (branch.contacts === null) {
      // Only one side goes on: the other is a bucket that never splits.
      const [far, near]: Branch<T>[] = branch.left.dontSplit
        ? [branch.left, branch.right]
        : [branch.right, branch.left];
      if (far === undefined || near === undefined) break;
      this.#branches.push(far);
      branch = near;
    }
    this.#branches.push(branch);
    this.#leaves = this.#branches.map(({ contacts }) => contacts ?? []);
    return this.#leaves;
  }

  indexOf(id: Uint8Array): number {
    return Math.min(sharedPrefix(this.#localId, id), this.leaves().length - 1);
  }

  #sizeOf(index: number): number {
    const isLast = index === this.#leaves.length - 1;
    return (isLast ? undefined : this.#sizes[index]) ?? this.#sizes.at(-1) ?? 1;
  }

  #differs(target: Uint8Array, bit: number): boolean {
    const difference = (target[bit >> 3] ?? 0) ^ (this.#localId[bit >> 3] ?? 0);
    return ((difference << (bit & 7)) & 0x80) !== 0;
  }
}

/** Adds the items of a bucket in their order, behind what was found before. */
function insert<T extends Keyed>(
  found: T[],
  leaf: readonly T[],
  target: Uint8Array,
  count: number,
  accept: (item: T) => boolean,
): void {
  const start = found.length;
  for (const item of leaf) {
    if (!accept(item)) continue;
    if (found.length < count) found.push(item);
    else if (!isCloser(target, item, found[count - 1])) continue;
    let at = found.length - 1;
    for (; at > start && isCloser(target, item, found[at - 1]); at--) {
      found[at] = found[at - 1] as T;
    }
    found[at] = item;
  }
}

function isCloser(target: Uint8Array, item: Keyed, other: Keyed | undefined): boolean {
  return other !== undefined && compareDistance(target, item.id, other.id) < 0;
}

/** `k-bucket` types items with a clock that only its own arbiter reads. */
type KBucketContact = { vectorClock: number };

/** How `k-bucket` 5 keeps its tree: a bucket, or two branches. */
type Branch<T> = { readonly dontSplit: boolean } & (
  | { readonly contacts: readonly T[] }
  | { readonly contacts: null; readonly left: Branch<T>; readonly right: Branch<T> }
);
