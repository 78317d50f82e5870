// The DHT as a source of peers of an engine.
import {
  type DhtLink,
  type Endpoint,
  isDialable,
  normalizeIp,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
} from "@shoal/core";
import type { Announcement, AnnounceOptions } from "./announcer.ts";

/** Nodes of which peers told that are asked at a time whether they are there; others are forgotten. */
const MAX_PINGS = 16;
/** Nodes that are taken of one torrent file, and of all. */
const MAX_NAMED_BY_ONE = 16;
const MAX_NAMED = 256;

/** What the source needs of a node. */
export interface AnnouncingNode {
  readonly addresses: readonly Endpoint[];
  announce(infoHash: Uint8Array, options: AnnounceOptions): Announcement;
  addNodes(nodes: readonly Endpoint[]): void;
  ping(to: Endpoint): Promise<unknown>;
}

/** Settings of {@link createDhtSource}. */
export interface DhtSourceOptions {
  /** The port on which we accept peers; 0 if none: then nothing is announced, but peers are found. */
  listenPort(): number;
  /**
   * All addresses of a host. Torrent files name DHT nodes; without this only those are heard that
   * are IP addresses.
   */
  resolve?(
    host: string,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly string[]> | readonly string[];
}

/** A source of peers, and what connections need of its node. */
export interface DhtSource extends PeerSource {
  readonly dht: DhtLink;
}

/**
 * Announces every torrent that is not private (BEP 27) and tells its peers. The node shares out
 * the announces of many torrents over a quarter of an hour. Nodes that torrent files and peers name
 * (BEP 5) are hearsay: they count when they have answered. Closing it leaves the node running.
 */
export function createDhtSource(node: AnnouncingNode, options: DhtSourceOptions): DhtSource {
  const open = new Set<PeerFeed>();
  const named = new NamedNodes(node, options);
  return {
    name: "dht",
    dht: linkTo(node),
    open: (swarm) => {
      if (swarm.isPrivate) return NO_FEED;
      const feed = feedOf(node, swarm, options.listenPort(), () => open.delete(feed));
      open.add(feed);
      named.add(swarm.nodes ?? []);
      return feed;
    },
    close: async () => {
      named.close();
      await Promise.all([...open].map((feed) => feed.close(AbortSignal.abort())));
    },
  };
}

/** For torrents whose peers are none of our business. */
const NO_FEED: PeerFeed = { completed: () => {}, refresh: () => {}, close: async () => {} };

function feedOf(
  node: AnnouncingNode,
  swarm: SwarmFacts,
  port: number,
  closed: () => void,
): PeerFeed {
  const announcement = node.announce(swarm.infoHash, {
    port,
    seed: swarm.transfer().left === 0,
    found: (peers) => swarm.found(peers),
  });
  return {
    completed: () => announcement.refresh({ seed: true }),
    refresh: () => announcement.refresh(),
    close: async () => {
      announcement.close();
      closed();
    },
  };
}

function linkTo(node: AnnouncingNode): DhtLink {
  /** One of an address: a peer that names many ports is not to make us knock at all of them. */
  const asked = new Set<string>();
  return {
    get port() {
      return node.addresses[0]?.port ?? 0;
    },
    heardOf: (to) => {
      if (asked.size >= MAX_PINGS || asked.has(to.address) || to.port === 0) return;
      asked.add(to.address);
      // Who answers enters the table by that; nothing comes of who does not.
      node
        .ping(to)
        .catch(() => {})
        .finally(() => asked.delete(to.address));
    },
  };
}

/** The nodes that torrent files name: where to begin while we know few others. */
class NamedNodes {
  readonly #node: AnnouncingNode;
  readonly #options: DhtSourceOptions;
  readonly #seen = new Set<string>();
  readonly #closing = new AbortController();

  constructor(node: AnnouncingNode, options: DhtSourceOptions) {
    this.#node = node;
    this.#options = options;
  }

  add(nodes: NonNullable<SwarmFacts["nodes"]>): void {
    for (const { host, port } of nodes.slice(0, MAX_NAMED_BY_ONE)) {
      const name = `${host} ${port}`;
      if (port === 0 || this.#seen.has(name) || this.#seen.size >= MAX_NAMED) continue;
      this.#seen.add(name);
      void this.#tell(host, port);
    }
  }

  /** Names that are being resolved are forgotten. */
  close(): void {
    this.#closing.abort();
  }

  async #tell(host: string, port: number): Promise<void> {
    const { signal } = this.#closing;
    const literal = normalizeIp(host);
    try {
      const addresses =
        literal === undefined ? await this.#options.resolve?.(host, { signal }) : [literal];
      if (signal.aborted || addresses === undefined) return;
      this.#node.addNodes(addresses.filter(isDialable).map((address) => ({ address, port })));
    } catch {
      // A name that is no more: old torrents name such.
    }
  }
}
