// One kept-alive HTTP connection that reads through a shared buffer: one request at a time.
import type { Socket } from "node:net";
import { asError, isLocal, normalizeIp } from "@shoal/core";
import { NetError, netError } from "./error.ts";
import type { HttpAgents } from "./http-agents.ts";
import { type ResponseHead, ResponseParser } from "./http-parser.ts";

/** What a connection tells of the answer to a request. */
export interface Exchange {
  head(head: ResponseHead): void;
  /** `chunk` is valid during the call only. */
  data(chunk: Uint8Array): void;
  /** The answer is complete; the connection is no longer this one's. */
  end(): void;
  /** @param isStale the server had closed the kept connection before: ask on another one. */
  failed(error: Error, isStale: boolean): void;
}

/** What a connection tells the pool. */
export interface ConnectionOwner {
  /** It can take a request. */
  idle(connection: HttpConnection): void;
  closed(connection: HttpConnection): void;
}

/** An unused connection is closed after this time, in ms. */
const KEEP_MS = 4000;

/** See the head of this file. */
export class HttpConnection {
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;
  #keepAlive = true;
  #served = 0;
  /** Bytes came since the request was sent. */
  #isAnswered = false;
  #isPaused = false;
  /** The answer is complete, though the exchange may not have been told. */
  #isDone = false;
  /** Bytes are being parsed, further up the stack. */
  #isReading = false;
  #hasEnded = false;
  /** What was read, but not wanted yet. */
  #held: Uint8Array[] = [];
  #idleTimeoutMs = KEEP_MS;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.#parser = new ResponseParser({
      head: (head) => {
        this.#keepAlive = head.keepAlive;
        this.#exchange?.head(head);
      },
      body: (chunk) => this.#exchange?.data(chunk),
      done: () => {
        this.#isDone = true;
      },
    });
  }

  /**
   * Opens the connection; then the owner hears of it.
   *
   * @param buffer What is read into; others may read into it too.
   */
  open(
    agents: HttpAgents,
    to: URL,
    options: { readonly publicOnly: boolean; readonly buffer: Buffer },
    failed: (error: NetError) => void,
  ): void {
    const { publicOnly, buffer } = options;
    const callback = (length: number): boolean => {
      this.#received(buffer.subarray(0, length));
      return !this.#isPaused;
    };
    agents.connect(to, { publicOnly, onread: { buffer, callback } }, (error, socket) => {
      if (error !== null) {
        failed(netError(error, `connecting to ${to.origin}`));
        return;
      }
      this.#socket = socket;
      // Where TLS runs over a socket that is there already, nothing is read through the buffer.
      socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
      socket.on("end", () => this.#ended());
      socket.on("error", (cause) => this.fail(netError(cause, `reading from ${to.origin}`)));
      socket.on("close", () => this.#closed());
      socket.on("timeout", () => this.#timedOut());
      socket.setTimeout(KEEP_MS);
      this.#owner.idle(this);
    });
  }

  /** Whether the server is not at an address of this machine or network. */
  get isPublic(): boolean {
    return !isLocal(normalizeIp(this.#socket?.remoteAddress ?? "") ?? "");
  }

  /** Sends a request. Only an idle connection takes one. */
  send(request: string, exchange: Exchange, idleTimeoutMs: number): void {
    this.#exchange = exchange;
    this.#isAnswered = false;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#socket?.setTimeout(idleTimeoutMs);
    this.#socket?.write(request, "latin1");
  }

  /** Stops the body. The server waits too, when what the system buffers is full. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket?.setTimeout(0);
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    // Otherwise the parsing under way finds that it goes on.
    if (!this.#isReading) this.#readHeld();
  }

  /** Ends the connection; the exchange hears nothing more. */
  destroy(): void {
    this.#exchange = undefined;
    this.#held = [];
    this.#socket?.destroy();
  }

  /** Ends the connection and tells the exchange why. */
  fail(error: Error): void {
    const exchange = this.#exchange;
    const isStale = this.#served > 0 && !this.#isAnswered;
    this.destroy();
    exchange?.failed(error, isStale);
  }

  #received(bytes: Uint8Array): void {
    this.#isAnswered = true;
    if (this.#exchange === undefined) {
      this.destroy();
    } else if (this.#isDone) {
      // Nobody asked for it: what comes next could not be trusted.
      this.#keepAlive = false;
    } else if (this.#held.length > 0 || this.#isPaused) {
      this.#held.push(new Uint8Array(bytes));
    } else {
      const used = this.#parse(bytes);
      if (used < bytes.length) this.#hold(new Uint8Array(bytes.subarray(used)));
      this.#settle();
    }
  }

  #readHeld(): void {
    for (let [bytes] = this.#held; bytes !== undefined && !this.#isPaused; [bytes] = this.#held) {
      this.#held.shift();
      const used = this.#parse(bytes);
      if (used < bytes.length) this.#hold(bytes.subarray(used));
    }
    if (this.#isPaused) return;
    this.#settle();
    // A new request may have been sent, or the connection closed.
    if (this.#hasEnded) this.#ended();
    else if (this.#exchange !== undefined) this.#socket?.setTimeout(this.#idleTimeoutMs);
    this.#socket?.resume();
  }

  /** @param rest What the parser left. */
  #hold(rest: Uint8Array): void {
    if (this.#isDone) this.#keepAlive = false;
    else if (this.#exchange !== undefined) this.#held.unshift(rest);
  }

  /** @returns how many bytes were used: fewer than all when paused, complete or over. */
  #parse(bytes: Uint8Array): number {
    let at = 0;
    this.#isReading = true;
    try {
      while (at < bytes.length && !this.#isPaused && !this.#isDone && this.#exchange) {
        at += this.#parser.push(at === 0 ? bytes : bytes.subarray(at));
      }
    } catch (error) {
      this.fail(asError(error));
    }
    this.#isReading = false;
    return at;
  }

  /** Ends the exchange if the answer is complete. */
  #settle(): void {
    if (!this.#isDone || this.#isPaused) return;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#isDone = false;
    this.#served++;
    if (this.#keepAlive && this.#held.length === 0 && !this.#hasEnded) {
      this.#socket?.setTimeout(KEEP_MS);
      this.#owner.idle(this);
    } else {
      this.destroy();
    }
    exchange?.end();
  }

  #ended(): void {
    if (this.#isPaused || this.#held.length > 0) {
      this.#hasEnded = true;
      return;
    }
    if (this.#isAnswered && this.#parser.finish()) {
      this.#keepAlive = false;
      this.#settle();
    } else {
      this.fail(new NetError("ERR_NET_RESET", "the server closed the connection too early"));
    }
  }

  #closed(): void {
    this.#owner.closed(this);
    // What was read before the end may still be wanted.
    if (!this.#hasEnded) this.fail(new NetError("ERR_NET_RESET", "the connection was closed"));
  }

  #timedOut(): void {
    const message = `the server sent nothing for ${this.#idleTimeoutMs} ms`;
    this.fail(new NetError("ERR_NET_TIMEOUT", message));
  }
}
