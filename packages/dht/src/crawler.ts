// A walk through the whole DHT that asks every node for info-hashes (BEP 51).
import { copyBytes, type Endpoint, endpointFamily, formatEndpoint } from "@shoal/core";
import { Channel } from "./channel.ts";
import { type Contact, isCredible } from "./contact.ts";
import { sampleOf } from "./direct.ts";
import { keyOf } from "./node-id.ts";
import type { DhtContext } from "./walk.ts";

/** Nodes that are remembered to be asked. */
const MAX_QUEUED = 50_000;
/** Nodes and info-hashes that are remembered so as to tell none twice. */
const MAX_SEEN = 1_000_000;

/** How to crawl. */
export interface CrawlOptions {
  readonly signal?: AbortSignal;
  /** Queries under way at a time, default 32. */
  readonly parallel?: number;
}

/** An info-hash that was found. */
export interface Crawled {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** Who knows it. */
  readonly node: Endpoint;
}

/** Bits in one of which a target may differ from the id of who is asked: more than buckets. */
const DEPTH = 32;

/** Tells each info-hash once. Ends when every node that is heard of has been asked. */
export function crawl(context: DhtContext, options: CrawlOptions): AsyncIterableIterator<Crawled> {
  const { signal, parallel = 32 } = options;
  const seenNodes = new Set<string>();
  const seenHashes = new Set<string>();
  const queue: Contact[] = [];
  let running = 0;
  let isOver = false;
  const abort = (): void => channel.end(signal?.reason);
  const channel = new Channel<Crawled>(() => {
    isOver = true;
    signal?.removeEventListener("abort", abort);
  });
  const families = new Set(context.sites.map(({ family }) => family));
  const enqueue = (contact: Contact): void => {
    const key = formatEndpoint(contact.endpoint);
    if (seenNodes.has(key) || queue.length >= MAX_QUEUED || seenNodes.size >= MAX_SEEN) return;
    if (!families.has(endpointFamily(contact.endpoint))) return;
    seenNodes.add(key);
    queue.push(contact);
  };
  const ask = async ({ id, endpoint }: Contact): Promise<void> => {
    try {
      const { infoHashes, nodes } = await sampleOf(context, endpoint, nearOrFar(id));
      for (const infoHash of infoHashes) {
        const key = keyOf(infoHash);
        if (seenHashes.has(key) || seenHashes.size >= MAX_SEEN) continue;
        seenHashes.add(key);
        channel.push({ infoHash, node: endpoint });
      }
      for (const node of nodes) if (isCredible(node.endpoint, endpoint.address)) enqueue(node);
    } catch {
      // Nodes that are gone or do not know the query: there are others.
    }
    running--;
    next();
  };
  const next = (): void => {
    while (!isOver && running < parallel) {
      const contact = queue.pop();
      if (contact === undefined) break;
      running++;
      void ask(contact);
    }
    if (running === 0) channel.end();
  };
  for (const { table } of context.sites) for (const node of table.buckets().flat()) enqueue(node);
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  next();
  return channel;
}

/**
 * What a node is asked for: the neighbours of its own id with one bit flipped. Neighbours know each
 * other but nobody else, so that a crawl from neighbour to neighbour would soon come to an end; a
 * bit in front leads to another part of the DHT, and one behind all buckets to the node's neighbours,
 * whom nobody else knows better.
 */
function nearOrFar(id: Uint8Array): Uint8Array {
  const target = copyBytes(id);
  // These bits of an id follow from nothing.
  const bit = (id[18] ?? 0) % DEPTH;
  target[bit >> 3] = (target[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
  return target;
}
