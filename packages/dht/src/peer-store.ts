// Who announced which torrent to us, in bounded memory.
import { type Rng, randomInt } from "@shoal/core";
import { addToBloom, BLOOM_SIZE } from "./bloom.ts";
import type { DhtCrypto } from "./crypto.ts";
import { bytesOf, keyOf } from "./node-id.ts";
import { PeerSwarm } from "./peer-swarm.ts";

/** How long an announced peer is kept, in ms: announces come every 15–30 minutes. */
const PEER_LIFETIME_MS = 45 * 60_000;
const MAX_TORRENTS = 2000;
const MAX_PEERS = 500;
/** With so many peers no further torrents are taken. */
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
  /** Peers of one torrent and family. Default 500. */
  readonly maxPeersPerTorrent?: number;
}

/** Keeps peers in memory for 45 minutes, each in some 20 bytes; a million at the very most. */
export function memoryPeerStore(
  rng: Rng,
  suite: Pick<DhtCrypto, "sha1">,
  { maxTorrents = MAX_TORRENTS, maxPeersPerTorrent = MAX_PEERS }: PeerStoreLimits = {},
): PeerStore {
  /** By info-hash: the peers of IPv4, and of IPv6. */
  const torrents = new Map<string, Map<number, PeerSwarm>>();
  let total = 0;
  const trim = (swarm: PeerSwarm, now: number): void => {
    total -= swarm.count;
    swarm.trim(maxPeersPerTorrent, now);
    total += swarm.count;
  };
  const hasRoom = (): boolean => torrents.size < maxTorrents && total < MAX_ALL_PEERS;
  return {
    get torrents() {
      return torrents.size;
    },
    get peers() {
      return total;
    },
    accepts: (infoHash) => hasRoom() || torrents.has(keyOf(infoHash)),
    add: (infoHash, { compact, isSeed }, now) => {
      const key = keyOf(infoHash);
      const families = torrents.get(key) ?? new Map<number, PeerSwarm>();
      if (families.size === 0) {
        if (!hasRoom()) return;
        torrents.set(key, families);
      }
      const swarm = families.get(compact.length) ?? new PeerSwarm(compact.length);
      families.set(compact.length, swarm);
      total -= swarm.count;
      swarm.add(compact, isSeed, now + PEER_LIFETIME_MS);
      total += swarm.count;
      trim(swarm, now);
    },
    draw: (infoHash, { family, count, noSeeds }, now) => {
      const swarm = torrents.get(keyOf(infoHash))?.get(family === 4 ? 6 : 18);
      if (swarm === undefined) return [];
      trim(swarm, now);
      return swarm.draw(count, noSeeds, rng);
    },
    blooms: (infoHash, now) => {
      const families = torrents.get(keyOf(infoHash));
      if (families === undefined) return undefined;
      const seeds = new Uint8Array(BLOOM_SIZE);
      const peers = new Uint8Array(BLOOM_SIZE);
      let count = 0;
      for (const swarm of families.values()) {
        trim(swarm, now);
        count += swarm.count;
        swarm.each((compact, isSeed) => {
          addToBloom(isSeed ? seeds : peers, suite.sha1(compact.subarray(0, -2)));
        });
      }
      return count === 0 ? undefined : { seeds, peers };
    },
    sample: (count) => drawSome([...torrents.keys()], count, rng).map(bytesOf),
    expire: (now) => {
      for (const [key, families] of torrents) {
        for (const [size, swarm] of families) {
          trim(swarm, now);
          if (swarm.count === 0) families.delete(size);
        }
        if (families.size === 0) torrents.delete(key);
      }
    },
  };
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
