// A small HTTP client for trackers and web seeds: bounded, patient with nobody, wary of redirects.
import { isLocal } from "@shoal/core";
import type { Dispatcher } from "undici";
import { NetError, netError } from "./error.ts";
import { createHttpAgents, type HttpAgents } from "./http-agents.ts";
import { readBody } from "./http-body.ts";
import type { HttpRoutes } from "./http-connect.ts";
import { HttpPool } from "./http-pool.ts";
import {
  checkHeaders,
  credentials,
  lowerCase,
  redirectHeaders,
  redirectTarget,
  webUrl,
} from "./http-rules.ts";
import {
  type HttpStream,
  type HttpStreamHandler,
  type HttpStreamOptions,
  startStream,
} from "./http-stream.ts";

/** Settings of {@link createHttpClient}. */
export interface HttpClientOptions {
  /** Connections to one origin at a time: 8 by default. */
  readonly maxSockets?: number;
  /** What servers are told: `shoal` by default. */
  readonly userAgent?: string;
}

/** What one {@link HttpClient.get} may cost. */
export interface HttpGetOptions {
  readonly signal?: AbortSignal;
  /** Sent besides `user-agent` and `accept-encoding`, which they replace; names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The largest body, before and after decoding. */
  readonly maxBytes: number;
  /** Everything, from the name's resolution to the body's last byte, must be done in this time. */
  readonly timeoutMs: number;
  /** 5 by default. */
  readonly maxRedirects?: number;
  /** Connect to addresses of that family only. */
  readonly family?: 4 | 6;
  /** Connect to no address of this machine, whatever names resolve to and redirects lead to. */
  readonly refuseLoopback?: boolean;
}

/** An answer of any status. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; repeated fields are joined by commas. */
  readonly headers: Record<string, string>;
  /** Decoded. */
  readonly body: Uint8Array;
  /** Where it came from, after redirects. */
  readonly url: string;
  /** The server's IP address, if it is known. */
  readonly remoteAddress?: string;
}

/** Fetches over HTTP/1.1, keeping connections alive for a few seconds. */
export interface HttpClient {
  /**
   * Fetches `url`; gzip and deflate are decoded, up to `maxRedirects` redirects followed: only to
   * http and https, never from https to http, never from a public to a local address, and without
   * custom headers when the origin changes (`range` stays).
   *
   * @throws NetError; the signal's reason.
   */
  get(url: string, options: HttpGetOptions): Promise<HttpResponse>;
  /**
   * Streams what is at `url`, by the same rules for redirects; nothing is decoded. Requests to one
   * origin beyond `maxSockets` wait for their turn.
   *
   * @throws NetError `ERR_NET_INVALID_URL`, `ERR_NET_INVALID_HEADER`, `ERR_NET_CLOSED`; all else goes
   *   to the handler.
   */
  stream(url: string, options: HttpStreamOptions, handler: HttpStreamHandler): HttpStream;
  /** Aborts what is under way and lets go of every socket. */
  close(): Promise<void>;
}

/** Makes a client with its own connections. @throws NetError `ERR_NET_INVALID_HEADER`. */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  return openHttpClient(options, undefined);
}

/** A client that connects by `routes` alone, if they are given. */
export function openHttpClient(
  options: HttpClientOptions,
  routes: HttpRoutes | undefined,
): HttpClient {
  const defaults = {
    "user-agent": options.userAgent ?? "shoal",
    accept: "*/*",
    "accept-encoding": "gzip",
  };
  checkHeaders(defaults);
  const agents = createHttpAgents({ maxSockets: options.maxSockets, routes });
  const pool = new HttpPool(agents, options.maxSockets ?? 8);
  const streamDefaults = { ...defaults, "accept-encoding": "identity" };
  const underWay = new Set<AbortController>();
  let isClosed = false;
  return {
    get: async (url, request) => {
      if (isClosed) throw closed();
      const stop = new AbortController();
      underWay.add(stop);
      const { timeoutMs, signal } = request;
      const timer = setTimeout(() => {
        stop.abort(new NetError("ERR_NET_TIMEOUT", `${url} took over ${timeoutMs} ms`));
      }, timeoutMs);
      const abort = (): void => stop.abort(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        signal?.throwIfAborted();
        return await follow(agents, webUrl(url), request, defaults, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) throw stop.signal.reason;
        throw error;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        underWay.delete(stop);
      }
    },
    stream: (url, request, handler) => {
      if (isClosed) throw closed();
      return startStream(pool, url, request, streamDefaults, handler);
    },
    close: async () => {
      isClosed = true;
      pool.close();
      for (const stop of underWay) stop.abort(closed());
      await agents.close();
    },
  };
}

async function follow(
  agents: HttpAgents,
  start: URL,
  request: HttpGetOptions,
  defaults: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { maxRedirects = 5, maxBytes, family, refuseLoopback = false } = request;
  let url = start;
  let custom = lowerCase(request.headers ?? {});
  checkHeaders(custom);
  let cameFromPublic = false;
  for (let redirects = 0; ; redirects++) {
    const agent = agents.by({ publicOnly: cameFromPublic, refuseLoopback, family });
    const headers = { ...defaults, ...credentials(url), ...custom };
    const response = await send(agent, url, headers, signal);
    const remoteAddress = agents.remoteAddress(url.origin);
    const target = redirectTarget(url, response.statusCode, response.headers);
    if (target === undefined) {
      const body = await readBody(response, maxBytes, url.href);
      return {
        status: response.statusCode,
        headers: joinFields(response.headers),
        body,
        url: url.href,
        ...(remoteAddress === undefined ? {} : { remoteAddress }),
      };
    }
    await response.body.dump({ limit: 65_536, signal });
    if (redirects === maxRedirects) {
      throw new NetError("ERR_NET_REDIRECT", `${start.href} redirects over ${maxRedirects} times`);
    }
    cameFromPublic ||= !isLocal(remoteAddress ?? url.hostname.replace(/^\[|\]$/g, ""));
    custom = redirectHeaders(url, target, custom);
    url = target;
  }
}

async function send(
  dispatcher: Dispatcher,
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const path = `${url.pathname}${url.search}`;
  try {
    return await dispatcher.request({ origin: url.origin, path, method: "GET", headers, signal });
  } catch (error) {
    throw netError(error, `fetching ${url.href}`);
  }
}

function joinFields(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
  );
}

function closed(): NetError {
  return new NetError("ERR_NET_CLOSED", "the HTTP client was closed");
}
