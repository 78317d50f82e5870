// The items that others stored with us, in bounded memory (BEP 44).
import type { Item } from "./item.ts";
import { keyOf, sharedPrefix } from "./node-id.ts";

/** How long an item is kept that nobody stores again, in ms: they are refreshed every hour. */
const ITEM_LIFETIME_MS = 2 * 3_600_000;
const MAX_ITEMS = 1000;

/** Where a node keeps the items of others. Items are checked before they come here. */
export interface ItemStore {
  /** How many items there are. */
  readonly size: number;
  get(target: Uint8Array, now: number): Item | undefined;
  /** Keeps the item, in place of an older one, and anew if it is the same. */
  put(target: Uint8Array, item: Item, now: number): void;
  /** Forgets what is too old. Called every few minutes. */
  expire(now: number): void;
}

/**
 * Keeps items in memory. When it is full the item farthest from our id goes, for which others are
 * responsible; so a flood of items must be of those close to us to displace anything.
 *
 * @param localId Whose neighbourhood is ours.
 */
export function memoryItemStore(
  localId: () => Uint8Array,
  maxItems: number = MAX_ITEMS,
): ItemStore {
  const items = new Map<string, { target: Uint8Array; item: Item; expiresAt: number }>();
  const farthest = (): string | undefined => {
    let found: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    const id = localId();
    for (const [key, { target }] of items) {
      const shared = sharedPrefix(id, target);
      if (shared < least) {
        least = shared;
        found = key;
      }
    }
    return found;
  };
  return {
    get size() {
      return items.size;
    },
    get: (target, now) => {
      const kept = items.get(keyOf(target));
      return kept !== undefined && kept.expiresAt > now ? kept.item : undefined;
    },
    put: (target, item, now) => {
      const key = keyOf(target);
      items.delete(key);
      items.set(key, { target, item, expiresAt: now + ITEM_LIFETIME_MS });
      if (items.size <= maxItems) return;
      const far = farthest();
      if (far !== undefined) items.delete(far);
    },
    expire: (now) => {
      for (const [key, { expiresAt }] of items) if (expiresAt <= now) items.delete(key);
    },
  };
}
