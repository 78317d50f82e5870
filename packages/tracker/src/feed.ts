// Announces one torrent: whom to ask next, what to tell, and when.
import type { Alarm, PeerFeed, SwarmFacts } from "@shoal/core";
import { unlessAborted } from "./abort.ts";
import type { AnnounceAnswer, AnnounceEvent, AnnounceRequest } from "./announce.ts";
import type { Announcer } from "./announcer.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import type { Lane } from "./gate.ts";
import type { TrackerHost } from "./host.ts";
import { type Route, works } from "./route.ts";
import type { ScrapeEntry } from "./scrape.ts";
import { type Tracker, TrackerList } from "./tracker-list.ts";
import { failureOf, statusOf, type TrackerStatus } from "./tracker-status.ts";
import { type WalkRules, walk } from "./walk.ts";

/** The trackers of one torrent at work. */
export interface TrackerFeed extends PeerFeed {
  /** Every tracker in the order in which they are tried. */
  status(): TrackerStatus[];
  /**
   * Asks for the swarm's counts the trackers that announces have reached, one after the other until
   * one of them tells; `status` shows them from then on.
   *
   * @throws TrackerError the last one's; `ERR_TRACKER_NO_SCRAPE` if there is none to ask.
   */
  scrape(options?: { readonly signal?: AbortSignal }): Promise<ScrapeEntry>;
}

/** What {@link AnnounceFeed} is made of. */
export interface AnnounceFeedParts {
  readonly host: TrackerHost;
  readonly announcer: Announcer;
  readonly swarm: SwarmFacts;
  readonly numWant: number;
  readonly families: readonly (4 | 6)[];
  readonly allTrackers: boolean;
  readonly allTiers: boolean;
  /** Called once, when the feed has closed. */
  readonly closed: (feed: TrackerFeed) => void;
}

