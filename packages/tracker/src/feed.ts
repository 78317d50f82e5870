// Announces one torrent: whom to ask next, what to tell, and when.
import type { Alarm, PeerFeed, SwarmFacts } from "@shoal/core";
import { unlessAborted } from "./abort.ts";
import type { AnnounceAnswer, AnnounceEvent, AnnounceRequest } from "./announce.ts";
import type { Announcer } from "./announcer.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import type { TrackerHost } from "./host.ts";
import { type Tracker, TrackerList } from "./tracker-list.ts";

/** What {@link TrackerFeed.status} tells of a tracker. */
export interface TrackerStatus {
  readonly url: string;
  /** 0 for the first. */
  readonly tier: number;
  /** `idle`: not asked yet; `failed`: the last announce failed. */
  readonly state: "idle" | "announcing" | "working" | "failed";
  readonly lastError?: TrackerError;
  /** Ms of the host's clock; missing while announcing and if never again. */
  readonly nextAnnounce?: number;
  /** As the tracker says. */
  readonly seeders?: number;
  readonly leechers?: number;
  /** Peers in all answers together. */
  readonly peersReceived: number;
}

/** The trackers of one torrent at work. */
export interface TrackerFeed extends PeerFeed {
  /** Every tracker in the order in which they are tried. */
  status(): TrackerStatus[];
}

/** What {@link AnnounceFeed} is made of. */
export interface AnnounceFeedParts {
  readonly host: TrackerHost;
  readonly announcer: Announcer;
  readonly swarm: SwarmFacts;
  readonly numWant: number;
  readonly allTiers: boolean;
  /** Called once, when the feed has closed. */
  readonly closed: (feed: TrackerFeed) => void;
}

/** See STATE.md. Waiting costs one alarm, whatever the number of trackers. */
export class AnnounceFeed implements TrackerFeed {
  readonly #parts: AnnounceFeedParts;
  readonly #list: TrackerList;
  readonly #alarm: Alarm;
  readonly #key: number;
  /** Aborts announces that are under way when the feed closes. */
  readonly #abort = new AbortController();
  #complete = false;
  #closing: Promise<void> | undefined;

  constructor(parts: AnnounceFeedParts) {
    this.#parts = parts;
    this.#list = new TrackerList(parts.host.rng);
    this.#alarm = parts.host.deadlines.alarm((now) => this.#walk(now));
    const [a = 0, b = 0, c = 0, d = 0] = parts.host.entropy(4);
    this.#key = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    this.refresh();
  }

  completed(): void {
    this.#complete = true;
    const now = this.#parts.host.clock.now();
    for (const tracker of this.#list.all()) {
      if (tracker.leeching && tracker.failures === 0) tracker.nextAt = now;
    }
    this.#walk(now);
  }

  refresh(): void {
    if (this.#closing !== undefined) return;
    const now = this.#parts.host.clock.now();
    const { added, removed } = this.#list.sync(this.#parts.swarm.trackers);
    for (const { target, lastError } of added) {
      if (!target && lastError) this.#warn(lastError, "URL", "it is not used");
    }
    for (const tracker of this.#list.all()) {
      tracker.nextAt = Math.min(tracker.nextAt, Math.max(now, tracker.notBefore));
    }
    void this.#farewell(removed, this.#abort.signal);
    this.#walk(now);
  }

  status(): TrackerStatus[] {
    return this.#list.tiers.flatMap((trackers, tier) =>
      trackers.map((tracker) => statusOf(tracker, tier)),
    );
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
    let next = Number.POSITIVE_INFINITY;
    for (const tier of this.#list.tiers) {
      let served = false;
      for (const tracker of tier) {
        if (!tracker.busy && tracker.nextAt <= now) void this.#announce(tracker);
        served = tracker.busy || (tracker.started && tracker.failures === 0);
        if (!tracker.busy) next = Math.min(next, tracker.nextAt);
        // The rest of the tier is asked only when this tracker has failed (BEP 12).
        if (served) break;
      }
      if (served && !this.#parts.allTiers) break;
    }
    if (next === Number.POSITIVE_INFINITY) this.#alarm.clear();
    else this.#alarm.set(next);
  }

  async #announce(tracker: Tracker): Promise<void> {
    const { target } = tracker;
    if (target === undefined) return;
    tracker.busy = true;
    const request = this.#request(tracker, this.#nextEvent(tracker));
    const { signal } = this.#abort;
    const late = (answer: AnnounceAnswer): void => this.#takePeers(tracker, answer);
    try {
      const answer = await this.#parts.announcer.announce(target, request, { signal, late });
      this.#succeed(tracker, target.name, request, answer);
    } catch (error) {
      if (!signal.aborted) this.#fail(tracker, target.name, asTrackerError(error));
    }
    tracker.busy = false;
    if (!this.#list.has(tracker)) void this.#farewell([tracker], signal);
    this.#walk(this.#parts.host.clock.now());
  }

  #nextEvent(tracker: Tracker): AnnounceEvent | undefined {
    if (!tracker.started) return "started";
    return this.#complete && tracker.leeching ? "completed" : undefined;
  }

