// A torrent's trackers in their tiers (BEP 12), with what is known of each.
import { type Rng, shuffle } from "@shoal/core";
import { asTrackerError, type TrackerError } from "./error.ts";
import { parseTrackerUrl, type TrackerUrl } from "./tracker-url.ts";

/** One tracker of one torrent. Times are ms of the host's clock. */
export interface Tracker {
  /** As the torrent names it. */
  readonly url: string;
  /** `undefined` if the URL is refused. */
  readonly target: TrackerUrl | undefined;
  /** An announce is under way. */
  busy: boolean;
  /** It acknowledged our `started`, so it is owed a `stopped`. */
  started: boolean;
  /** It was told of an incomplete download, so it is owed a `completed`. */
  leeching: boolean;
  /** Failures since it last answered. */
  failures: number;
  /** When it is to be asked; `Infinity` for never again. */
  nextAt: number;
  /** When it may be asked at the earliest, unless there is an event to tell. */
  notBefore: number;
  lastError: TrackerError | undefined;
  lastWarning: string | undefined;
  trackerId: Uint8Array | undefined;
  seeders: number | undefined;
  leechers: number | undefined;
  peersReceived: number;
}

/** Trackers of one torrent that are used; more are ignored. */
export const MAX_TRACKERS = 200;

/** The tiers. A URL stands in one tier only, the first that names it. */
export class TrackerList {
  readonly #rng: Rng;
  #tiers: Tracker[][] = [];

  constructor(rng: Rng) {
    this.#rng = rng;
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
      const fresh = shuffle(this.#rng, [...wanted].map(newTracker));
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

function newTracker(url: string): Tracker {
  const tracker: Tracker = {
    url,
    target: undefined,
    busy: false,
    started: false,
    leeching: false,
    failures: 0,
    nextAt: Number.NEGATIVE_INFINITY,
    notBefore: Number.NEGATIVE_INFINITY,
    lastError: undefined,
    lastWarning: undefined,
    trackerId: undefined,
    seeders: undefined,
    leechers: undefined,
    peersReceived: 0,
  };
  try {
    return { ...tracker, target: parseTrackerUrl(url) };
  } catch (error) {
    const forever = Number.POSITIVE_INFINITY;
    return { ...tracker, nextAt: forever, notBefore: forever, lastError: asTrackerError(error) };
  }
}
