// The swarms that a tracker knows: who is in them, until when, and how many at most.
import { type Endpoint, endpointFamily, formatEndpoint, type Rng, randomInt } from "@shoal/core";
import type { AnnounceEvent } from "../announce.ts";

/** How much a tracker remembers. */
export interface SwarmLimits {
  /** Swarms; the one announced to longest ago makes room. */
  readonly maxSwarms: number;
  /** Peers of one swarm; the one that announced longest ago makes room. */
  readonly maxPeersPerSwarm: number;
  /** Peers of all swarms together; whole swarms make room, as above. */
  readonly maxPeers: number;
  /** A peer is forgotten that long after its last announce. */
  readonly peerLifetimeMs: number;
}

/** A checked announce, whatever it came by. */
export interface SwarmAnnounce {
  /** 40 lower-case hexadecimal digits. */
  readonly infoHash: string;
  readonly peer: Endpoint;
  /** The peer has everything. */
  readonly complete: boolean;
  readonly event: AnnounceEvent | undefined;
}

/** What is known of a swarm. */
export interface SwarmCounts {
  readonly seeders: number;
  readonly leechers: number;
  /** Downloads that were completed and peers that left, since the swarm was first announced. */
  readonly completed: number;
  readonly stopped: number;
}

/** The memory of a tracker. Times are ms of any clock that never runs backwards. */
export class Swarms {
  readonly #limits: SwarmLimits;
  readonly #rng: Rng;
  /** By info-hash; the one announced to longest ago first. */
  readonly #swarms = new Map<string, Swarm>();
  #peers = 0;

  constructor(limits: SwarmLimits, rng: Rng) {
    this.#limits = limits;
    this.#rng = rng;
  }

  get size(): number {
    return this.#swarms.size;
  }

  /** Peers of all swarms. */
  get peers(): number {
    return this.#peers;
  }

  /** Notes an announce. */
  announce(announce: SwarmAnnounce, now: number): void {
    this.expire(now);
    const { infoHash, peer, complete, event } = announce;
    const known = this.#swarms.get(infoHash);
    if (known === undefined && event === "stopped") return;
    const swarm = known ?? newSwarm();
    this.#swarms.delete(infoHash);
    this.#swarms.set(infoHash, swarm);
    swarm.expires = now + this.#limits.peerLifetimeMs;

    const key = formatEndpoint(peer);
    const before = swarm.peers.get(key);
    if (before !== undefined) this.#forget(swarm, key, before);
    if (event === "completed" && before?.complete !== true) swarm.completed++;
    if (event === "stopped") {
      if (before !== undefined) swarm.stopped++;
      return;
    }
    this.#trim(swarm, now, this.#limits.maxPeersPerSwarm - 1);
    swarm.peers.set(key, { endpoint: peer, complete, expires: swarm.expires });
    if (complete) swarm.seeders++;
    this.#peers++;
    this.#makeRoom();
  }

  /**
   * Some peers of a swarm for one of them: at random, without itself and, if it is complete, without
   * other complete ones.
   */
  pick(announce: SwarmAnnounce, wanted: number, family: 4 | 6): Endpoint[] {
    const swarm = this.#swarms.get(announce.infoHash);
    if (swarm === undefined || wanted <= 0 || announce.event === "stopped") return [];
    const own = formatEndpoint(announce.peer);
    const candidates: Endpoint[] = [];
    for (const [key, { endpoint, complete }] of swarm.peers) {
      if (key === own || (complete && announce.complete)) continue;
      if (endpointFamily(endpoint) === family) candidates.push(endpoint);
    }
    return sample(this.#rng, candidates, wanted);
  }

  counts(infoHash: string, now: number): SwarmCounts | undefined {
    const swarm = this.#alive(infoHash, now);
    if (swarm === undefined) return undefined;
    const { peers, seeders, completed, stopped } = swarm;
    return { seeders, leechers: peers.size - seeders, completed, stopped };
  }

  /** Every peer of a swarm; the one that announced longest ago first. */
  members(infoHash: string, now: number): Endpoint[] {
    const swarm = this.#alive(infoHash, now);
    return swarm ? [...swarm.peers.values()].map(({ endpoint }) => endpoint) : [];
  }

  /** Forgets the swarms that nobody has announced to for a peer's lifetime. */
  expire(now: number): void {
    for (const [infoHash, swarm] of this.#swarms) {
      if (swarm.expires > now) return;
      this.#drop(infoHash, swarm);
    }
  }

  #alive(infoHash: string, now: number): Swarm | undefined {
    this.expire(now);
    const swarm = this.#swarms.get(infoHash);
    if (swarm !== undefined) this.#trim(swarm, now, this.#limits.maxPeersPerSwarm);
    return swarm;
  }

  /** Forgets peers whose time is over, and the oldest ones beyond `most`. */
  #trim(swarm: Swarm, now: number, most: number): void {
    for (const [key, peer] of swarm.peers) {
      if (peer.expires > now && swarm.peers.size <= most) return;
      this.#forget(swarm, key, peer);
    }
  }

  #forget(swarm: Swarm, key: string, peer: Peer): void {
    swarm.peers.delete(key);
    if (peer.complete) swarm.seeders--;
    this.#peers--;
  }

  #drop(infoHash: string, swarm: Swarm): void {
    this.#swarms.delete(infoHash);
    this.#peers -= swarm.peers.size;
  }

  #makeRoom(): void {
    const { maxSwarms, maxPeers } = this.#limits;
    for (const [infoHash, swarm] of this.#swarms) {
      if (this.#swarms.size <= maxSwarms && this.#peers <= maxPeers) return;
      this.#drop(infoHash, swarm);
    }
  }
}

interface Peer {
  readonly endpoint: Endpoint;
  readonly complete: boolean;
  /** Ms of the clock. */
  readonly expires: number;
}

interface Swarm {
  /** By endpoint; the one that announced longest ago first. */
  readonly peers: Map<string, Peer>;
  seeders: number;
  completed: number;
  stopped: number;
  /** Ms of the clock: no peer lives longer. */
  expires: number;
}

function newSwarm(): Swarm {
  return { peers: new Map(), seeders: 0, completed: 0, stopped: 0, expires: 0 };
}

/** At most `wanted` of the items, at random; reorders them. */
function sample<T>(rng: Rng, items: T[], wanted: number): T[] {
  const size = Math.min(wanted, items.length);
  for (let i = 0; i < size; i++) {
    const j = i + randomInt(rng, items.length - i);
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
  return items.slice(0, size);
}
