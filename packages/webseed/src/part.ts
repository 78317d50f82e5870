// One stretch on its way: the request for it, and how that went.
import { asError, errorCode } from "@shoal/core";
import type { Verdict } from "./answer.ts";
import { WebSeedError } from "./error.ts";
import type { WebSeedAnswer, WebSeedHead, WebSeedHost, WebSeedStream } from "./host.ts";
import type { Stretch } from "./plan.ts";
import type { Site } from "./site.ts";

/** How a request ended. `torn`: it broke off; another one may bring the rest. */
export type Outcome =
  | { readonly what: "complete" }
  | { readonly what: "torn"; readonly error: WebSeedError }
  | Exclude<Verdict, { readonly what: "take" | "wait" }>;

/** What a part tells the transfer that it belongs to. */
export interface PartOwner {
  readonly host: WebSeedHost;
  readonly site: Site;
  /** Its body begins. @returns whether its bytes are wanted now; otherwise it is paused. */
  begins(part: Part): boolean;
  /** `chunk` is part of it. */
  bytes(part: Part, chunk: Uint8Array): void;
  /** It has an outcome. */
  ended(): void;
}

const IDLE_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
/** A body that holds a number of seconds is no longer. */
const MAX_WAIT_TEXT = 32;

/** See the head of this file. */
export class Part implements WebSeedAnswer {
  readonly stretch: Stretch;
  /** Bytes handed on. */
  done = 0;
  outcome: Outcome | undefined;
  readonly #owner: PartOwner;
  #stream: WebSeedStream | undefined;
  #doneBefore = 0;
  /** The answer that asks to wait, and its body so far. */
  #wait: { readonly error: WebSeedError; text: string } | undefined;

  constructor(stretch: Stretch, owner: PartOwner) {
    this.stretch = stretch;
    this.#owner = owner;
  }

  get left(): number {
    return this.stretch.length - this.done;
  }

  /** Whether there is a request, or was one that has an outcome. */
  get isAsked(): boolean {
    return this.#stream !== undefined || this.outcome !== undefined;
  }

  /** Bytes that the latest request brought. */
  get gain(): number {
    return this.done - this.#doneBefore;
  }

  /** Asks for what is left. */
  ask(): void {
    const { host, site } = this.#owner;
    const { url, headers } = site.request(this.stretch, this.done);
    this.#doneBefore = this.done;
    const request = {
      headers: { ...headers, "accept-encoding": "identity", "user-agent": host.userAgent },
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      maxRedirects: MAX_REDIRECTS,
      publicOnly: site.url.publicOnly,
    };
    try {
      this.#stream = host.http.stream(url, request, this);
    } catch (error) {
      this.failed(asError(error));
    }
  }

  resume(): void {
    this.#stream?.resume();
  }

  pause(): void {
    this.#stream?.pause();
  }

  /** Ends the request; the part can be asked for again. */
  drop(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
    this.outcome = undefined;
    this.#wait = undefined;
  }

  head(head: WebSeedHead): boolean {
    const verdict = this.#owner.site.judge(this.stretch, this.done, head);
    if (verdict.what === "wait") {
      this.#wait = { error: verdict.error, text: "" };
      return true;
    }
    if (verdict.what !== "take") {
      this.#end(verdict);
      return false;
    }
    if (!this.#owner.begins(this)) this.pause();
    return true;
  }

  data(chunk: Uint8Array): void {
    if (this.#wait !== undefined) {
      this.#wait.text += String.fromCharCode(...chunk.subarray(0, MAX_WAIT_TEXT + 1));
      if (this.#wait.text.length > MAX_WAIT_TEXT) this.#waits();
    } else if (chunk.length > this.left) {
      const message = `${this.#owner.site.url.name} sent more bytes than it was asked for`;
      this.#end({ what: "fail", error: new WebSeedError("ERR_WEBSEED_RANGE", message) });
    } else {
      this.#owner.bytes(this, chunk);
    }
  }

  end(): void {
    if (this.#wait !== undefined) {
      this.#waits();
    } else if (this.left > 0) {
      const message = `${this.#owner.site.url.name} sent fewer bytes than it was asked for`;
      this.#end({ what: "torn", error: new WebSeedError("ERR_WEBSEED_RANGE", message) });
    } else {
      this.#end({ what: "complete" });
    }
  }

  failed(cause: Error): void {
    const message = `${this.#owner.site.url.name} can't be read: ${cause.message}`;
    const error = new WebSeedError("ERR_WEBSEED_UNREACHABLE", message, { cause });
    // A redirect that must not be followed will be the same next time. Scripts have no files.
    const isForGood =
      errorCode(cause) === "ERR_NET_REDIRECT" && this.#owner.site.url.kind === "files";
    this.#end({ what: isForGood ? "lacks" : "torn", error });
  }

  #waits(): void {
    const { error, text } = this.#wait ?? {};
    if (error === undefined) return;
    const seconds = /^\s*(\d{1,9})\s*$/.exec(text ?? "")?.[1];
    const retryAfter = seconds === undefined ? undefined : Number(seconds);
    this.#end({ what: "fail", error, retryAfter });
  }

  #end(outcome: Outcome): void {
    const stream = this.#stream;
    this.outcome = outcome;
    this.#stream = undefined;
    stream?.cancel();
    this.#owner.ended();
  }
}
