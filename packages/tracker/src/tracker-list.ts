// A torrent's trackers in their tiers (BEP 12), with what is known of each and of the ways to it.
import { ipFamily, type Rng, shuffle } from "@shoal/core";
import { ByteAccount } from "./byte-account.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import { newRoute, type Route } from "./route.ts";
import { parseTrackerUrl, type TrackerUrl } from "./tracker-url.ts";

/** One tracker of one torrent. */
export interface Tracker {
  /** As the torrent names it. */
  readonly url: string;
  /** `undefined` if the URL is refused. */
  readonly target: TrackerUrl | undefined;
  /** Why the URL is refused, or can't be reached by any address family in use. */
  readonly refusal: TrackerError | undefined;
  /** In the order in which they are to be tried; none if there is a refusal. */
  readonly routes: readonly Route[];
  /** Which bytes it was told of, and by which route. */
  readonly bytes: ByteAccount;
  /** It was told of an incomplete download, so it is owed a `completed`. */
  leeching: boolean;
  lastWarning: string | undefined;
  trackerId: Uint8Array | undefined;
  seeders: number | undefined;
  leechers: number | undefined;
  /** Downloads completed ever. */
  downloads: number | undefined;
  peersReceived: number;
}

/** Whether every route of the tracker has failed. */
export function hasFailed({ routes }: Tracker): boolean {
  return routes.every(({ failures }) => failures > 0);
}

/** Trackers of one torrent that are used; more are ignored. */
export const MAX_TRACKERS = 200;

/** The tiers. A URL stands in one tier only, the first that names it. */
export class TrackerList {
  readonly #rng: Rng;
  readonly #families: readonly (4 | 6)[];
  #tiers: Tracker[][] = [];

  /** @param families That trackers are asked over, the first one first. */
  constructor(rng: Rng, families: readonly (4 | 6)[]) {
    this.#rng = rng;
    this.#families = families;
  }

  /** In the order in which they are to be tried. */
  get tiers(): readonly (readonly Tracker[])[] {
    return this.#tiers;
  }

  /** Every tracker, in order. */
  all(): Tracker[] {
    return this.#tiers.flat();
  }

  /**
   * Takes over the torrent's current trackers. Known ones keep their state and, within their tier,
   * their order; new ones follow in random order.
   *
   * @returns Those that are new and those that are gone.
   */
  sync(tiers: readonly (readonly string[])[]): { added: Tracker[]; removed: Tracker[] } {
    const before = new Map(this.all().map((tracker) => [tracker.url, tracker]));
    const seen = new Set<string>();
    const added: Tracker[] = [];
    this.#tiers = tiers.map((urls) => {
      const wanted = new Set(
        urls.filter((url) => !seen.has(url)).slice(0, MAX_TRACKERS - seen.size),
      );
      for (const url of wanted) seen.add(url);
      const kept = [...before.values()].filter(({ url }) => wanted.delete(url));
      const fresh = shuffle(
        this.#rng,
        [...wanted].map((url) => newTracker(url, this.#families)),
      );
      added.push(...fresh);
      return [...kept, ...fresh];
    });
    return { added, removed: [...before.values()].filter(({ url }) => !seen.has(url)) };
  }

  has(tracker: Tracker): boolean {
    return this.#tiers.some((tier) => tier.includes(tracker));
  }

  /** Moves a tracker that answered to the front of its tier. */
  promote(tracker: Tracker): void {
    const tier = this.#tiers.find((trackers) => trackers.includes(tracker));
    if (tier === undefined || tier[0] === tracker) return;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }
}

function newTracker(url: string, families: readonly (4 | 6)[]): Tracker {
  let target: TrackerUrl | undefined;
  let refusal: TrackerError | undefined;
  try {
    target = parseTrackerUrl(url);
  } catch (error) {
    refusal = asTrackerError(error);
  }
  const literal = ipFamily(target?.host ?? "");
  const reachable = families.filter((family) => literal === undefined || family === literal);
  if (target !== undefined && reachable.length === 0) {
    const message = `expected an address of IPv${families.join(" or ")}, got ${target.host}`;
    refusal = new TrackerError("ERR_TRACKER_NO_ADDRESS", message);
  }
  return {
    url,
    target,
    refusal,
    routes: target === undefined ? [] : reachable.map(newRoute),
    bytes: new ByteAccount(),
    leeching: false,
    lastWarning: undefined,
    trackerId: undefined,
    seeders: undefined,
    leechers: undefined,
    downloads: undefined,
    peersReceived: 0,
  };
}
