// Who announced which torrent to us, in bounded memory.
import { type Rng, randomInt } from "@shoal/core";
import { addToBloom, BLOOM_SIZE } from "./bloom.ts";
import type { DhtCrypto } from "./crypto.ts";
import { bytesOf, keyOf } from "./node-id.ts";

/** How long an announced peer is kept, in ms: announces come every 15–30 minutes. */
const PEER_LIFETIME_MS = 45 * 60_000;
const MAX_TORRENTS = 2000;
const MAX_PEERS = 500;
const MAX_ALL_PEERS = 100_000;

/** A peer as it was announced. */
export interface StoredPeer {
  /** Address and port: 6 or 18 bytes. */
  readonly compact: Uint8Array;
  /** It has everything (BEP 33). */
  readonly isSeed: boolean;
}

/** Where a node keeps the peers that others announce to it. Replace it to keep them elsewhere. */
export interface PeerStore {
  /** How many torrents and peers there are. */
  readonly torrents: number;
  readonly peers: number;
  /** Whether an announce of the torrent would be kept; if not, its asker gets no write token. */
  accepts(infoHash: Uint8Array): boolean;
  add(infoHash: Uint8Array, peer: StoredPeer, now: number): void;
  /** Up to `count` peers of a family, drawn at random; with `noSeeds` those first that are none. */
  draw(
    infoHash: Uint8Array,
    wanted: { readonly family: 4 | 6; readonly count: number; readonly noSeeds: boolean },
    now: number,
  ): readonly Uint8Array[];
  /** Filters of the seeds' and the other peers' addresses (BEP 33). */
  blooms(infoHash: Uint8Array, now: number): { seeds: Uint8Array; peers: Uint8Array } | undefined;
  /** Up to `count` info-hashes, drawn at random (BEP 51). */
  sample(count: number): readonly Uint8Array[];
  /** Forgets what is too old. Called every few minutes. */
  expire(now: number): void;
}

/** Limits of {@link memoryPeerStore}. */
export interface PeerStoreLimits {
  /** Default 2,000. */
  readonly maxTorrents?: number;
  /** Peers of one torrent. Default 500. */
  readonly maxPeersPerTorrent?: number;
}

/** Keeps peers in memory for 45 minutes. */
export function memoryPeerStore(
  rng: Rng,
  suite: Pick<DhtCrypto, "sha1">,
  { maxTorrents = MAX_TORRENTS, maxPeersPerTorrent = MAX_PEERS }: PeerStoreLimits = {},
): PeerStore {
  /** By info-hash; peers by place, the one that announced longest ago first. */
  const swarms = new Map<string, Map<string, Kept>>();
  let total = 0;
  const trim = (swarm: Map<string, Kept>, now: number): void => {
    for (const [place, { expiresAt }] of swarm) {
      if (expiresAt > now && swarm.size <= maxPeersPerTorrent) return;
      swarm.delete(place);
      total--;
    }
  };
  const live = (infoHash: Uint8Array, now: number): readonly Kept[] => {
    const swarm = swarms.get(keyOf(infoHash));
    if (swarm === undefined) return [];
    trim(swarm, now);
    return [...swarm.values()];
  };
  return {
    get torrents() {
      return swarms.size;
    },
    get peers() {
      return total;
    },
    accepts: (infoHash) =>
      swarms.has(keyOf(infoHash)) || (swarms.size < maxTorrents && total < MAX_ALL_PEERS),
    add: (infoHash, peer, now) => {
      const key = keyOf(infoHash);
      let swarm = swarms.get(key);
      if (swarm === undefined) {
        if (swarms.size >= maxTorrents || total >= MAX_ALL_PEERS) return;
        swarm = new Map();
        swarms.set(key, swarm);
      }
      const place = placeOf(peer.compact);
      if (!swarm.delete(place)) total++;
      swarm.set(place, { ...peer, expiresAt: now + PEER_LIFETIME_MS });
      trim(swarm, now);
    },
    draw: (infoHash, { family, count, noSeeds }, now) => {
      const size = family === 4 ? 6 : 18;
      const pool = live(infoHash, now).filter(({ compact }) => compact.length === size);
      const peers = noSeeds ? pool.filter(({ isSeed }) => !isSeed) : pool;
      return drawSome(peers, count, rng).map(({ compact }) => compact);
    },
    blooms: (infoHash, now) => {
      const all = live(infoHash, now);
      if (all.length === 0) return undefined;
      const seeds = new Uint8Array(BLOOM_SIZE);
      const peers = new Uint8Array(BLOOM_SIZE);
      for (const { compact, isSeed } of all) {
        addToBloom(isSeed ? seeds : peers, suite.sha1(compact.subarray(0, -2)));
      }
      return { seeds, peers };
    },
    sample: (count) => drawSome([...swarms.keys()], count, rng).map(bytesOf),
    expire: (now) => {
      for (const [key, swarm] of swarms) {
        trim(swarm, now);
        if (swarm.size === 0) swarms.delete(key);
      }
    },
  };
}

interface Kept extends StoredPeer {
  readonly expiresAt: number;
}

/** Eight places for an address, whatever ports it announces: one host can't fill a swarm. */
function placeOf(compact: Uint8Array): string {
  return keyOf(compact.subarray(0, -2)) + String((compact.at(-1) ?? 0) & 7);
}

/** Up to `count` of the items, none twice. */
function drawSome<T>(items: readonly T[], count: number, rng: Rng): T[] {
  if (items.length <= count) return [...items];
  const pool = [...items];
  const drawn: T[] = [];
  for (let left = pool.length; drawn.length < count; left--) {
    const at = randomInt(rng, left);
    drawn.push(pool[at] as T);
    pool[at] = pool[left - 1] as T;
  }
  return drawn;
}
