// Keeps torrents announced: each in its turn, spread in time, few at once.
import type { Alarm, Endpoint } from "@shoal/core";
import { searchPeers } from "./swarm-lookup.ts";
import { type DhtContext, write } from "./walk.ts";

/** How often a torrent is announced, in ms. */
const PERIOD_MS = 15 * 60_000;
/** Time from the start of one announce to the next, whatever the number of torrents, in ms. */
const SPACING_MS = 200;
/** Announces under way at a time. */
const MAX_RUNNING = 8;

/** What to announce. */
export interface AnnounceOptions {
  /** Where the peer listens, 1–65535. */
  readonly port: number;
  /** Nodes should take the port from which our queries come instead: behind a NAT. */
  readonly impliedPort?: boolean;
  /** The peer has everything (BEP 33). */
  readonly seed?: boolean;
  /** Peers of the torrent that were found on the way; each once per announce. */
  found?(peers: readonly Endpoint[]): void;
  /** An announce is done: how many nodes took it. */
  announced?(stored: number): void;
}

/** A torrent that is kept announced. */
export interface Announcement {
  /** Announces again as soon as its turn comes, from now on as told here. */
  refresh(changes?: { readonly seed?: boolean; readonly port?: number }): void;
  /** Stops announcing. What nodes have stored lapses by itself. */
  close(): void;
}

/** All announcements of a node. */
export class Announcer {
  readonly #context: DhtContext;
  /** Whose turn has come, in that order. */
  readonly #due = new Set<Entry>();
  readonly #entries = new Set<Entry>();
  readonly #turn: Alarm;
  #running = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(context: DhtContext) {
    this.#context = context;
    this.#turn = context.deadlines.alarm((now) => this.#next(now));
  }

  /** How many torrents are kept announced. */
  get size(): number {
    return this.#entries.size;
  }

  open(infoHash: Uint8Array, options: AnnounceOptions): Announcement {
    const entry: Entry = {
      infoHash: infoHash.slice(),
      options,
      alarm: this.#context.deadlines.alarm(() => this.#queue(entry)),
      abort: new AbortController(),
    };
    this.#entries.add(entry);
    this.#queue(entry);
    return {
      refresh: (changes = {}) => {
        entry.options = { ...entry.options, ...changes };
        if (this.#entries.has(entry)) this.#queue(entry);
      },
      close: () => this.#close(entry),
    };
  }

  /** Stops all. */
  close(): void {
    for (const entry of this.#entries) this.#close(entry);
    this.#turn.clear();
  }

  #close(entry: Entry): void {
    this.#entries.delete(entry);
    this.#due.delete(entry);
    entry.alarm.clear();
    entry.abort.abort();
  }

  #queue(entry: Entry): void {
    this.#due.add(entry);
    if (this.#running < MAX_RUNNING) this.#turn.setEarlier(this.#lastAt + SPACING_MS);
  }

  #next(now: number): void {
    for (const entry of this.#due) {
      this.#due.delete(entry);
      this.#lastAt = now;
      this.#running++;
      void this.#run(entry).finally(() => {
        this.#running--;
        if (this.#entries.has(entry)) {
          // A little apart, so that torrents added together drift away from each other.
          const jitter = 0.9 + (entry.infoHash[0] ?? 0) / 1280;
          entry.alarm.set(this.#context.clock.now() + PERIOD_MS * jitter);
        }
        if (this.#due.size > 0) this.#turn.setEarlier(this.#lastAt + SPACING_MS);
      });
      break;
    }
    if (this.#due.size > 0 && this.#running < MAX_RUNNING) this.#turn.setEarlier(now + SPACING_MS);
  }

  async #run({ infoHash, options, abort: { signal } }: Entry): Promise<void> {
    try {
      const found = (peer: Endpoint): void => options.found?.([peer]);
      const results = await searchPeers(this.#context, infoHash, { found, signal });
      const nodes = results.flatMap(({ site, result }) =>
        result.writable.map((node) => ({ site, node })),
      );
      const { port, impliedPort, seed } = options;
      const { stored } = await write(nodes, "announce_peer", () => ({
        info_hash: infoHash,
        port,
        implied_port: impliedPort === true ? 1 : 0,
        ...(seed === true ? { seed: 1 } : {}),
      }));
      if (!signal.aborted) options.announced?.(stored);
    } catch {
      // Closed meanwhile: nothing else can go wrong here.
    }
  }
}

interface Entry {
  readonly infoHash: Uint8Array;
  options: AnnounceOptions;
  /** Rings when it is to be announced again. */
  readonly alarm: Alarm;
  readonly abort: AbortController;
}
