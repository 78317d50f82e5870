// Trackers as a source of peers: one for an engine, one feed for each torrent.
import type { PeerSource, SwarmFacts } from "@shoal/core";
import { Announcer } from "./announcer.ts";
import { TrackerError } from "./error.ts";
import { AnnounceFeed, type TrackerFeed } from "./feed.ts";
import type { TrackerHost } from "./host.ts";
import type { ScrapeEntry } from "./scrape.ts";
import { parseTrackerUrl } from "./tracker-url.ts";
import { UdpTrackerClient, type UdpTrackerOptions } from "./udp-client.ts";

/** Settings of {@link createTrackerSource}. */
export interface TrackerSourceOptions {
  /** Peers wanted per announce. Default 200. */
  readonly numWant?: number;
  /** Announce to every tracker of a tier rather than to the first that works (BEP 12). */
  readonly announceToAllTrackers?: boolean;
  /** Announce in every tier rather than in the first that works (BEP 12). */
  readonly announceToAllTiers?: boolean;
  /**
   * Address families over which trackers are asked, where they have both; the first one is
   * preferred where only one is used. Default both, IPv4 first.
   */
  readonly families?: readonly (4 | 6)[];
  readonly udp?: UdpTrackerOptions;
}

/** A {@link PeerSource} whose feeds tell how each tracker does. */
export interface TrackerSource extends PeerSource {
  readonly name: "tracker";
  /** Starts announcing at once. */
  open(swarm: SwarmFacts): TrackerFeed;
  /**
   * Asks a tracker for the counts of swarms, without joining them (BEP 48).
   *
   * @param url An announce URL, of any torrent or none.
   * @param infoHashes 20 bytes each; many are asked for in several questions.
   * @returns An entry for each hash, in the order asked.
   * @throws TrackerError
   */
  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<ScrapeEntry[]>;
}

/** Makes the tracker client of an engine. It opens nothing before the first announce. */
export function createTrackerSource(
  host: TrackerHost,
  options: TrackerSourceOptions = {},
): TrackerSource {
  const families = [...new Set(options.families ?? FAMILIES)];
  const udp = new UdpTrackerClient(host, options.udp);
  const announcer = new Announcer(host, udp, families);
  const closing = new AbortController();
  const feeds = new Set<TrackerFeed>();
  return {
    name: "tracker",
    open: (swarm) => {
      const feed = new AnnounceFeed({
        host,
        announcer,
        swarm,
        numWant: options.numWant ?? 200,
        families,
        allTrackers: options.announceToAllTrackers ?? false,
        allTiers: options.announceToAllTiers ?? false,
        closed: (feed) => feeds.delete(feed),
      });
      feeds.add(feed);
      return feed;
    },
    scrape: async (url, infoHashes, { signal } = {}) => {
      const wrong = infoHashes.find(({ length }) => length !== 20);
      if (wrong !== undefined) {
        const message = `expected info-hashes of 20 bytes, got one of ${wrong.length}`;
        throw new TrackerError("ERR_TRACKER_OPTION", message);
      }
      const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      return await announcer.scrape(parseTrackerUrl(url), infoHashes, either);
    },
    close: async () => {
      closing.abort(new TrackerError("ERR_TRACKER_CLOSED", "the tracker client was closed"));
      // Whoever wanted its trackers to hear a good-bye has closed its feed before.
      await Promise.all([...feeds].map((feed) => feed.close(AbortSignal.abort())));
      await udp.close();
    },
  };
}

const FAMILIES: readonly (4 | 6)[] = [4, 6];
