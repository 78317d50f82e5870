// The entries of a peer list, found by endpoint, by slot and by address.
import { type Endpoint, formatEndpoint, type Rng, randomInt } from "@shoal/core";
import { PeerEntry, worth } from "./known-peer.ts";

/** How many entries the search for a victim looks at. */
const SAMPLE = 300;

/** Storage only: each entry is in all four indices, under its present key. */
export class PeerTable {
  readonly entries: PeerEntry[] = [];
  readonly #byKey = new Map<string, PeerEntry>();
  readonly #bySlot = new Map<number, PeerEntry>();
  readonly #byAddress = new Map<string, Set<PeerEntry>>();
  #nextSlot = 0;

  get(key: string): PeerEntry | undefined {
    return this.#byKey.get(key);
  }

  bySlot(slot: number): PeerEntry | undefined {
    return this.#bySlot.get(slot);
  }

  /** The entries of an address. */
  at(address: string): ReadonlySet<PeerEntry> {
    return this.#byAddress.get(address) ?? NONE;
  }

  /** Makes an entry. The endpoint must be new. */
  add(endpoint: Endpoint, connectable: boolean): PeerEntry {
    const entry = new PeerEntry(endpoint, this.#nextSlot++, connectable);
    entry.index = this.entries.length;
    this.entries.push(entry);
    this.#bySlot.set(entry.slot, entry);
    this.#index(entry);
    return entry;
  }

  remove(entry: PeerEntry): void {
    const last = this.entries.pop();
    if (last !== undefined && last !== entry) {
      this.entries[entry.index] = last;
      last.index = entry.index;
    }
    this.#bySlot.delete(entry.slot);
    this.#unindex(entry);
  }

  /** Moves an entry to another endpoint, which must be new. */
  move(entry: PeerEntry, endpoint: Endpoint): void {
    this.#unindex(entry);
    entry.endpoint = endpoint;
    entry.key = formatEndpoint(endpoint);
    entry.appeal.priority = undefined;
    this.#index(entry);
  }

  /** The entry that is worth least among a random sample; `undefined` if none can be given up. */
  leastWorthy(rng: Rng): PeerEntry | undefined {
    const { entries } = this;
    const start = randomInt(rng, entries.length);
    let least: PeerEntry | undefined;
    let leastWorth = Number.POSITIVE_INFINITY;
    for (let i = 0; i < Math.min(SAMPLE, entries.length); i++) {
      const entry = entries[(start + i) % entries.length];
      if (entry === undefined || worth(entry) >= leastWorth) continue;
      least = entry;
      leastWorth = worth(entry);
    }
    return least;
  }

  clear(): void {
    this.entries.length = 0;
    this.#byKey.clear();
    this.#bySlot.clear();
    this.#byAddress.clear();
  }

  #index(entry: PeerEntry): void {
    const { address } = entry.endpoint;
    this.#byKey.set(entry.key, entry);
    const there = this.#byAddress.get(address);
    if (there === undefined) this.#byAddress.set(address, new Set([entry]));
    else there.add(entry);
  }

  #unindex(entry: PeerEntry): void {
    const { address } = entry.endpoint;
    this.#byKey.delete(entry.key);
    const there = this.#byAddress.get(address);
    there?.delete(entry);
    if (there?.size === 0) this.#byAddress.delete(address);
  }
}

const NONE: ReadonlySet<PeerEntry> = new Set();
