// What the tracker client needs from whoever composes it.
import type { Clock, Datagrams, Deadlines, Entropy, Rng } from "@shoal/core";

/** An HTTP client, as far as trackers need one. Redirects and `Content-Encoding` are its work. */
export interface HttpFetch {
  /**
   * Gets a URL.
   *
   * @param options `maxBytes` bounds the decoded body, `timeoutMs` the whole exchange. `family`:
   *   connect to an address of that family only. `refuseLoopback`: connect to no address of this
   *   host, whatever names resolve to and redirects lead to.
   * @returns Any status; header names in lower case.
   * @throws if nobody answers, in time or at all, or the body is larger.
   */
  get(
    url: string,
    options: {
      readonly signal?: AbortSignal;
      readonly headers?: Readonly<Record<string, string>>;
      readonly maxBytes: number;
      readonly timeoutMs: number;
      readonly family?: 4 | 6;
      readonly refuseLoopback?: boolean;
    },
  ): Promise<HttpAnswer>;
}

/** What {@link HttpFetch} brings. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a {@link UdpTrackerClient} is given. */
export interface UdpTrackerHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Transaction ids must not be guessable: who guesses one can answer for a tracker. */
  readonly entropy: Entropy;
  /** Opens a socket; asked at most once at a time for each family, when it is first needed. */
  udp(family: 4 | 6): Promise<Datagrams> | Datagrams;
}

/** What the tracker client is given. */
export interface TrackerHost extends UdpTrackerHost {
  /** For the order inside tiers and for jitter. */
  readonly rng: Rng;
  readonly http: HttpFetch;
  /** The addresses of a host name. */
  resolve(host: string): Promise<readonly string[]>;
  /** Sent to HTTP trackers. */
  readonly userAgent: string;
  /** The port on which we accept peers. */
  listenPort(): number;
  /** A tracker told under which address it sees us (BEP 24). One witness of many: it may lie. */
  externalIp?(address: string, tracker: string): void;
}
