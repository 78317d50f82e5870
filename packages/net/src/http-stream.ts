// Streaming answers: bodies handed on as they are read, without a promise or copy for each chunk.
import { asError } from "@shoal/core";
import { NetError } from "./error.ts";
import type { Exchange, HttpConnection } from "./http-connection.ts";
import type { ResponseHead } from "./http-parser.ts";
import type { HttpPool, Waiting } from "./http-pool.ts";
import {
  checkHeaders,
  credentials,
  lowerCase,
  redirectHeaders,
  redirectTarget,
  retryAfter,
  webUrl,
} from "./http-rules.ts";

/** Settings of one stream. */
export interface HttpStreamOptions {
  /** Sent besides `user-agent`, `accept` and `accept-encoding: identity`, which they replace. */
  readonly headers?: Readonly<Record<string, string>>;
  /** It fails when nothing comes for so long, in ms; time spent paused does not count. */
  readonly idleTimeoutMs: number;
  /** 5 by default. */
  readonly maxRedirects?: number;
  /** Refuse to connect to addresses of this machine and network; false by default. */
  readonly publicOnly?: boolean;
}

/** The first part of an answer of any status but a redirect's. */
export interface HttpHead {
  readonly status: number;
  /** Names in lower case; repeated fields are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it comes from, after redirects. */
  readonly url: string;
  /** Seconds from now on that the server wants to be left alone (`retry-after`, either form). */
  readonly retryAfter?: number;
}

/**
 * What a stream tells its owner; nothing during the call that starts it, and nothing after
 * `end`, `failed`, a refusal, or `cancel`. None of the calls may throw.
 */
export interface HttpStreamHandler {
  /** @returns whether the body is wanted; otherwise this was the last call. */
  head(head: HttpHead): boolean;
  /** Bytes of the body, as they were sent: nothing is decoded. `chunk` is valid during the call only. */
  data(chunk: Uint8Array): void;
  /** The body is complete. */
  end(): void;
  /** A `NetError`. */
  failed(error: Error): void;
}

/** A stream under way. */
export interface HttpStream {
  /** Stops `data` and `end` at once, until `resume`: back-pressure to the server. */
  pause(): void;
  resume(): void;
  /** Ends it; the handler hears nothing more. */
  cancel(): void;
}

/** Bytes of a body that nobody wants which are read to keep the connection. */
const MAX_UNWANTED = 65_536;

/**
 * Starts a stream.
 *
 * @throws NetError `ERR_NET_INVALID_URL`, `ERR_NET_INVALID_HEADER`.
 */
export function startStream(
  pool: HttpPool,
  url: string,
  options: HttpStreamOptions,
  defaults: Readonly<Record<string, string>>,
  handler: HttpStreamHandler,
): HttpStream {
  const stream = new Stream(pool, webUrl(url), options, defaults, handler);
  // In a turn of its own, so that the caller has the stream before it hears of it.
  queueMicrotask(() => stream.ask());
  return stream;
}

class Stream implements HttpStream, Exchange, Waiting {
  readonly #pool: HttpPool;
  readonly #options: HttpStreamOptions;
  readonly #defaults: Readonly<Record<string, string>>;
  readonly #handler: HttpStreamHandler;
  #url: URL;
  #custom: Readonly<Record<string, string>>;
  #publicOnly: boolean;
  #redirects = 0;
  #isPaused = false;
  /** The handler hears nothing more. */
  #isOver = false;
  #connection: HttpConnection | undefined;
  #withdraw: (() => void) | undefined;
  /** Where a redirect leads, while its own body is read. */
  #next: URL | undefined;
  /** Bytes that may yet come of a body that nobody wants; undefined while it is wanted. */
  #unwanted: number | undefined;

  constructor(
    pool: HttpPool,
    url: URL,
    options: HttpStreamOptions,
    defaults: Readonly<Record<string, string>>,
    handler: HttpStreamHandler,
  ) {
    this.#pool = pool;
    this.#url = url;
    this.#options = options;
    this.#defaults = defaults;
    this.#handler = handler;
    this.#custom = lowerCase(options.headers ?? {});
    this.#publicOnly = options.publicOnly ?? false;
    checkHeaders(this.#custom);
  }

  /** Asks for what `url` is now. */
  ask(): void {
    if (this.#isOver) return;
    this.#withdraw = this.#pool.acquire({ url: this.#url, publicOnly: this.#publicOnly }, this);
  }

  ready(connection: HttpConnection): void {
    this.#connection = connection;
    this.#unwanted = undefined;
    connection.send(this.#request(), this, this.#options.idleTimeoutMs);
    if (this.#isPaused) connection.pause();
  }

  head({ status, headers }: ResponseHead): void {
    try {
      this.#next = redirectTarget(this.#url, status, headers);
    } catch (error) {
      this.#give(asError(error));
      return;
    }
    if (this.#next !== undefined) {
      this.#publicOnly ||= this.#connection?.isPublic ?? true;
      this.#unwanted = MAX_UNWANTED;
      return;
    }
    const seconds = retryAfter(headers["retry-after"], Date.now());
    const head = { status, headers, url: this.#url.href };
    const isWanted = this.#handler.head(
      seconds === undefined ? head : { ...head, retryAfter: seconds },
    );
    if (isWanted || this.#isOver) return;
    this.#isOver = true;
    this.#unwanted = MAX_UNWANTED;
    this.#connection?.resume();
  }

  data(chunk: Uint8Array): void {
    if (this.#unwanted === undefined) {
      this.#handler.data(chunk);
      return;
    }
    this.#unwanted -= chunk.length;
    if (this.#unwanted >= 0) return;
    this.#connection?.destroy();
    this.end();
  }

  end(): void {
    this.#connection = undefined;
    if (this.#next !== undefined) {
      this.#follow(this.#next);
    } else if (!this.#isOver) {
      this.#isOver = true;
      this.#handler.end();
    }
  }

  failed(error: Error, isStale = false): void {
    this.#connection = undefined;
    if (isStale) this.ask();
    else if (this.#next !== undefined) this.#follow(this.#next);
    else this.#give(error);
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#isOver) this.#connection?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#connection?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#next = undefined;
    this.#withdraw?.();
    this.#connection?.destroy();
  }

  #give(error: Error): void {
    if (this.#isOver) return;
    this.cancel();
    this.#handler.failed(error);
  }

  /** The rules are those of `HttpClient.get`. */
  #follow(to: URL): void {
    this.#next = undefined;
    if (this.#isOver) return;
    const { maxRedirects = 5 } = this.#options;
    if (this.#redirects++ === maxRedirects) {
      const message = `${this.#url.origin} redirects over ${maxRedirects} times`;
      this.#give(new NetError("ERR_NET_REDIRECT", message));
      return;
    }
    this.#custom = redirectHeaders(this.#url, to, this.#custom);
    this.#url = to;
    this.ask();
  }

  #request(): string {
    const { pathname, search, host } = this.#url;
    const fields = { host, ...this.#defaults, ...credentials(this.#url), ...this.#custom };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`;
  }
}