/** See STATE.md. Waiting costs one alarm, whatever the number of trackers. */
export class AnnounceFeed implements TrackerFeed {
  readonly #parts: AnnounceFeedParts;
  readonly #rules: WalkRules;
  readonly #list: TrackerList;
  readonly #alarm: Alarm;
  readonly #key: number;
  /** Aborts announces that are under way when the feed closes. */
  readonly #abort = new AbortController();
  #complete = false;
  /** The tracker that answered last. */
  #current: Tracker | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: AnnounceFeedParts) {
    const { host, families, allTrackers, allTiers, swarm } = parts;
    this.#parts = parts;
    this.#rules = { allTrackers, allTiers, isPrivate: swarm.isPrivate };
    this.#list = new TrackerList(host.rng, families);
    this.#alarm = host.deadlines.alarm((now) => this.#walk(now));
    const [a = 0, b = 0, c = 0, d = 0] = host.entropy(4);
    this.#key = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    this.refresh();
  }

  completed(): void {
    this.#complete = true;
    const now = this.#parts.host.clock.now();
    for (const { leeching, routes, bytes } of this.#list.all()) {
      if (!leeching) continue;
      // One route tells it; the others, on which we still count as incomplete, follow when they may.
      for (const route of routes.filter(works)) {
        const at = bytes.isCounting(route) ? now : Math.max(now, route.notBefore);
        route.nextAt = Math.min(route.nextAt, at);
      }
    }
    this.#walk(now);
  }

  refresh(): void {
    if (this.#closing !== undefined) return;
    const now = this.#parts.host.clock.now();
    const { added, removed } = this.#list.sync(this.#parts.swarm.trackers);
    for (const { refusal } of added) if (refusal) this.#warn(refusal, "URL", "it is not used");
    for (const route of this.#list.all().flatMap(({ routes }) => routes)) {
      route.nextAt = Math.min(route.nextAt, Math.max(now, route.notBefore));
    }
    if (this.#current && removed.includes(this.#current)) this.#current = undefined;
    void this.#farewell(removed, this.#abort.signal);
    this.#walk(now);
  }

  status(): TrackerStatus[] {
    return this.#list.tiers.flatMap((trackers, tier) =>
      trackers.map((tracker) => statusOf(tracker, tier)),
    );
  }

  async scrape(options: { readonly signal?: AbortSignal } = {}): Promise<ScrapeEntry> {
    const { announcer, swarm } = this.#parts;
    const signals = [this.#abort.signal, options.signal].filter((signal) => signal !== undefined);
    const signal = AbortSignal.any(signals);
    let failure = new TrackerError(
      "ERR_TRACKER_NO_SCRAPE",
      "expected a tracker that has answered an announce, there is none; try again when one has",
    );
    for (const tracker of this.#list.all()) {
      if (tracker.target === undefined || !tracker.routes.some(works)) continue;
      try {
        const [entry] = await announcer.scrape(tracker.target, [swarm.infoHash], signal);
        if (entry === undefined) continue;
        tracker.seeders = entry.seeders ?? tracker.seeders;
        tracker.leechers = entry.leechers ?? tracker.leechers;
        tracker.downloads = entry.downloads ?? tracker.downloads;
        return entry;
      } catch (error) {
        failure = asTrackerError(error);
        if (signal.aborted) break;
      }
    }
    throw failure;
  }

  close(signal: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(signal);
    return this.#closing;
  }

  async #close(signal: AbortSignal): Promise<void> {
    const { host, closed } = this.#parts;
    this.#alarm.clear();
    this.#abort.abort(new TrackerError("ERR_TRACKER_CLOSED", "the torrent was stopped"));
    const limit = new AbortController();
    const alarm = host.deadlines.alarm(() => limit.abort());
    alarm.set(host.clock.now() + FAREWELL_MS);
    await this.#farewell(this.#list.all(), AbortSignal.any([signal, limit.signal]));
    alarm.clear();
    closed(this);
  }

  /** Starts the announces that are due and sets the alarm for the next one. */
  #walk(now: number): void {
    if (this.#closing !== undefined) return;
    const { due, next } = walk(this.#list.tiers, now, this.#rules, this.#current);
    for (const { tracker, route } of due) void this.#announce(tracker, route);
    if (next === Number.POSITIVE_INFINITY) this.#alarm.clear();
    else this.#alarm.set(next);
  }

  async #announce(tracker: Tracker, route: Route): Promise<void> {
    const { target } = tracker;
    if (target === undefined) return;
    const { signal } = this.#abort;
    const { announcer, swarm } = this.#parts;
    const { left } = swarm.transfer();
    const lane = laneOf(this.#nextEvent(tracker, route), left);
    route.busy = true;
    try {
      const { told, answer } = await announcer.announce(
        target,
        () => this.#request(tracker, route),
        { family: route.family, lane, signal },
      );
      // Also who completes while it waits for its turn has to tell so.
      if (told.event === "started") tracker.leeching ||= left !== 0;
      this.#succeed(tracker, route, target.name, told, answer);
    } catch (error) {
      if (!signal.aborted) this.#fail(tracker, route, target.name, asTrackerError(error));
    }
    route.busy = false;
    if (!this.#list.has(tracker)) void this.#farewell([tracker], signal);
    this.#walk(this.#parts.host.clock.now());
  }

  #nextEvent(tracker: Tracker, route: Route): AnnounceEvent | undefined {
    if (route.fresh) return "started";
    const owed = this.#complete && tracker.leeching && tracker.bytes.isCounting(route);
    return owed ? "completed" : undefined;
  }

  #request(tracker: Tracker, route: Route, farewell?: "stopped"): AnnounceRequest {
    const { host, swarm, numWant } = this.#parts;
    const { uploaded, downloaded, left } = swarm.transfer();
    const bytes = tracker.bytes.report(route, { uploaded, downloaded });
    const event = farewell ?? this.#nextEvent(tracker, route);
    return {
      infoHash: swarm.infoHash,
      peerId: swarm.peerId,
      port: host.listenPort(),
      ...bytes,
      left,
      event,
      numWant: event === "stopped" ? 0 : numWant,
      key: this.#key,
      trackerId: tracker.trackerId,
    };
  }

  #succeed(
    tracker: Tracker,
    route: Route,
    name: string,
    told: AnnounceRequest,
    answer: AnnounceAnswer,
  ): void {
    const { host } = this.#parts;
    const now = host.clock.now();
    const { bytes } = tracker;
    if (told.event === "started") {
      route.fresh = false;
      route.known = true;
    } else if (told.event === "completed") {
      tracker.leeching = false;
    }
    bytes.acknowledge(route);
    route.failures = 0;
    route.absent = false;
    route.lastError = undefined;
    route.notBefore = now + answer.minInterval * 1000;
    const owesEvent = this.#nextEvent(tracker, route) !== undefined;
    route.nextAt = owesEvent ? now : now + this.#jittered(answer.interval * 1000);
    tracker.seeders = answer.seeders ?? tracker.seeders;
    tracker.leechers = answer.leechers ?? tracker.leechers;
    tracker.trackerId = answer.trackerId ?? tracker.trackerId;
    if (this.#list.has(tracker)) this.#current = tracker;
    this.#list.promote(tracker);
    if (answer.warning !== undefined && answer.warning !== tracker.lastWarning) {
      const message = `it warned: '${answer.warning}'`;
      this.#warn(new TrackerError("ERR_TRACKER_WARNING", message), name, "it stays in use");
    }
    tracker.lastWarning = answer.warning;
    if (answer.externalIp !== undefined) host.externalIp?.(answer.externalIp, tracker.url);
    if (this.#closing !== undefined || answer.peers.length === 0) return;
    tracker.peersReceived += answer.peers.length;
    this.#parts.swarm.found(answer.peers);
  }

  #fail(tracker: Tracker, route: Route, name: string, error: TrackerError): void {
    const now = this.#parts.host.clock.now();
    const asked = error.retryAfter ?? 0;
    const wasAbsent = route.absent;
    route.failures++;
    route.absent = error.code === "ERR_TRACKER_NO_ADDRESS";
    route.lastError = error;
    const pauseMs = route.absent ? ABSENT_MS : backOff(route.failures) * 1000;
    route.nextAt = now + this.#jittered(Math.max(asked * 1000, pauseMs));
    route.notBefore = now + Math.max(asked * 1000, MIN_RETRY_MS);
    const isOld = wasAbsent && route.absent;
    if (asked === Number.POSITIVE_INFINITY) leaveAlone(tracker);
    const others = tracker.routes.filter((other) => other !== route && !other.absent);
    // One route that works, or still may, makes the tracker work: nobody needs to hear of the other.
    if (others.some(({ failures, busy, nextAt }) => failures === 0 || busy || nextAt <= now))
      return;
    const present = tracker.routes.filter(({ absent }) => !absent);
    if (isOld && present.length > 0) return;
    const failed = present.length > 0 ? present : tracker.routes;
    const later = failed.filter(({ nextAt }) => nextAt !== Number.POSITIVE_INFINITY);
    // Together, so that their next failure is one, too.
    const nextAt = Math.max(...later.map(({ nextAt }) => nextAt));
    for (const each of later) each.nextAt = nextAt;
    const seconds = Math.round((nextAt - now) / 1000);
    const next = later.length === 0 ? "not asked again" : `next try in ${seconds} s`;
    this.#warn(failureOf(tracker) ?? error, name, next);
  }

  /** Passes an error on, saying which tracker it was and what happens next. */
  #warn(error: TrackerError, who: string, next: string): void {
    const { code, message, retryAfter } = error;
    const text = `tracker ${who}: ${message}; ${next}`;
    this.#parts.swarm.warn(new TrackerError(code, text, { cause: error, retryAfter }));
  }

  /** Tells `stopped` to those who know that we started. Never rejects. */
  async #farewell(trackers: readonly Tracker[], signal: AbortSignal): Promise<void> {
    const announces = trackers.flatMap((tracker) =>
      tracker.routes.map(async (route) => {
        if (!route.known || tracker.target === undefined) return;
        route.known = false;
        route.fresh = true;
        const { family } = route;
        const request = (): AnnounceRequest => this.#request(tracker, route, "stopped");
        const options = { family, lane: "farewell", signal } as const;
        await this.#parts.announcer.announce(tracker.target, request, options);
      }),
    );
    await unlessAborted(signal, Promise.allSettled(announces)).catch(() => {});
  }

  /** Up to 5 % later, so that torrents which started together drift apart. */
  #jittered(delayMs: number): number {
    return delayMs * (1 + this.#parts.host.rng() / 20);
  }
}

/**
 * Seconds until a tracker that failed is tried again: libtorrent's 5 + 12.5·n², at most an hour.
 *
 * @param failures How often it failed in a row, 1 or more.
 */
export function backOff(failures: number): number {
  return Math.min(3600, 5 + 12.5 * failures ** 2);
}

/** How long `close` waits for trackers (libtorrent's `stop_tracker_timeout`). */
const FAREWELL_MS = 5000;
/** How soon `refresh` may ask a tracker again that has just failed. */
const MIN_RETRY_MS = 15_000;
/** After that time a name may have got an address of the family that it lacked. */
const ABSENT_MS = 3_600_000;

/** A tracker that never wants to be asked again is not, whatever the address family. */
function leaveAlone({ routes }: Tracker): void {
  for (const route of routes) {
    if (!works(route)) route.nextAt = route.notBefore = Number.POSITIVE_INFINITY;
  }
}

function laneOf(event: AnnounceEvent | undefined, left: number | undefined): Lane {
  if (event === undefined) return "regular";
  return event === "completed" || left !== 0 ? "download" : "seed";
}
