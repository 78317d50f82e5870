// Trackers as a source of peers: one for an engine, one feed for each torrent.
import type { PeerSource, SwarmFacts } from "@shoal/core";
import { Announcer } from "./announcer.ts";
import { AnnounceFeed, type TrackerFeed } from "./feed.ts";
import type { TrackerHost } from "./host.ts";
import { UdpTrackerClient, type UdpTrackerOptions } from "./udp-client.ts";

/** Settings of {@link createTrackerSource}. */
export interface TrackerSourceOptions {
  /** Peers wanted per announce. Default 200. */
  readonly numWant?: number;
  /** Announce to one tracker of every tier rather than of the first tier that works (BEP 12). */
  readonly announceToAllTiers?: boolean;
  readonly udp?: UdpTrackerOptions;
}

/** A {@link PeerSource} whose feeds tell how each tracker does. */
export interface TrackerSource extends PeerSource {
  readonly name: "tracker";
  /** Starts announcing at once. */
  open(swarm: SwarmFacts): TrackerFeed;
}

/** Makes the tracker client of an engine. It opens nothing before the first announce. */
export function createTrackerSource(
  host: TrackerHost,
  options: TrackerSourceOptions = {},
): TrackerSource {
  const udp = new UdpTrackerClient(host, options.udp);
  const announcer = new Announcer(host, udp);
  const feeds = new Set<TrackerFeed>();
  return {
    name: "tracker",
    open: (swarm) => {
      const feed = new AnnounceFeed({
        host,
        announcer,
        swarm,
        numWant: options.numWant ?? 200,
        allTiers: options.announceToAllTiers ?? false,
        closed: (feed) => feeds.delete(feed),
      });
      feeds.add(feed);
      return feed;
    },
    close: async () => {
      // Whoever wanted its trackers to hear a good-bye has closed its feed before.
      await Promise.all([...feeds].map((feed) => feed.close(AbortSignal.abort())));
      await udp.close();
    },
  };
}
