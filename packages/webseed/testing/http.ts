// An HTTP client whose answers the test gives, and a source on virtual time.
import { type BlockSource, createRng, Deadlines } from "@shoal/core";
import {
  createWebSeedSource,
  type WebSeedAnswer,
  type WebSeedHttp,
  type WebSeedRequest,
  type WebSeedStream,
} from "../src/index.ts";

/** A request that was sent. */
export class TestRequest implements WebSeedStream {
  readonly url: string;
  readonly options: WebSeedRequest;
  readonly answer: WebSeedAnswer;
  isPaused = false;
  isCancelled = false;

  constructor(url: string, options: WebSeedRequest, answer: WebSeedAnswer) {
    this.url = url;
    this.options = options;
    this.answer = answer;
  }

  /** First and last byte that were asked for. */
  get range(): [number, number] {
    const { range = "" } = this.options.headers;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    return [Number(first), Number(last)];
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  /** Answers with a range of `file`. */
  begin(file: Uint8Array): boolean {
    const [first, last] = this.range;
    const range = `bytes ${first}-${last}/${file.length}`;
    return this.answer.head({ status: 206, headers: { "content-range": range } });
  }

  /** All of the answer at once. */
  serve(file: Uint8Array): void {
    const [first, last] = this.range;
    if (!this.begin(file)) throw new Error("the answer was refused");
    if (this.isPaused) throw new Error("not this one's turn");
    this.answer.data(file.subarray(first, last + 1));
    this.answer.end();
  }
}

/** A source whose clock and servers the test plays. */
export class TestHost {
  now = 1_000_000;
  readonly deadlines: Deadlines = new Deadlines();
  readonly sent: TestRequest[] = [];
  readonly source: BlockSource;

  constructor() {
    const http: WebSeedHttp = {
      stream: (url, options, answer) => {
        const request = new TestRequest(url, options, answer);
        this.sent.push(request);
        return request;
      },
    };
    this.source = createWebSeedSource({
      clock: { now: () => this.now },
      deadlines: this.deadlines,
      rng: createRng(1),
      userAgent: "test/1",
      http,
    });
  }

  /** Requests sent since the last call. */
  take(): TestRequest[] {
    return this.sent.splice(0);
  }

  /** The next request. */
  next(): TestRequest {
    const request = this.sent.shift();
    if (request === undefined) throw new Error("nothing was asked for");
    return request;
  }

  /** Lets time pass, alarm by alarm. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let at = this.deadlines.nextDeadline(); at !== undefined && at <= end; ) {
      this.now = Math.max(this.now, at);
      this.deadlines.advance(this.now);
      at = this.deadlines.nextDeadline();
    }
    this.now = end;
  }
}
