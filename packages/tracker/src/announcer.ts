// Carries out one announce or scrape, by whichever protocol, within its time and its turn.
import { type Endpoint, ipFamily } from "@shoal/core";
import { unlessAborted } from "./abort.ts";
import type { AnnounceAnswer, AnnounceRequest } from "./announce.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import { Gate, type Lane } from "./gate.ts";
import type { HttpAnswer, TrackerHost } from "./host.ts";
import { buildAnnounceUrl, parseHttpAnnounce } from "./http-announce.ts";
import { readAnswer } from "./http-body.ts";
import { Names } from "./names.ts";
import { buildScrapeUrl, MAX_SCRAPE, parseHttpScrape, type ScrapeEntry } from "./scrape.ts";
import type { TrackerUrl } from "./tracker-url.ts";
import type { UdpTrackerClient } from "./udp-client.ts";

/** Bytes that the body of an answer may have, decoded (libtorrent's limit). */
export const MAX_RESPONSE: number = 1024 * 1024;

/** How an announce is made. */
export interface AnnounceOptions {
  readonly family: 4 | 6;
  readonly lane: Lane;
  readonly signal: AbortSignal;
}

/** The way to trackers that all torrents share. */
export class Announcer {
  readonly #host: TrackerHost;
  readonly #udp: UdpTrackerClient;
  readonly #names: Names;
  readonly #httpGate: Gate;
  readonly #udpGate: Gate;
  readonly #families: readonly (4 | 6)[];

  /** @param families That may be used, the preferred one first. */
  constructor(host: TrackerHost, udp: UdpTrackerClient, families: readonly (4 | 6)[]) {
    const { clock, deadlines } = host;
    this.#host = host;
    this.#udp = udp;
    this.#families = families;
    this.#names = new Names(clock, (name) => host.resolve(name));
    this.#httpGate = new Gate(HTTP_LIMITS, clock, deadlines);
    this.#udpGate = new Gate(UDP_LIMITS, clock, deadlines);
  }

