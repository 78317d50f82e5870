// A swarm whose trackers a test plays, on virtual time.
import { encode } from "@shoal/bencode";
import { createRng, Deadlines, type Endpoint } from "@shoal/core";
import type { TrackerFeed } from "../src/feed.ts";
import type { HttpAnswer, TrackerHost } from "../src/host.ts";
import {
  createTrackerSource,
  type TrackerSource,
  type TrackerSourceOptions,
} from "../src/source.ts";

/** An announce or scrape that came to a tracker. */
export interface Request {
  /** Virtual ms. */
  readonly at: number;
  /** The tracker's name without `.example`. */
  readonly host: string;
  readonly family: 4 | 6 | undefined;
  readonly path: string;
  readonly event: string | null;
  readonly query: URLSearchParams;
  readonly refuseLoopback: boolean | undefined;
  /** What the client wants the exchange to be bounded by, and sends along. */
  readonly limits: {
    readonly maxBytes: number;
    readonly timeoutMs: number;
    readonly headers: unknown;
  };
}

/** What a tracker does with one. */
export type Reply = HttpAnswer | Error | "hang" | "ignore-abort";

export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;

/** A swarm and its trackers, of which the test decides the answers. */
export class World {
  now = 0;
  readonly deadlines: Deadlines = new Deadlines();
  readonly requests: Request[] = [];
  readonly found: Endpoint[] = [];
  readonly warnings: Error[] = [];
  readonly externalIps: string[] = [];
  trackers: string[][] = [];
  isPrivate = false;
  bytes = { uploaded: 1, downloaded: 2 };
  /** By name; all others have one IPv4 address. */
  addresses: Record<string, string[] | Error> = {};
  resolved: string[] = [];
  left: number | undefined = 1000;
  /** Announces and scrapes under way, and the most that ever were. */
  readonly underWay = { now: 0, most: 0 };
  /** The answer to each announce. */
  answer: (request: Request) => Reply = (): Reply => ok();
  readonly source: TrackerSource;

  constructor(options: TrackerSourceOptions = {}) {
    this.source = createTrackerSource(this.#host(), options);
  }

  /** Opens a torrent with trackers by name, tier by tier. */
  open(
    trackers: string[][],
    infoHash: Uint8Array = new Uint8Array(20),
    left?: number,
  ): TrackerFeed {
    this.trackers = trackers.map((tier) => tier.map(urlOf));
    const trackersNow = (): string[][] => this.trackers;
    return this.source.open({
      infoHash,
      peerId: new Uint8Array(20),
      isPrivate: this.isPrivate,
      get trackers(): string[][] {
        return trackersNow();
      },
      transfer: () => ({
        ...this.bytes,
        left: left ?? this.left,
      }),
      found: (peers) => this.found.push(...peers),
      warn: (error) => this.warnings.push(error),
    });
  }

  /** Runs `ms` of virtual time. */
  async advance(ms = 0): Promise<void> {
    await passTime(this, ms);
  }

  /** `host event` of every request since the last call. */
  said(): string[] {
    return this.requests
      .splice(0)
      .map(({ host, event }) => (event === null ? host : `${host} ${event}`));
  }

  async #resolve(name: string): Promise<string[]> {
    this.resolved.push(name);
    const found = this.addresses[name.replace(/\.example$/, "")] ?? ["192.0.2.53"];
    if (found instanceof Error) throw found;
    return found.includes("never") ? await new Promise(() => {}) : found;
  }

  #host(): TrackerHost {
    return {
      clock: { now: () => this.now },
      deadlines: this.deadlines,
      rng: createRng(1),
      entropy: (size) => new Uint8Array(size).fill(0xab),
      userAgent: "test/1",
      listenPort: () => 6881,
      externalIp: (address, tracker) => this.externalIps.push(`${address} by ${tracker}`),
      udp: () => {
        throw new Error("no UDP here");
      },
      resolve: (name) => this.#resolve(name),
      http: {
        get: async (url, { signal, headers, maxBytes, timeoutMs, family, refuseLoopback }) => {
          const { hostname, pathname: path, searchParams: query } = new URL(url);
          const host = hostname.replace(/\.example$/, "");
          const event = query.get("event");
          const limits = { maxBytes, timeoutMs, headers };
          const target = { host, family, path, query, refuseLoopback };
          const request = { at: this.now, ...target, event, limits };
          this.requests.push(request);
          this.underWay.most = Math.max(this.underWay.most, ++this.underWay.now);
          try {
            return await outcome(this.answer(request), signal);
          } finally {
            this.underWay.now--;
          }
        },
      },
    };
  }
}

/** `http://NAME.example/announce`; URLs stay as they are. */
export function urlOf(name: string): string {
  return name.includes(":") ? name : `http://${name}.example/announce`;
}

/** Lets `ms` pass, with what is due in it. */
export async function passTime(
  time: { now: number; readonly deadlines: Deadlines },
  ms: number,
): Promise<void> {
  const end = time.now + ms;
  await settled();
  for (let next = time.deadlines.nextDeadline(); next !== undefined && next <= end; ) {
    time.now = next;
    time.deadlines.advance(next);
    await settled();
    next = time.deadlines.nextDeadline();
  }
  time.now = end;
}

/** Lets every promise that can settle do so. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function outcome(reply: Reply, signal: AbortSignal | undefined): Promise<HttpAnswer> {
  if (reply instanceof Error) return Promise.reject(reply);
  if (typeof reply === "object") return Promise.resolve(reply);
  return new Promise((_, reject) => {
    if (reply === "hang") signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

/** A tracker's good answer. */
export function ok(fields: Record<string, string | number | Uint8Array> = {}): HttpAnswer {
  const peers = Uint8Array.of(192, 0, 2, 1, 0, 80);
  return reply(200, encode({ interval: 1800, complete: 5, incomplete: 6, peers, ...fields }));
}

/** An HTTP answer. */
export function reply(
  status: number,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): HttpAnswer {
  return {
    status,
    headers,
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  };
}
