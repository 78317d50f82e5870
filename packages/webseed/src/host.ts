// What web seeds need from outside.
import type { Clock, Deadlines, Rng } from "@shoal/core";

/** Time, chance and a way to ask. */
export interface WebSeedHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  /** Name and version, for servers. */
  readonly userAgent: string;
  readonly http: WebSeedHttp;
}

/** An HTTP client, as `@shoal/net` has one. */
export interface WebSeedHttp {
  /**
   * Sends a GET request, follows redirects (never from a public to a local address), and hands on
   * the answer as it comes. Tells the handler nothing during this call. Throws only when closed.
   */
  stream(url: string, options: WebSeedRequest, handler: WebSeedAnswer): WebSeedStream;
}

/** How to ask. */
export interface WebSeedRequest {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** It fails when nothing comes for so long, in ms; time spent paused does not count. */
  readonly idleTimeoutMs: number;
  readonly maxRedirects: number;
  /** Don't connect to addresses of this machine and network. */
  readonly publicOnly: boolean;
}

/** Who is told of the answer. Nothing comes after `end`, `failed`, a refusal, or `cancel`. */
export interface WebSeedAnswer {
  /** @returns whether the body is wanted. */
  head(head: WebSeedHead): boolean;
  /** `chunk` is valid during the call only. */
  data(chunk: Uint8Array): void;
  end(): void;
  failed(error: Error): void;
}

/** The first part of an answer. */
export interface WebSeedHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds that the server wants to be left alone. */
  readonly retryAfter?: number;
}

/** A request under way. */
export interface WebSeedStream {
  /** Stops `data` and `end` at once, until `resume`. */
  pause(): void;
  resume(): void;
  cancel(): void;
}
