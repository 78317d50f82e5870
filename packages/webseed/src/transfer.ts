// A lane at work: takes stretches, keeps requests for them in flight, hands over bytes in order.
import {
  type Alarm,
  BLOCK_SIZE,
  type BlockLane,
  type BlockLaneHandler,
  type ByteRun,
  RateMeter,
} from "@shoal/core";
import { WebSeedError } from "./error.ts";
import type { WebSeedHost } from "./host.ts";
import { Part, type PartOwner } from "./part.ts";
import type { Site } from "./site.ts";

/** What a transfer tells its seed. After `failed` and `banned` it is over. */
export interface TransferOwner {
  /** A request brought what it should. */
  succeeded(): void;
  /** Nothing is under way, and nothing is to be had. */
  idle(): void;
  /** @returns what to tell the lane that the server lacks. */
  lacks(index: number, error: WebSeedError): ByteRun;
  /** @param retryAfter In seconds, if the server said so. */
  failed(error: WebSeedError, retryAfter: number | undefined): void;
  banned(reason: Error): void;
}

/** One request is for that many seconds at the present rate… */
const TAKE_SECONDS = 5;
/** …within these bounds, in bytes. */
const MIN_TAKE = 1_048_576;
const MAX_TAKE = 16_777_216;
/** Requests in flight, so that the server never waits for us. */
const REQUESTS = 2;
/** So many if they are for few bytes together. */
const SMALL_REQUESTS = 4;
const SMALL_BYTES = 1_048_576;
/** A server that sends less in this time is given up, in ms and bytes. */
const PATIENCE_MS = 30_000;
const LEAST_BYTES = BLOCK_SIZE;

const ZEROS: Uint8Array = new Uint8Array(65_536);

/** See the head of this file. */
export class Transfer implements BlockLaneHandler, PartOwner {
  readonly host: WebSeedHost;
  readonly site: Site;
  readonly #owner: TransferOwner;
  readonly #rate: RateMeter = new RateMeter();
  readonly #patience: Alarm;
  #lane: BlockLane | undefined;
  /** What was taken and not yet delivered, in order. Only the first one's bytes are delivered. */
  #parts: Part[] = [];
  /** Bytes of `#parts` that are left. */
  #reserved = 0;
  /** Until the lane drains. */
  #isBlocked = false;
  /** At some time since patience was last tried. */
  #wasBlocked = false;
  #totalBefore = 0;
  /** The server has asked for less: one request at a time. */
  readonly #isModest: boolean;

  constructor(host: WebSeedHost, site: Site, owner: TransferOwner, isModest: boolean) {
    this.host = host;
    this.site = site;
    this.#owner = owner;
    this.#isModest = isModest;
    this.#patience = host.deadlines.alarm((now) => this.#tryPatience(now));
  }

  /** Starts. @param lane Opened with this as its handler. */
  begin(lane: BlockLane): void {
    this.#lane = lane;
    this.#pump();
  }

  /** Ends everything at once. */
  close(): void {
    const lane = this.#lane;
    this.#lane = undefined;
    this.#dropAll();
    this.#parts = [];
    this.#patience.clear();
    lane?.close();
  }

  wanted(): void {
    this.#pump();
  }

  drained(): void {
    this.#isBlocked = false;
    this.#pump();
  }

  banned(reason: Error): void {
    this.#lane = undefined;
    this.close();
    this.#owner.banned(reason);
  }

  begins(part: Part): boolean {
    return part === this.#parts[0] && !this.#isBlocked;
  }

