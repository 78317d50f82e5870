// The senders of a torrent that are no peers: its block sources' feeds and their lanes.
import {
  type Alarm,
  asError,
  type BlockFacts,
  type BlockFeed,
  type BlockLane,
  type BlockLaneHandler,
} from "@shoal/core";
import type { Metainfo } from "@shoal/metainfo";
import { PeerError } from "@shoal/peer";
import type { RateLimit } from "@shoal/policy";
import type { TorrentHost } from "./host.ts";
import { Lane, type LaneHost } from "./lane.ts";
import type { Transfer } from "./transfer.ts";

/** Lanes over a rate limit are looked at so often, in ms. */
const RATE_TICK_MS = 50;

/** Slots of peers are below. */
const FIRST_SLOT = 2 ** 30;

/** What the lanes ask of their torrent, and tell it. */
export interface LanesHost {
  /** URLs of BEP 19 web seeds besides those of the metainfo. */
  readonly webSeeds: readonly string[];
  /** A number that neither a connection nor a lane has. */
  freeId(): number;
  banned(name: string, reason: string): void;
  warn(error: Error): void;
}

/** The block sources of one torrent at work. */
export class Lanes {
  readonly #session: TorrentHost;
  readonly #host: LanesHost;
  readonly #downloadLimit: RateLimit;
  readonly #lanes: Map<number, Lane> = new Map();
  readonly #rateTick: Alarm;
  #feeds: BlockFeed[] = [];
  #nextSlot = FIRST_SLOT;
  #isWaking = false;

  constructor(session: TorrentHost, downloadLimit: RateLimit, host: LanesHost) {
    this.#session = session;
    this.#host = host;
    this.#downloadLimit = downloadLimit;
    this.#rateTick = session.deadlines.alarm((now) => {
      let owes = false;
      for (const lane of this.#lanes.values()) {
        lane.payDebt();
        owes ||= lane.debt > 0;
      }
      if (owes) this.#rateTick.set(now + RATE_TICK_MS);
    });
  }

  /** The lane with this id. */
  get(id: number): Lane | undefined {
    return this.#lanes.get(id);
  }

  get size(): number {
    return this.#lanes.size;
  }

  /** Starts every source, unless that is done. */
  open(metainfo: Metainfo, transfer: Transfer): void {
    if (this.#feeds.length > 0) return;
    for (const source of this.#session.blockSources) {
      try {
        const feed = source.open(this.#facts(metainfo, transfer));
        if (feed !== undefined) this.#feeds.push(feed);
      } catch (error) {
        this.#host.warn(asError(error));
      }
    }
  }

  close(): void {
    const feeds = this.#feeds;
    this.#feeds = [];
    for (const feed of feeds) feed.close();
    for (const lane of this.#lanes.values()) lane.close();
    this.#rateTick.clear();
  }

  /** Blocks can be asked for that could not before. */
  wake(): void {
    if (this.#isWaking || this.#lanes.size === 0) return;
    this.#isWaking = true;
    this.#session.defer(() => {
      this.#isWaking = false;
      for (const lane of this.#lanes.values()) lane.wake();
    });
  }

  /** The disk keeps up again. */
  drain(): void {
    for (const lane of this.#lanes.values()) lane.drain();
  }

  /** Bans a lane. @returns whether the slot is one's. */
  ban(slot: number, reason: string): boolean {
    if (slot < FIRST_SLOT) return false;
    const lane = this.#bySlot(slot);
    if (lane !== undefined) {
      lane.ban(new PeerError("ERR_PEER_BAD_DATA", reason));
      this.#host.banned(lane.name, reason);
    }
    return true;
  }

  /** It took part in a piece that failed. @returns whether it did too often. */
  suspect(slot: number): boolean {
    return this.#bySlot(slot)?.trust.suspect() ?? false;
  }

  /** It took part in a piece that passed. */
  credit(slot: number): void {
    this.#bySlot(slot)?.trust.credit();
  }

  #bySlot(slot: number): Lane | undefined {
    if (slot < FIRST_SLOT) return undefined;
    for (const lane of this.#lanes.values()) if (lane.slot === slot) return lane;
    return undefined;
  }

  #facts(metainfo: Metainfo, transfer: Transfer): BlockFacts {
    const { infoHashes, infoBytes, geometry, files, isSingleFile, webSeeds, httpSeeds } = metainfo;
    return {
      infoHash: infoHashes.v1 ?? new Uint8Array(20),
      infoBytes,
      geometry,
      files,
      isSingleFile,
      webSeeds: [...new Set([...this.#host.webSeeds, ...webSeeds])],
      httpSeeds,
      openLane: (name, handler) => this.#openLane(name, handler, transfer),
      warn: (error) => this.#host.warn(error),
    };
  }

  #openLane(name: string, handler: BlockLaneHandler, transfer: Transfer): BlockLane {
    const session = this.#session;
    const host: LaneHost = {
      transfer,
      get isCongested() {
        return session.disk.congested;
      },
      now: () => session.clock.now(),
      rateLimited: () => this.#rateTick.setEarlier(session.clock.now() + RATE_TICK_MS),
      closed: ({ id }) => this.#lanes.delete(id),
    };
    const ids = { id: this.#host.freeId(), slot: this.#nextSlot++, name };
    const lane = new Lane(ids, this.#downloadLimit, host, handler);
    this.#lanes.set(lane.id, lane);
    return lane;
  }
}
