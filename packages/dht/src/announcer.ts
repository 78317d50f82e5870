// Keeps torrents announced: each in its turn, spread in time, few at once.
import { type Alarm, copyBytes, type Endpoint } from "@shoal/core";
import { searchPeers } from "./swarm-lookup.ts";
import { type DhtContext, write } from "./walk.ts";

/** How often a torrent is announced, in ms. */
const PERIOD_MS = 15 * 60_000;
/** The same torrent is not announced more often than this, whatever is asked, in ms. */
const MIN_PERIOD_MS = 60_000;
/** First pause before the next try, twice as long each time: when no node answered, in ms, … */
const UNHEARD_MS = 100;
/** … and when none took it, or a torrent that is not complete found nobody. */
const POOR_MS = 2000;
/** Time from the start of one announce to the next, whatever the number of torrents, in ms. */
const SPACING_MS = 200;
/** Announces under way at a time. */
const MAX_RUNNING = 8;

/** What to announce. */
export interface AnnounceOptions {
  /** Where the peer listens, 1–65535; 0 if nobody can connect to it: it only looks for others then. */
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
  /**
   * Announces again as soon as its turn comes, but not within a minute of the last time; from now on
   * as told here.
   */
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
      infoHash: copyBytes(infoHash),
      options,
      alarm: this.#context.deadlines.alarm((now) => this.#ring(entry, now)),
      abort: new AbortController(),
      begunAt: Number.NEGATIVE_INFINITY,
      isRunning: false,
      outcome: "unheard",
      repeats: -1,
    };
    this.#entries.add(entry);
    this.#queue(entry);
    return {
      refresh: (changes = {}) => {
        entry.options = { ...entry.options, ...changes };
        if (!this.#entries.has(entry) || this.#due.has(entry)) return;
        const now = this.#context.clock.now();
        entry.alarm.setEarlier(Math.max(now, entry.begunAt + MIN_PERIOD_MS));
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

  #ring(entry: Entry, now: number): void {
    if (entry.isRunning) entry.alarm.set(now + MIN_PERIOD_MS);
    else this.#queue(entry);
  }

  #queue(entry: Entry): void {
    this.#due.add(entry);
    if (this.#running < MAX_RUNNING) this.#turn.setEarlier(this.#lastAt + SPACING_MS);
  }

  #next(now: number): void {
    const [entry] = this.#due;
    if (entry === undefined) return;
    this.#due.delete(entry);
    this.#lastAt = now;
    this.#running++;
    entry.begunAt = now;
    entry.isRunning = true;
    void this.#run(entry).finally(() => {
      this.#running--;
      entry.isRunning = false;
      // A little apart, so that torrents added together drift away from each other.
      const jitter = 0.95 + (entry.infoHash[0] ?? 0) / 2560;
      const pause = pauseAfter(entry) * jitter;
      if (this.#entries.has(entry)) entry.alarm.setEarlier(this.#context.clock.now() + pause);
      if (this.#due.size > 0) this.#turn.setEarlier(this.#lastAt + SPACING_MS);
    });
    if (this.#due.size > 0 && this.#running < MAX_RUNNING) this.#turn.setEarlier(now + SPACING_MS);
  }

  async #run(entry: Entry): Promise<void> {
    const { infoHash, abort } = entry;
    const { port, impliedPort, seed = false } = entry.options;
    let peers = 0;
    const found = (peer: Endpoint): void => {
      // Our own earlier announce, or one who happens to have the same port.
      if (peer.port !== port) peers++;
      entry.options.found?.([peer]);
    };
    try {
      const { signal } = abort;
      const results = await searchPeers(this.#context, infoHash, { found, noSeeds: seed, signal });
      const replies = results.reduce((sum, { result }) => sum + result.replies, 0);
      const nodes = results.flatMap(({ site, result }) =>
        result.writable.map((node) => ({ site, node })),
      );
      const { stored } = await write(port === 0 ? [] : nodes, "announce_peer", () => ({
        info_hash: infoHash,
        port,
        implied_port: impliedPort === true ? 1 : 0,
        ...(seed ? { seed: 1 } : {}),
      }));
      const isPoor = (port > 0 && stored === 0) || (peers === 0 && !seed);
      note(entry, replies === 0 ? "unheard" : isPoor ? "poor" : "well");
      if (!abort.signal.aborted) entry.options.announced?.(stored);
    } catch {
      // Closed meanwhile: nothing else can go wrong here.
    }
  }
}

/** How an announce went: see the pauses above. */
type Outcome = "well" | "poor" | "unheard";

function note(entry: Entry, outcome: Outcome): void {
  entry.repeats = outcome === entry.outcome ? entry.repeats + 1 : 0;
  entry.outcome = outcome;
}

/** How long to wait for the next announce, in ms. */
function pauseAfter({ outcome, repeats }: Entry): number {
  if (outcome === "well") return PERIOD_MS;
  const first = outcome === "poor" ? POOR_MS : UNHEARD_MS;
  return Math.min(first * 2 ** repeats, PERIOD_MS);
}

interface Entry {
  readonly infoHash: Uint8Array;
  options: AnnounceOptions;
  /** Rings when it is to be announced again. */
  readonly alarm: Alarm;
  readonly abort: AbortController;
  /** When the last announce began. */
  begunAt: number;
  isRunning: boolean;
  /** Of the last announce. */
  outcome: Outcome;
  /** How often in a row it had gone so before; −1 before the first. */
  repeats: number;
}
