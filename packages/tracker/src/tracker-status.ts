// What users may know of a tracker.
import type { TrackerError } from "./error.ts";
import { type Route, works } from "./route.ts";
import { hasFailed, type Tracker } from "./tracker-list.ts";

/** How a tracker, or a way to it, does. `idle`: not asked yet; `failed`: the last announce failed. */
export type TrackerState = "idle" | "announcing" | "working" | "failed";

/** What is known of a way to a tracker. */
export interface RouteStatus {
  readonly family: 4 | 6;
  /** `absent`: the tracker's name has no address of this family. */
  readonly state: TrackerState | "absent";
  readonly lastError?: TrackerError;
  /** Ms of the host's clock; missing while announcing and if never again. */
  readonly nextAnnounce?: number;
}

/** What is known of a tracker. */
export interface TrackerStatus {
  readonly url: string;
  /** 0 for the first. */
  readonly tier: number;
  /** `working` if any route works. */
  readonly state: TrackerState;
  /** Why it failed. */
  readonly lastError?: TrackerError;
  /** What it last warned of, as printable text. */
  readonly lastWarning?: string;
  /** The earliest of all routes, as there. */
  readonly nextAnnounce?: number;
  /** As the tracker says. */
  readonly seeders?: number;
  readonly leechers?: number;
  /** Downloads completed ever; only scrapes tell. */
  readonly downloads?: number;
  /** Peers in all answers together. */
  readonly peersReceived: number;
  /** Each address family by which it is asked; none if its URL is refused. */
  readonly routes: readonly RouteStatus[];
}

/** @param tier 0 for the first. */
export function statusOf(tracker: Tracker, tier: number): TrackerStatus {
  const { seeders, leechers, downloads, lastWarning } = tracker;
  const state = stateOf(tracker);
  const lastError = state === "failed" ? failureOf(tracker) : undefined;
  const nextAnnounce = Math.min(
    ...tracker.routes.filter(({ busy, absent }) => !busy && !absent).map(({ nextAt }) => nextAt),
  );
  return {
    url: tracker.url,
    tier,
    state,
    ...(lastError && { lastError }),
    ...(lastWarning !== undefined && { lastWarning }),
    ...(state !== "announcing" && Number.isFinite(nextAnnounce) && { nextAnnounce }),
    ...(seeders !== undefined && { seeders }),
    ...(leechers !== undefined && { leechers }),
    ...(downloads !== undefined && { downloads }),
    peersReceived: tracker.peersReceived,
    routes: tracker.routes.map(routeStatusOf),
  };
}

/** Why a tracker whose every route failed did so: what a route says that is there, if any is. */
export function failureOf({ refusal, routes }: Tracker): TrackerError | undefined {
  return refusal ?? (routes.find(({ absent }) => !absent) ?? routes[0])?.lastError;
}

function stateOf(tracker: Tracker): TrackerState {
  if (tracker.routes.some((route) => works(route) && !route.busy)) return "working";
  if (tracker.routes.some(({ busy }) => busy)) return "announcing";
  return hasFailed(tracker) ? "failed" : "idle";
}

function routeStatusOf(route: Route): RouteStatus {
  const { family, busy, absent, failures, lastError, nextAt } = route;
  const settled = absent ? "absent" : failures > 0 ? "failed" : works(route) ? "working" : "idle";
  return {
    family,
    state: busy ? "announcing" : settled,
    ...(lastError && !absent && { lastError }),
    ...(!busy && Number.isFinite(nextAt) && { nextAnnounce: nextAt }),
  };
}