  /**
   * Announces once. Ends in bounded time from its turn on, even if the host's sockets never do.
   *
   * @param request Called when it is the announce's turn, so that nothing in it is old.
   * @returns The answer, and what it answers.
   * @throws TrackerError
   */
  async announce(
    tracker: TrackerUrl,
    request: () => AnnounceRequest,
    options: AnnounceOptions,
  ): Promise<{ told: AnnounceRequest; answer: AnnounceAnswer }> {
    return await this.#inTurn(tracker, options, async (to, signal) => {
      const told = request();
      if (tracker.scheme === "udp") {
        const { path } = tracker;
        return { told, answer: await this.#udp.announce(to, told, { path, signal }) };
      }
      const url = buildAnnounceUrl(tracker, told);
      const body = await this.#get(tracker, url, options.family, signal);
      return { told, answer: parseHttpAnnounce(body) };
    });
  }

  /**
   * Asks for the counts of swarms, {@link MAX_SCRAPE} at a time.
   *
   * @returns An entry for each hash, in the order asked.
   * @throws TrackerError, also if one of several questions fails.
   */
  async scrape(
    tracker: TrackerUrl,
    infoHashes: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ScrapeEntry[]> {
    if (tracker.scheme !== "udp" && buildScrapeUrl(tracker, []) === undefined) {
      throw new TrackerError(
        "ERR_TRACKER_NO_SCRAPE",
        `expected a path whose last part begins with 'announce' at ${tracker.name}, which BEP 48 needs`,
      );
    }
    const found: ScrapeEntry[] = [];
    for (let at = 0; at < infoHashes.length; at += MAX_SCRAPE) {
      const some = infoHashes.slice(at, at + MAX_SCRAPE);
      found.push(
        ...(await this.#overAny(signal, (options) => this.#scrapeSome(tracker, some, options))),
      );
    }
    return found;
  }

  async #scrapeSome(
    tracker: TrackerUrl,
    infoHashes: readonly Uint8Array[],
    options: AnnounceOptions,
  ): Promise<ScrapeEntry[]> {
    return await this.#inTurn(tracker, options, async (to, signal) => {
      if (tracker.scheme === "udp") {
        const swarms = await this.#udp.scrape(to, infoHashes, { signal });
        return infoHashes.map((infoHash, i) => {
          const { seeders, leechers, downloads } = swarms[i] ?? {};
          return { infoHash, seeders, leechers, downloads };
        });
      }
      const url = buildScrapeUrl(tracker, infoHashes) ?? tracker.href;
      return parseHttpScrape(await this.#get(tracker, url, options.family, signal), infoHashes);
    });
  }

  /** What the first address family brings over which the tracker can be reached. */
  async #overAny<T>(
    signal: AbortSignal,
    ask: (options: AnnounceOptions) => Promise<T>,
  ): Promise<T> {
    let failure: TrackerError | undefined;
    for (const family of this.#families) {
      try {
        return await ask({ family, lane: "regular", signal });
      } catch (thrown) {
        const error = asTrackerError(thrown);
        const isAbsent = error.code === "ERR_TRACKER_NO_ADDRESS";
        if (signal.aborted || !(isAbsent || OUT_OF_REACH.has(error.code))) throw error;
        failure = isAbsent ? (failure ?? error) : error;
      }
    }
    throw failure;
  }

  /** Finds the tracker, waits for a turn at it, and asks. */
  async #inTurn<T>(
    tracker: TrackerUrl,
    { family, lane, signal }: AnnounceOptions,
    ask: (to: Endpoint, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const overUdp = tracker.scheme === "udp";
    const gate = overUdp ? this.#udpGate : this.#httpGate;
    const limitMs = overUdp ? UDP_LIMIT_MS : HTTP_LIMIT_MS;
    const key = `${tracker.name} over IPv${family}`;
    const address = await this.#within(limitMs, signal, () =>
      this.#addressOf(tracker, family, lane === "farewell"),
    );
    const leave = await gate.enter(key, lane, signal).catch((error) => {
      throw asTrackerError(error);
    });
    try {
      const answer = await this.#within(limitMs, signal, (limited) =>
        ask({ address, port: tracker.port }, limited),
      );
      leave();
      return answer;
    } catch (thrown) {
      const error = asTrackerError(thrown);
      leave(OUT_OF_REACH.has(error.code) && !signal.aborted ? error : undefined);
      throw error;
    }
  }

  /** Runs something that ends when `signal` aborts or its time is over, whether it heeds that or not. */
  async #within<T>(
    limitMs: number,
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = new AbortController();
    const alarm = this.#host.deadlines.alarm(() => limit.abort(tooSlow(limitMs)));
    alarm.set(this.#host.clock.now() + limitMs);
    const either = AbortSignal.any([signal, limit.signal]);
    try {
      either.throwIfAborted();
      return await unlessAborted(either, run(either));
    } catch (error) {
      throw asTrackerError(error);
    } finally {
      alarm.clear();
    }
  }

  async #addressOf({ host, name }: TrackerUrl, family: 4 | 6, stale: boolean): Promise<string> {
    const isLiteral = ipFamily(host) !== undefined;
    const addresses = isLiteral ? [host] : await this.#names.lookUp(host, { stale });
    const address = addresses.find((address) => ipFamily(address) === family);
    if (address !== undefined) return address;
    const message = `expected an IPv${family} address of ${name}, it has none`;
    throw new TrackerError("ERR_TRACKER_NO_ADDRESS", message);
  }

  /** The body of a successful answer. */
  async #get(
    tracker: TrackerUrl,
    url: string,
    family: 4 | 6,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const answer = await this.#host.http.get(url, {
      signal,
      headers: { "user-agent": this.#host.userAgent },
      maxBytes: MAX_RESPONSE,
      timeoutMs: HTTP_LIMIT_MS,
      family,
      // The URL's own host was looked at when it was parsed; its name may still lead here.
      refuseLoopback: !tracker.path.startsWith("/announce"),
    });
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw statusError(answer);
  }
}

/** Libtorrent's `max_concurrent_http_announces`; to one tracker as many as HTTP clients keep open. */
const HTTP_LIMITS = { places: 50, placesOfOne: 8, burst: 20, perSecond: 50 };
/** UDP announces need no connection, but a socket's buffer takes only so many datagrams. */
const UDP_LIMITS = { places: 200, placesOfOne: 32, burst: 20, perSecond: 50 };
/** Libtorrent's `tracker_completion_timeout`. */
const HTTP_LIMIT_MS = 30_000;
/** Room for connecting and announcing with one repetition each at BEP 15's pace. */
const UDP_LIMIT_MS = 90_000;
/** The status that says that the tracker is gone for good. */
const GONE = 410;
/** Failures that everybody would meet who asks the same tracker now. */
const OUT_OF_REACH: ReadonlySet<string> = new Set([
  "ERR_TRACKER_UNREACHABLE",
  "ERR_TRACKER_TIMEOUT",
]);

/** Why there was no success: the tracker's own words if it has any, else the status. */
function statusError({ status, headers, body }: HttpAnswer): TrackerError {
  try {
    readAnswer(body);
  } catch (error) {
    if (error instanceof TrackerError && error.code === "ERR_TRACKER_REFUSED") return error;
  }
  const seconds = Number(headers["retry-after"]);
  return new TrackerError("ERR_TRACKER_STATUS", `expected HTTP status 200, got ${status}`, {
    retryAfter: status === GONE ? Number.POSITIVE_INFINITY : seconds > 0 ? seconds : undefined,
  });
}

function tooSlow(limitMs: number): TrackerError {
  return new TrackerError(
    "ERR_TRACKER_TIMEOUT",
    `expected an answer within ${limitMs / 1000} s, none came`,
  );
}
