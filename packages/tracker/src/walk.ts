// Whom to ask next: the rules of tiers (BEP 12) and of private torrents (BEP 27).
import { type Route, works } from "./route.ts";
import { hasFailed, type Tracker } from "./tracker-list.ts";

/** How a torrent's trackers are used. */
export interface WalkRules {
  /** Ask every tracker of a tier rather than the first that works. */
  readonly allTrackers: boolean;
  /** Ask in every tier rather than in the first that works. */
  readonly allTiers: boolean;
  /**
   * BEP 27: one tracker at a time, and another only when that one fails; one address family at a
   * time, too. Overrules the others.
   */
  readonly isPrivate: boolean;
}

/** What a walk found. */
export interface Walk {
  readonly due: readonly { readonly tracker: Tracker; readonly route: Route }[];
  /** When something is due next, ms; `Infinity` if an announce has to end first, or never. */
  readonly next: number;
}

/**
 * Goes through the tiers in order, and through the trackers of each in order, as far as the rules
 * lead: a tracker that works, or may turn out to, ends its tier.
 *
 * @param now Ms of the clock of the routes.
 * @param current The tracker that a private torrent uses.
 */
export function walk(
  tiers: readonly (readonly Tracker[])[],
  now: number,
  rules: WalkRules,
  current: Tracker | undefined,
): Walk {
  const due: { tracker: Tracker; route: Route }[] = [];
  let next = Number.POSITIVE_INFINITY;
  /** Whether the tracker serves the torrent, so that those behind it need not. */
  const visit = (tracker: Tracker): boolean => {
    let asked = false;
    let failed = false;
    // A private torrent stays with the route that works, too.
    const routes = rules.isPrivate ? tracker.routes.toSorted(worksFirst) : tracker.routes;
    for (const route of routes) {
      const isDue = !route.busy && route.nextAt <= now;
      if (isDue) due.push({ tracker, route });
      else if (!route.busy) next = Math.min(next, route.nextAt);
      asked ||= isDue || route.busy;
      failed ||= route.failures > 0 && !route.absent;
      if (rules.isPrivate && (asked || works(route))) return true;
    }
    return tracker.routes.some(works) || (asked && !failed);
  };

  if (rules.isPrivate) {
    if (tiers.some((tier) => tier.some(isBusy))) return { due, next };
    if (current !== undefined && !hasFailed(current)) {
      visit(current);
      return { due, next };
    }
  }
  for (const tier of tiers) {
    let served = false;
    for (const tracker of tier) {
      served = visit(tracker) || served;
      if (served && (rules.isPrivate || !rules.allTrackers)) break;
    }
    if (served && (rules.isPrivate || !rules.allTiers)) break;
  }
  return { due, next };
}

function worksFirst(a: Route, b: Route): number {
  return Number(works(b)) - Number(works(a));
}

function isBusy({ routes }: Tracker): boolean {
  return routes.some(({ busy }) => busy);
}
