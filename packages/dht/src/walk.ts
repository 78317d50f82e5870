// Lookups on all sites at once, as promises.
import type { Clock, Deadlines } from "@shoal/core";
import type { Contact } from "./contact.ts";
import type { DhtCrypto } from "./crypto.ts";
import { closedError } from "./error.ts";
import type { ItemStore } from "./item-store.ts";
import type { KrpcReply, KrpcValues } from "./krpc.ts";
import type { FoundNode, LookupResult } from "./lookup.ts";
import type { PeerStore } from "./peer-store.ts";
import type { Site } from "./site.ts";
import type { TokenCache } from "./token-cache.ts";

/** What the operations of a node share. */
export interface DhtContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly crypto: DhtCrypto;
  readonly sites: readonly Site[];
  readonly tokens: TokenCache;
  /** What others stored with us: we may be among the closest ourselves. */
  readonly peers: PeerStore;
  readonly items: ItemStore;
  /** Aborts when the node is closed. */
  readonly closing: AbortSignal;
  /** A walk on a site came to its end. */
  walked(walked: Walked): void;
}

/** How a walk on one site went. */
export interface Walked {
  readonly target: Uint8Array;
  readonly method: string;
  readonly queries: number;
  readonly replies: number;
  /** From our table to the closest node that answered: 1 if we knew it, 0 if none answered. */
  readonly hops: number;
  readonly durationMs: number;
}

/** A lookup on every site. */
export interface Walk {
  readonly target: Uint8Array;
  readonly method: string;
  readonly args: KrpcValues;
  /** A node answered; `true` if that is all that was wanted. */
  answered?(site: Site, contact: Contact, reply: KrpcReply): boolean | undefined;
}

/** What a {@link Walk} found on one site. */
export interface SiteResult {
  readonly site: Site;
  readonly result: LookupResult;
}

/**
 * Walks towards the target on every site. Write tokens are kept for a while.
 *
 * @returns What each site found; of sites that `answered` cut short nothing.
 * @throws the signal's reason, DhtError `ERR_DHT_CLOSED`
 */
export function walk(
  context: DhtContext,
  task: Walk,
  signal?: AbortSignal,
): Promise<readonly SiteResult[]> {
  const { sites, closing, tokens, clock } = context;
  return new Promise((resolve, reject) => {
    if (closing.aborted || signal?.aborted) {
      reject(closing.aborted ? closedError() : signal?.reason);
      return;
    }
    const results: SiteResult[] = [];
    const begun = clock.now();
    const stops = new Set<() => void>();
    const abort = (): void => {
      for (const stop of stops) stop();
      leave();
      reject(signal?.reason);
    };
    const leave = (): void => signal?.removeEventListener("abort", abort);
    const end = (): void => {
      leave();
      resolve(results);
    };
    let left = sites.length;
    for (const site of sites) {
      const stop = site.lookup({
        ...task,
        answered: (contact, reply) => {
          if (task.answered?.(site, contact, reply) !== true) return;
          for (const stop of stops) stop();
          end();
        },
        finished: (result) => {
          stops.delete(stop);
          const { queries, replies, hops } = result;
          const durationMs = clock.now() - begun;
          const { target, method } = task;
          context.walked({ target, method, queries, replies, hops, durationMs });
          tokens.keep(site, task.target, result.writable, clock.now());
          results.push({ site, result });
          if (--left === 0) end();
        },
      });
      stops.add(stop);
    }
    signal?.addEventListener("abort", abort, { once: true });
    if (sites.length === 0) end();
  });
}

/**
 * The nodes that would store something under the target, by what was learned a few minutes ago or by
 * a walk.
 */
export async function writableNodes(
  context: DhtContext,
  task: Walk,
  signal?: AbortSignal,
): Promise<readonly { site: Site; node: FoundNode }[]> {
  const { sites, tokens, clock } = context;
  const kept = sites.map((site) => tokens.recall(site, task.target, clock.now()));
  if (sites.length > 0 && kept.every((nodes) => nodes !== undefined)) {
    return sites.flatMap((site, i) => (kept[i] ?? []).map((node) => ({ site, node })));
  }
  const results = await walk(context, task, signal);
  return results.flatMap(({ site, result }) => result.writable.map((node) => ({ site, node })));
}

/** Sends a write to each node; resolves to how many took it and what the others said. */
export function write(
  nodes: readonly { site: Site; node: FoundNode }[],
  method: string,
  argsFor: (node: FoundNode) => KrpcValues,
): Promise<{ stored: number; refusals: readonly number[] }> {
  return new Promise((resolve) => {
    const refusals: number[] = [];
    let stored = 0;
    let left = nodes.length;
    const arrive = (): void => {
      if (--left === 0) resolve({ stored, refusals });
    };
    for (const { site, node } of nodes) {
      const sent = site.ask(
        node.contact,
        method,
        { ...argsFor(node), token: node.token },
        {
          replied: () => {
            stored++;
            arrive();
          },
          refused: ({ code }) => {
            refusals.push(code);
            arrive();
          },
          failed: arrive,
        },
      );
      if (!sent) arrive();
    }
    if (nodes.length === 0) resolve({ stored, refusals });
  });
}
