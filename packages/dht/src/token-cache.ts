// Write tokens of recent lookups, so that storing something again soon needs no new one.
import type { FoundNode } from "./lookup.ts";
import { keyOf } from "./node-id.ts";

/** How long a token is used, in ms: nodes take them for five to ten minutes. */
const LIFETIME_MS = 4 * 60_000;
const MAX_TARGETS = 256;

/** The nodes that would store something under a target, by site. `Place` is compared by identity. */
export class TokenCache<Place extends object = object> {
  readonly #bySite = new WeakMap<Place, Map<string, Kept>>();

  keep(site: Place, target: Uint8Array, nodes: readonly FoundNode[], now: number): void {
    let kept = this.#bySite.get(site);
    if (kept === undefined) {
      kept = new Map();
      this.#bySite.set(site, kept);
    }
    kept.delete(keyOf(target));
    if (nodes.length > 0) kept.set(keyOf(target), { nodes, expiresAt: now + LIFETIME_MS });
    for (const [key, { expiresAt }] of kept) {
      if (expiresAt > now && kept.size <= MAX_TARGETS) return;
      kept.delete(key);
    }
  }

  recall(site: Place, target: Uint8Array, now: number): readonly FoundNode[] | undefined {
    const kept = this.#bySite.get(site)?.get(keyOf(target));
    return kept !== undefined && kept.expiresAt > now ? kept.nodes : undefined;
  }
}

interface Kept {
  readonly nodes: readonly FoundNode[];
  readonly expiresAt: number;
}
