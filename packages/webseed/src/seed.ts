// One web seed of one torrent: at work, at rest after failures, or gone for good.
import type { Alarm, BlockFacts, ByteRun } from "@shoal/core";
import { WebSeedError } from "./error.ts";
import type { WebSeedHost } from "./host.ts";
import type { Penalties } from "./penalties.ts";
import type { Site } from "./site.ts";
import { Transfer, type TransferOwner } from "./transfer.ts";

/** What a seed is doing: see STATE.md. */
export type SeedState = "waiting" | "working" | "resting" | "dead";

/** What a seed shares with all others. */
export interface SeedHost extends WebSeedHost {
  readonly penalties: Penalties;
}

/** What a seed tells its feed. */
export interface SeedOwner {
  /** It has stopped working, has nothing to do, or may be started. */
  changed(): void;
  /** Its data was wrong: never to be used again. */
  banned(site: Site): void;
}

/** So long a server is left alone that has none of the files, in ms. */
const EMPTY_REST_MS = 30 * 60_000;
/** A server that lacks so many files in a row is taken to have none. */
const MAX_LACKS = 20;

/** See the head of this file. */
export class Seed implements TransferOwner {
  readonly #host: SeedHost;
  readonly #torrent: BlockFacts;
  readonly #site: Site;
  readonly #owner: SeedOwner;
  readonly #rest: Alarm;
  #state: SeedState = "waiting";
  #transfer: Transfer | undefined;
  /** Stretches of the torrent that the server was found to lack. */
  #lacking: ByteRun[] = [];
  #lacksInARow = 0;
  #isModest = false;

  constructor(host: SeedHost, torrent: BlockFacts, site: Site, owner: SeedOwner) {
    this.#host = host;
    this.#torrent = torrent;
    this.#site = site;
    this.#owner = owner;
    this.#rest = host.deadlines.alarm(() => {
      this.#state = "waiting";
      owner.changed();
    });
  }

  get state(): SeedState {
    return this.#state;
  }

  /** Whether it does what others can't do in its place; one that lacks files leaves them to others. */
  get holdsPlace(): boolean {
    if (this.#state !== "working") return false;
    return this.#lacking.length === 0 || this.#transfer?.isBusy !== false;
  }

  /** Sets a waiting seed to work, or to rest if its host has a penalty. */
  start(): void {
    const until = this.#host.penalties.until(this.#site.url.host);
    if (until > this.#host.clock.now()) {
      this.#restUntil(until);
      return;
    }
    this.#state = "working";
    const transfer = new Transfer(this.#host, this.#site, this, this.#isModest);
    const lane = this.#torrent.openLane(this.#site.url.name, transfer);
    for (const run of this.#lacking) lane.lacks(run);
    this.#transfer = transfer;
    transfer.begin(lane);
  }

  /** Ends it for good. */
  close(): void {
    this.#state = "dead";
    this.#rest.clear();
    this.#stop();
  }

  succeeded(): void {
    this.#lacksInARow = 0;
    this.#host.penalties.clear(this.#site.url.host);
  }

  idle(): void {
    if (this.#lacking.length > 0) this.#owner.changed();
  }

  lacks(index: number, error: WebSeedError): ByteRun {
    const { offset = 0, length = 0 } = this.#torrent.files[index] ?? {};
    const run = { offset, length };
    this.#lacking.push(run);
    this.#torrent.warn(error);
    if (++this.#lacksInARow === MAX_LACKS || this.#lacksAll()) {
      // By then it may have been mended.
      this.#lacking = [];
      this.#lacksInARow = 0;
      this.#stop();
      const { name } = this.#site.url;
      this.#torrent.warn(new WebSeedError("ERR_WEBSEED_EMPTY", `${name} has none of the files`));
      this.#restUntil(this.#host.clock.now() + EMPTY_REST_MS);
    }
    return run;
  }

  failed(error: WebSeedError, retryAfter: number | undefined): void {
    const { clock, penalties } = this.#host;
    this.#stop();
    // Perhaps it was too much for the server.
    this.#isModest ||= error.code === "ERR_WEBSEED_STATUS";
    this.#torrent.warn(error);
    this.#restUntil(penalties.fail(this.#site.url.host, clock.now(), retryAfter));
  }

  banned(reason: Error): void {
    this.close();
    this.#owner.banned(this.#site);
    const message = `${this.#site.url.name} sent data that is not the torrent's: ${reason.message}`;
    this.#torrent.warn(new WebSeedError("ERR_WEBSEED_BANNED", message, { cause: reason }));
    this.#owner.changed();
  }

  #lacksAll(): boolean {
    return this.#torrent.files.every(
      ({ pad, length, offset }) =>
        pad || length === 0 || this.#lacking.some((run) => run.offset === offset),
    );
  }

  #stop(): void {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    transfer?.close();
  }

  #restUntil(until: number): void {
    this.#state = "resting";
    this.#rest.set(until);
    this.#owner.changed();
  }
}