  #request(tracker: Tracker, event: AnnounceEvent | undefined): AnnounceRequest {
    const { host, swarm, numWant } = this.#parts;
    return {
      infoHash: swarm.infoHash,
      peerId: swarm.peerId,
      port: host.listenPort(),
      ...swarm.transfer(),
      event,
      numWant: event === "stopped" ? 0 : numWant,
      key: this.#key,
      trackerId: tracker.trackerId,
    };
  }

  #succeed(tracker: Tracker, name: string, request: AnnounceRequest, answer: AnnounceAnswer): void {
    const { host } = this.#parts;
    const now = host.clock.now();
    if (request.event === "started") {
      tracker.started = true;
      tracker.leeching = request.left !== 0;
    } else if (request.event === "completed") {
      tracker.leeching = false;
    }
    tracker.failures = 0;
    tracker.lastError = undefined;
    tracker.seeders = answer.seeders;
    tracker.leechers = answer.leechers;
    tracker.trackerId = answer.trackerId ?? tracker.trackerId;
    tracker.notBefore = now + answer.minInterval * 1000;
    const owesCompleted = this.#nextEvent(tracker) === "completed";
    tracker.nextAt = owesCompleted ? now : now + this.#jittered(answer.interval * 1000);
    this.#list.promote(tracker);
    if (answer.warning !== undefined && answer.warning !== tracker.lastWarning) {
      const message = `it warned: '${answer.warning}'`;
      this.#warn(new TrackerError("ERR_TRACKER_WARNING", message), name, "it stays in use");
    }
    tracker.lastWarning = answer.warning;
    if (answer.externalIp !== undefined) host.externalIp?.(answer.externalIp, tracker.url);
    this.#takePeers(tracker, answer);
  }

  #takePeers(tracker: Tracker, { peers }: AnnounceAnswer): void {
    if (this.#closing !== undefined || peers.length === 0) return;
    tracker.peersReceived += peers.length;
    this.#parts.swarm.found(peers);
  }

  #fail(tracker: Tracker, name: string, error: TrackerError): void {
    const now = this.#parts.host.clock.now();
    tracker.failures++;
    tracker.lastError = error;
    const asked = error.retryAfter ?? 0;
    const delayMs = this.#jittered(Math.max(asked, backOff(tracker.failures)) * 1000);
    tracker.nextAt = now + delayMs;
    tracker.notBefore = now + Math.max(asked * 1000, MIN_RETRY_MS);
    const seconds = Math.round(delayMs / 1000);
    const next =
      asked === Number.POSITIVE_INFINITY ? "not asked again" : `next try in ${seconds} s`;
    this.#warn(error, name, next);
  }

  /** Passes an error on, saying which tracker it was and what happens next. */
  #warn(error: TrackerError, who: string, next: string): void {
    const { code, message, retryAfter } = error;
    const text = `tracker ${who}: ${message}; ${next}`;
    this.#parts.swarm.warn(new TrackerError(code, text, { cause: error, retryAfter }));
  }

  /** Tells `stopped` to those who know that we started. Never rejects. */
  async #farewell(trackers: readonly Tracker[], signal: AbortSignal): Promise<void> {
    const announces = trackers.map(async (tracker) => {
      if (!tracker.started || tracker.target === undefined) return;
      tracker.started = false;
      const request = this.#request(tracker, "stopped");
      await this.#parts.announcer.announce(tracker.target, request, { signal });
    });
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

function statusOf(tracker: Tracker, tier: number): TrackerStatus {
  const { busy, failures, started, lastError, nextAt, seeders, leechers } = tracker;
  const failed = failures > 0 || tracker.target === undefined;
  return {
    url: tracker.url,
    tier,
    state: busy ? "announcing" : failed ? "failed" : started ? "working" : "idle",
    ...(lastError && { lastError }),
    ...(!busy && Number.isFinite(nextAt) && { nextAnnounce: nextAt }),
    ...(seeders !== undefined && { seeders }),
    ...(leechers !== undefined && { leechers }),
    peersReceived: tracker.peersReceived,
  };
}
