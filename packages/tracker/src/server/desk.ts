// Answers checked announces, the same for HTTP and UDP: filter, memory, counters.
import { type Endpoint, type Rng, toHex } from "@shoal/core";
import type { AnnounceEvent } from "../announce.ts";
import { type SwarmCounts, type SwarmLimits, Swarms } from "./swarms.ts";

/** An announce whose fields are of the right size, from wherever it came. */
export interface Announcement {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The sender's address with the port that it named, 1–65535. */
  readonly peer: Endpoint;
  /** Bytes left to download. */
  readonly left: number;
  readonly event: AnnounceEvent | undefined;
  /** Peers wanted; negative: as many as usual. */
  readonly numWant: number;
  /** Path and query that were asked, as far as known. */
  readonly path: string;
}

/** What a {@link TrackerFilter} decides on. */
export interface AnnounceFacts {
  /** 40 lower-case hexadecimal digits. */
  readonly infoHash: string;
  readonly peer: Endpoint;
  /** Path and query of the announce URL (UDP: as far as the client sends them, BEP 41). */
  readonly path: string;
}

/** Whether an announce is served. Called for each one; must be quick and must not throw. */
export type TrackerFilter = (announce: AnnounceFacts) => boolean;

/** What the tracker has done and knows. */
export interface TrackerServerStats {
  readonly swarms: number;
  readonly peers: number;
  /** Announces and scrapes that were answered with data. */
  readonly announces: number;
  readonly scrapes: number;
  /** Requests that were answered with an error. */
  readonly refused: number;
}

/** The part of the server that knows no protocol. */
export class Desk {
  readonly intervalSeconds: number;
  readonly #swarms: Swarms;
  readonly #filter: TrackerFilter | undefined;
  readonly #now: () => number;
  #announces = 0;
  #scrapes = 0;
  #refused = 0;

  constructor(parts: {
    readonly intervalSeconds: number;
    readonly limits: Omit<SwarmLimits, "peerLifetimeMs">;
    readonly filter: TrackerFilter | undefined;
    readonly rng: Rng;
    /** Ms of a monotonic clock. */
    readonly now: () => number;
  }) {
    this.intervalSeconds = parts.intervalSeconds;
    // Two intervals and a minute: a peer may miss one announce.
    const peerLifetimeMs = (2 * parts.intervalSeconds + 60) * 1000;
    this.#swarms = new Swarms({ ...parts.limits, peerLifetimeMs }, parts.rng);
    this.#filter = parts.filter;
    this.#now = parts.now;
  }

  /** Notes the announce and picks peers for it; `undefined` if the filter refuses it. */
  announce(
    announcement: Announcement,
    most: { readonly v4: number; readonly v6: number },
  ): { counts: SwarmCounts; v4: Endpoint[]; v6: Endpoint[] } | undefined {
    const { peer, left, event, numWant, path } = announcement;
    const infoHash = toHex(announcement.infoHash);
    if (this.#filter?.({ infoHash, peer, path }) === false) return undefined;
    this.#announces++;
    const known = { infoHash, peer, complete: left === 0, event };
    const now = this.#now();
    this.#swarms.announce(known, now);
    const wanted = numWant < 0 ? USUAL_PEERS : numWant;
    return {
      counts: this.#swarms.counts(infoHash, now) ?? NOTHING,
      v4: this.#swarms.pick(known, Math.min(wanted, most.v4), 4),
      v6: this.#swarms.pick(known, Math.min(wanted, most.v6), 6),
    };
  }

  /** Counts of swarms (20-byte info-hashes); zeros for unknown ones. */
  scrape(infoHashes: readonly Uint8Array[]): SwarmCounts[] {
    this.#scrapes++;
    const now = this.#now();
    return infoHashes.map((infoHash) => this.#swarms.counts(toHex(infoHash), now) ?? NOTHING);
  }

  /** Counts a request that is answered with an error. */
  refuse(): void {
    this.#refused++;
  }

  /** What is known of one swarm (hexadecimal info-hash). */
  swarm(infoHash: string): (SwarmCounts & { readonly peers: readonly Endpoint[] }) | undefined {
    const now = this.#now();
    const counts = this.#swarms.counts(infoHash, now);
    return counts && { ...counts, peers: this.#swarms.members(infoHash, now) };
  }

  stats(): TrackerServerStats {
    this.#swarms.expire(this.#now());
    return {
      swarms: this.#swarms.size,
      peers: this.#swarms.peers,
      announces: this.#announces,
      scrapes: this.#scrapes,
      refused: this.#refused,
    };
  }
}

/** Peers given to those who do not say how many they want. */
const USUAL_PEERS = 50;
const NOTHING: SwarmCounts = { seeders: 0, leechers: 0, completed: 0, stopped: 0 };
