// Peers of a torrent, and how many there are (BEP 5, BEP 33).
import { decodeCompact, type Endpoint, formatEndpoint } from "@shoal/core";
import { BLOOM_SIZE, estimateBloom, uniteBlooms } from "./bloom.ts";
import { isCredible } from "./contact.ts";
import type { KrpcReply } from "./krpc.ts";
import { type DhtContext, type SiteResult, walk } from "./walk.ts";

/** Peers read of one reply. */
const MAX_VALUES = 200;
/** Peers that one search tells. */
const MAX_FOUND = 10_000;

/** What is known of a swarm without joining it. */
export interface SwarmSize {
  /** Estimates; 0 if nobody told. */
  readonly seeds: number;
  readonly leechers: number;
}

/**
 * Searches the peers of a torrent.
 *
 * @param found Called with each peer once, as they come.
 */
export function searchPeers(
  context: DhtContext,
  infoHash: Uint8Array,
  options: {
    readonly noSeeds?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
    found(peer: Endpoint): void;
  },
): Promise<readonly SiteResult[]> {
  const seen = new Set<string>();
  const tell = (peer: Endpoint): void => {
    const key = formatEndpoint(peer);
    if (seen.has(key) || seen.size >= MAX_FOUND) return;
    seen.add(key);
    options.found(peer);
  };
  const task = {
    target: infoHash,
    method: "get_peers",
    args: { info_hash: infoHash, ...(options.noSeeds === true ? { noseed: 1 } : {}) },
    answered: (_site: object, { endpoint }: { endpoint: Endpoint }, reply: KrpcReply) => {
      for (const peer of peersOf(reply)) if (isCredible(peer, endpoint.address)) tell(peer);
      return undefined;
    },
  };
  for (const { family } of context.sites) {
    const wanted = { family, count: MAX_VALUES, noSeeds: options.noSeeds === true };
    const own = context.peers.draw(infoHash, wanted, context.clock.now());
    for (const compact of own) for (const peer of decodeCompact(compact, family)) tell(peer);
  }
  return walk(context, task, options.signal);
}

/** Estimates how many seeds and other peers a torrent has (BEP 33). */
export async function scrapeSwarm(
  context: DhtContext,
  infoHash: Uint8Array,
  signal?: AbortSignal,
): Promise<SwarmSize> {
  const seeds = new Uint8Array(BLOOM_SIZE);
  const leechers = new Uint8Array(BLOOM_SIZE);
  const own = context.peers.blooms(infoHash, context.clock.now());
  if (own !== undefined) {
    uniteBlooms(seeds, own.seeds);
    uniteBlooms(leechers, own.peers);
  }
  await walk(
    context,
    {
      target: infoHash,
      method: "get_peers",
      args: { info_hash: infoHash, scrape: 1 },
      answered: (_site, _contact, { values }) => {
        const told = { seeds: values.bytes("BFsd"), leechers: values.bytes("BFpe") };
        if (told.seeds?.length !== BLOOM_SIZE || told.leechers?.length !== BLOOM_SIZE) {
          return undefined;
        }
        uniteBlooms(seeds, told.seeds);
        uniteBlooms(leechers, told.leechers);
        return undefined;
      },
    },
    signal,
  );
  return { seeds: countOf(seeds), leechers: countOf(leechers) };
}

/** The peers that a reply names: compact addresses of both families, mixed. */
function peersOf({ values }: KrpcReply): Endpoint[] {
  const peers: Endpoint[] = [];
  for (const value of (values.list("values") ?? []).slice(0, MAX_VALUES)) {
    if (!(value instanceof Uint8Array)) continue;
    if (value.length === 6) peers.push(...decodeCompact(value, 4));
    else if (value.length === 18) peers.push(...decodeCompact(value, 6));
  }
  return peers;
}

function countOf(bloom: Uint8Array): number {
  return Math.round(Math.abs(estimateBloom(bloom)));
}
