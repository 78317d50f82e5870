// The service: web seeds for all torrents.
import { asError, type BlockFacts, type BlockSource, shuffle, toHex } from "@shoal/core";
import { webPaths } from "@shoal/metainfo";
import { Feed } from "./feed.ts";
import type { WebSeedHost } from "./host.ts";
import { Penalties } from "./penalties.ts";
import { Seed, type SeedHost } from "./seed.ts";
import { createSite } from "./site.ts";
import { parseSeedUrl, type SeedUrl } from "./url.ts";

/** URLs of one torrent that are used. */
const MAX_URLS = 32;
/** Banned seeds that are remembered; those longest known are forgotten first. */
const MAX_BANNED = 1000;

/** Makes the service. It opens no connections but those of `host.http`. */
export function createWebSeedSource(host: WebSeedHost): BlockSource {
  const shared: SeedHost = { ...host, penalties: new Penalties(host.rng) };
  const feeds = new Set<Feed>();
  const banned = new Set<string>();
  return {
    name: "webseed",
    open: (torrent) => {
      const hash = toHex(torrent.infoHash);
      const urls = seedUrls(torrent).filter(({ name }) => !banned.has(hash + name));
      if (urls.length === 0) return undefined;
      const feed = new Feed(() => feeds.delete(feed));
      feeds.add(feed);
      const paths = once(() => webPaths(torrent.infoBytes));
      const owner = {
        changed: () => feed.changed(),
        banned: ({ url }: { url: SeedUrl }) => {
          banned.add(hash + url.name);
          const [oldest] = banned;
          if (banned.size > MAX_BANNED && oldest !== undefined) banned.delete(oldest);
        },
      };
      const seeds = urls.map(
        (url) => new Seed(shared, torrent, createSite(url, torrent, paths), owner),
      );
      feed.begin(shuffle(host.rng, seeds));
      return feed;
    },
    close: async () => {
      for (const feed of feeds) feed.close();
    },
  };
}

/** The URLs that may be used, each once. */
function seedUrls(torrent: BlockFacts): SeedUrl[] {
  const urls = new Map<string, SeedUrl>();
  const add = (text: string, kind: SeedUrl["kind"]): void => {
    if (urls.size === MAX_URLS) return;
    try {
      const url = parseSeedUrl(text, kind);
      urls.set(`${kind} ${url.name}`, url);
    } catch (error) {
      torrent.warn(asError(error));
    }
  };
  for (const text of torrent.webSeeds) add(text, "files");
  for (const text of torrent.httpSeeds) add(text, "script");
  return [...urls.values()];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
