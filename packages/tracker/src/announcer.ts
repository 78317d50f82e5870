// Carries out one announce, by whichever protocol, within its time and its turn.
import { unlessAborted } from "./abort.ts";
import type { AnnounceAnswer, AnnounceRequest } from "./announce.ts";
import { asTrackerError, TrackerError } from "./error.ts";
import { Gate } from "./gate.ts";
import type { HttpAnswer, TrackerHost } from "./host.ts";
import { buildAnnounceUrl, parseHttpAnnounce } from "./http-announce.ts";
import type { TrackerUrl } from "./tracker-url.ts";
import type { UdpTrackerClient } from "./udp-client.ts";

/** Bytes that the body of an answer may have, decoded (libtorrent's limit). */
export const MAX_RESPONSE: number = 1024 * 1024;

/** The way to trackers that all torrents share. */
export class Announcer {
  readonly #host: TrackerHost;
  readonly #udp: UdpTrackerClient;
  readonly #httpGate = new Gate(MAX_HTTP);
  readonly #udpGate = new Gate(MAX_UDP);

  constructor(host: TrackerHost, udp: UdpTrackerClient) {
    this.#host = host;
    this.#udp = udp;
  }

  /**
   * Announces once. Ends in bounded time even if the host's sockets never do.
   *
   * @param options `late` is given further answers to the same announce (see UdpTrackerClient).
   * @throws TrackerError
   */
  async announce(
    tracker: TrackerUrl,
    request: AnnounceRequest,
    options: { signal: AbortSignal; late?: (answer: AnnounceAnswer) => void },
  ): Promise<AnnounceAnswer> {
    const overUdp = tracker.scheme === "udp";
    const limitMs = overUdp ? UDP_LIMIT_MS : HTTP_LIMIT_MS;
    const gate = overUdp ? this.#udpGate : this.#httpGate;
    const limit = new AbortController();
    const alarm = this.#host.deadlines.alarm(() => limit.abort(tooSlow(limitMs)));
    const signal = AbortSignal.any([options.signal, limit.signal]);
    const urgent = request.event === "started" || request.event === "stopped";
    let leave: (() => void) | undefined;
    try {
      leave = await gate.enter(urgent, options.signal);
      alarm.set(this.#host.clock.now() + limitMs);
      const answer = overUdp
        ? this.#udp.announce(tracker, request, { ...options, signal })
        : this.#overHttp(tracker, request, signal);
      return await unlessAborted(signal, answer);
    } catch (error) {
      throw asTrackerError(error);
    } finally {
      alarm.clear();
      leave?.();
    }
  }

  async #overHttp(
    tracker: TrackerUrl,
    request: AnnounceRequest,
    signal: AbortSignal,
  ): Promise<AnnounceAnswer> {
    const answer = await this.#host.http.get(buildAnnounceUrl(tracker, request), {
      signal,
      headers: { "user-agent": this.#host.userAgent },
      maxBytes: MAX_RESPONSE,
      timeoutMs: HTTP_LIMIT_MS,
    });
    if (answer.status >= 200 && answer.status < 300) return parseHttpAnnounce(answer.body);
    throw statusError(answer);
  }
}

/** HTTP announces that are under way at once; libtorrent's `max_concurrent_http_announces`. */
const MAX_HTTP = 50;
/** UDP announces need no connection, but a socket's buffer takes only so many datagrams. */
const MAX_UDP = 200;
/** Libtorrent's `tracker_completion_timeout`. */
const HTTP_LIMIT_MS = 30_000;
/** Room for connecting and announcing with one repetition each at BEP 15's pace. */
const UDP_LIMIT_MS = 90_000;
/** The status that says that the tracker is gone for good. */
const GONE = 410;

/** Why there was no success: the tracker's own words if it has any, else the status. */
function statusError({ status, headers, body }: HttpAnswer): TrackerError {
  try {
    parseHttpAnnounce(body);
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
