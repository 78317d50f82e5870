// The DHT as a source of peers of an engine.
import type { PeerFeed, PeerSource, SwarmFacts } from "@shoal/core";
import type { Announcement, AnnounceOptions } from "./announcer.ts";

/** What the source needs of a node. */
export interface AnnouncingNode {
  announce(infoHash: Uint8Array, options: AnnounceOptions): Announcement;
}

/** Settings of {@link createDhtSource}. */
export interface DhtSourceOptions {
  /** The port on which we accept peers. */
  listenPort(): number;
}

/**
 * Announces every torrent that is not private (BEP 27) and tells its peers. The node shares out
 * the announces of many torrents over a quarter of an hour. Closing it leaves the node running.
 */
export function createDhtSource(node: AnnouncingNode, options: DhtSourceOptions): PeerSource {
  const open = new Set<PeerFeed>();
  return {
    name: "dht",
    open: (swarm) => {
      const feed = feedOf(node, swarm, options.listenPort(), () => open.delete(feed));
      open.add(feed);
      return feed;
    },
    close: async () => {
      await Promise.all([...open].map((feed) => feed.close(AbortSignal.abort())));
    },
  };
}

function feedOf(
  node: AnnouncingNode,
  swarm: SwarmFacts,
  port: number,
  closed: () => void,
): PeerFeed {
  const seed = swarm.transfer().left === 0;
  const announcement = swarm.isPrivate
    ? undefined
    : node.announce(swarm.infoHash, { port, seed, found: (peers) => swarm.found(peers) });
  return {
    completed: () => announcement?.refresh({ seed: true }),
    refresh: () => announcement?.refresh(),
    close: async () => {
      announcement?.close();
      closed();
    },
  };
}
