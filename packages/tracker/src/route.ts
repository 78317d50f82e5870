// A way to a tracker of a torrent: what is known of it, and when to go it.
import type { TrackerError } from "./error.ts";

/** A way to one tracker of one torrent: an address family. Times are ms of the host's clock. */
export interface Route {
  readonly family: 4 | 6;
  /** An announce is under way. */
  busy: boolean;
  /** The tracker acknowledged a `started` that came this way, so it is owed a `stopped`. */
  known: boolean;
  /** The next announce has to say `started`. */
  fresh: boolean;
  /** Failures since the last answer. */
  failures: number;
  /** The last failure was that the tracker's name has no address of this family. */
  absent: boolean;
  /** When to ask; `Infinity` for never again. */
  nextAt: number;
  /** When to ask at the earliest, unless there is an event to tell. */
  notBefore: number;
  lastError: TrackerError | undefined;
}

/** Whether the last announce by this route was answered. */
export function works(route: Route): boolean {
  return route.known && route.failures === 0;
}

/** A route that is due at once. */
export function newRoute(family: 4 | 6): Route {
  return {
    family,
    busy: false,
    known: false,
    fresh: true,
    failures: 0,
    absent: false,
    nextAt: Number.NEGATIVE_INFINITY,
    notBefore: Number.NEGATIVE_INFINITY,
    lastError: undefined,
  };
}
