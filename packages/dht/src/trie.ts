// The tree of buckets: which nodes lie where, split along our own id. It judges no node.
import KBucket from "k-bucket";

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
  /** Up to `count` items, the closest to `target` first. */
  closest(target: Uint8Array, count: number): T[];
  /** All buckets, from the farthest from our id to the closest. Not to be changed. */
  leaves(): readonly (readonly T[])[];
}

/** A {@link NodeTrie} on the `k-bucket` package. */
export class KBucketTrie<T extends Keyed> implements NodeTrie<T> {
  readonly #tree: KBucket<T & KBucketContact>;

  /** @param size Items in a bucket. */
  constructor(localId: Uint8Array, size: number) {
    this.#tree = new KBucket<T & KBucketContact>({
      localNodeId: localId,
      numberOfNodesPerKBucket: size,
      numberOfNodesToPing: 1,
      // A newcomer never overwrites: who it displaces is the routing table's to decide.
      arbiter: (incumbent) => incumbent,
    });
  }

  add(item: T): boolean {
    if (this.#tree.get(item.id) !== null) return false;
    this.#tree.add(item as T & KBucketContact);
    return this.#tree.get(item.id) === item;
  }

  get(id: Uint8Array): T | undefined {
    return this.#tree.get(id) ?? undefined;
  }

  remove(id: Uint8Array): void {
    this.#tree.remove(id);
  }

  closest(target: Uint8Array, count: number): T[] {
    return this.#tree.closest(target, count);
  }

  leaves(): readonly (readonly T[])[] {
    const leaves: (readonly T[])[] = [];
    let branch: Branch<T> | null = this.#tree.root as unknown as Branch<T>;
    while (branch !== null) {
      const { left, right, contacts }: Branch<T> = branch;
      if (contacts !== null) leaves.push(contacts);
      // Only one side goes on: the other is a bucket that never splits.
      const [far, near]: (Branch<T> | null)[] = left?.dontSplit ? [left, right] : [right, left];
      if (far?.contacts) leaves.push(far.contacts);
      branch = contacts === null ? (near ?? null) : null;
    }
    return leaves;
  }
}

/** `k-bucket` types items with a clock that only its own arbiter reads. */
type KBucketContact = { vectorClock: number };

/** How `k-bucket` 5 keeps its tree. */
interface Branch<T> {
  readonly contacts: readonly T[] | null;
  readonly dontSplit: boolean;
  readonly left: Branch<T> | null;
  readonly right: Branch<T> | null;
}