  bytes(part: Part, chunk: Uint8Array): void {
    this.#deliver(part, chunk);
    if (this.#isBlocked) part.pause();
  }

  ended(): void {
    this.#pump();
  }

  #deliver(part: Part, chunk: Uint8Array): void {
    part.done += chunk.length;
    this.#reserved -= chunk.length;
    this.#rate.add(chunk.length, this.host.clock.now());
    if (this.#lane?.deliver(chunk) !== false) return;
    this.#isBlocked = true;
    this.#wasBlocked = true;
  }

  /** Whether something is under way. */
  get isBusy(): boolean {
    return this.#parts.length > 0;
  }

  /** Goes on as far as it can without an answer. */
  #pump(): void {
    do {
      this.#advance();
      this.#ask();
    } while (this.#parts[0]?.stretch.isPad && !this.#isBlocked);
    if (this.#parts.length > 0) {
      if (!this.#patience.isSet) this.#armPatience(this.host.clock.now());
      return;
    }
    this.#patience.clear();
    if (this.#lane !== undefined) this.#owner.idle();
  }

  /** Deals with the first parts while they have an outcome or need none. */
  #advance(): void {
    for (let [part] = this.#parts; part !== undefined && !this.#isBlocked; [part] = this.#parts) {
      if (part.stretch.isPad) {
        this.#deliver(part, ZEROS.subarray(0, part.left));
        if (part.left === 0 && part === this.#parts[0]) this.#parts.shift();
      } else if (part.outcome === undefined) {
        part.resume();
        return;
      } else if (part.outcome.what === "complete") {
        this.#parts.shift();
        this.#owner.succeeded();
      } else {
        this.#recover(part, part.outcome);
        return;
      }
    }
  }

  #recover(part: Part, outcome: Exclude<Part["outcome"], undefined | { what: "complete" }>): void {
    if (outcome.what === "torn" && part.gain >= BLOCK_SIZE) {
      // The rest may follow on a new connection; in order, so that none waits for one behind it.
      this.#dropAll();
    } else if (outcome.what === "lacks") {
      const run = this.#owner.lacks(part.stretch.index, outcome.error);
      this.#dropAll();
      this.#parts = [];
      this.#reserved = 0;
      this.#lane?.lacks(run);
      this.#lane?.release();
    } else {
      const wait = outcome.what === "fail" ? outcome.retryAfter : undefined;
      this.#owner.failed(outcome.error, wait);
    }
  }

  #dropAll(): void {
    for (const part of this.#parts) part.drop();
  }

  /** Fills the requests in flight. */
  #ask(): void {
    while (this.#lane !== undefined) {
      const asked = this.#parts.filter((part) => part.isAsked);
      const bytes = asked.reduce((sum, { left }) => sum + left, 0);
      const limit = bytes < SMALL_BYTES ? SMALL_REQUESTS : REQUESTS;
      if (asked.length >= (this.#isModest ? 1 : limit)) return;
      const next = this.#parts.find((part) => !part.isAsked && !part.stretch.isPad);
      if (next !== undefined) next.ask();
      else if (!this.#take(this.#lane)) return;
    }
  }

  #take(lane: BlockLane): boolean {
    const rate = this.#rate.rate(this.host.clock.now());
    const size = Math.min(MAX_TAKE, Math.max(MIN_TAKE, rate * TAKE_SECONDS));
    if (this.#reserved >= 2 * size) return false;
    const run = lane.take(size);
    if (run === undefined) return false;
    for (const stretch of this.site.plan(run)) this.#parts.push(new Part(stretch, this));
    this.#reserved += run.length;
    return true;
  }

  #armPatience(now: number): void {
    this.#totalBefore = this.#rate.total;
    this.#wasBlocked = this.#isBlocked;
    this.#patience.set(now + PATIENCE_MS);
  }

  #tryPatience(now: number): void {
    const came = this.#rate.total - this.#totalBefore;
    if (came < LEAST_BYTES && !this.#wasBlocked) {
      const message = `${this.site.url.name} sent ${came} bytes in ${PATIENCE_MS / 1000} seconds`;
      this.#owner.failed(new WebSeedError("ERR_WEBSEED_SLOW", message), undefined);
    } else {
      this.#armPatience(now);
    }
  }
}
