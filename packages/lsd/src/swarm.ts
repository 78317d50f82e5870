// One torrent's part in local discovery: when it is to be announced, and whom it heard of.
import { type Endpoint, formatEndpoint, type SwarmFacts, toHex } from "@shoal/core";

/** Between announces of one torrent, and between reports of one peer, at least: in ms. */
export const MINUTE_MS = 60_000;

/** Peers remembered for each torrent; the one that was new longest ago is forgotten first. */
const MAX_HEARD = 50;

/** A torrent that is announced. */
export class LocalSwarm {
  /** As announces write it. */
  readonly infoHash: string;
  readonly facts: SwarmFacts;
  #announcedAt: number = Number.NEGATIVE_INFINITY;
  #dueAt: number;
  /** When each peer was last reported, by `formatEndpoint`. Most torrents never hear of any. */
  #heard: Map<string, number> | undefined;

  /** @param dueAt When it is to be announced first, in ms. */
  constructor(facts: SwarmFacts, dueAt: number) {
    this.facts = facts;
    this.infoHash = toHex(facts.infoHash);
    this.#dueAt = dueAt;
  }

  /** When it is to be announced, in ms. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether it may be announced at `now`, be it due or not. */
  mayAnnounce(now: number): boolean {
    return now >= this.#announcedAt + MINUTE_MS;
  }

  announced(now: number, nextAt: number): void {
    this.#announcedAt = now;
    this.#dueAt = Math.max(nextAt, now + MINUTE_MS);
  }

  /** Makes it due at `at`, or as soon after as its last announce allows. */
  hurry(at: number): void {
    this.#dueAt = Math.min(this.#dueAt, Math.max(at, this.#announcedAt + MINUTE_MS));
  }

  /**
   * Somebody announced this torrent; reported unless that was done within a minute, as each of our
   * interfaces may bring the same announce.
   *
   * @returns whether that peer is new, and so may not know of us.
   */
  heard(peer: Endpoint, now: number): boolean {
    this.#heard ??= new Map();
    const key = formatEndpoint(peer);
    const before = this.#heard.get(key);
    if (before !== undefined && now < before + MINUTE_MS) return false;
    this.#heard.set(key, now);
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= MAX_HEARD) break;
      this.#heard.delete(oldest);
    }
    this.facts.found([peer]);
    return before === undefined;
  }
}
