// Turns for questions to trackers: so many at once, so many per second, and who goes first.
import type { Alarm, Clock, Deadlines } from "@shoal/core";

/**
 * How pressing a question is, the most pressing first: good-byes, which have little time; first
 * announces and completions of downloads; first announces of seeds; all else.
 */
export type Lane = "farewell" | "download" | "seed" | "regular";

/** Ends a turn; see {@link Gate.enter}. */
export type Leave = (failure?: Error) => void;

/** What a {@link Gate} lets through. */
export interface GateLimits {
  /** Questions under way at once. */
  readonly places: number;
  /** The same for one tracker. */
  readonly placesOfOne: number;
  /** Questions to one tracker that may begin without pause, 1 or more, after a long silence. */
  readonly burst: number;
  /** Questions to one tracker per second beyond those; good-byes are not counted. */
  readonly perSecond: number;
}

/**
 * Holds back what thousands of torrents want to ask the same few trackers. Trackers take turns; at
 * each the most pressing lane goes first, and in the lanes of first announces the newest: somebody
 * waits for the torrent that was added last, not for the 5,000 that a restart brought back.
 */
export class Gate {
  readonly #limits: GateLimits;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  /** By tracker; the one served longest ago first. */
  readonly #lines = new Map<string, Line>();
  #inside = 0;

  constructor(limits: GateLimits, clock: Clock, deadlines: Deadlines) {
    this.#limits = limits;
    this.#clock = clock;
    this.#alarm = deadlines.alarm(() => this.#admit());
  }

  /**
   * Waits for a turn.
   *
   * @param tracker Any name for it.
   * @returns What ends the turn; to be called exactly once. An error given to it says that the
   *   tracker was out of reach: unless it has answered somebody since the turn began, all who wait
   *   for it are turned away with that error, for each would take its own time to find out.
   * @throws the signal's reason if it aborts first; the error of another one's turn.
   */
  enter(tracker: string, lane: Lane, signal: AbortSignal): Promise<Leave> {
    const line = this.#lines.get(tracker) ?? newLine();
    this.#lines.set(tracker, line);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        admit: () => {
          signal.removeEventListener("abort", abort);
          const begun = this.#clock.now();
          resolve((failure) => this.#leave(line, begun, failure));
        },
        refuse: (reason) => {
          signal.removeEventListener("abort", abort);
          reject(reason);
        },
      };
      const abort = (): void => {
        const lane = line.lanes.find((lane) => lane.includes(waiting));
        lane?.splice(lane.indexOf(waiting), 1);
        reject(signal.reason);
        this.#admit();
      };
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      line.lanes[LANES.indexOf(lane)]?.push(waiting);
      this.#admit();
    });
  }

  #leave(line: Line, begun: number, failure: Error | undefined): void {
    this.#inside--;
    line.inside--;
    if (failure === undefined) line.answeredAt = this.#clock.now();
    else if (line.answeredAt < begun) {
      for (const lane of line.lanes) for (const { refuse } of lane.splice(0)) refuse(failure);
    }
    this.#admit();
  }

  /** Admits whom the limits allow, one of each tracker in turn, and sets the alarm for the rest. */
  #admit(): void {
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [tracker, line] of this.#lines) {
      const paced = this.#pacedUntil(line);
      const first = this.#inside < this.#limits.places && this.#take(line, paced <= now);
      if (first) {
        // At the end of the map it is met again in this very loop, after all others.
        this.#lines.delete(tracker);
        this.#lines.set(tracker, line);
        first.admit();
      } else if (line.lanes.every((lane) => lane.length === 0)) {
        if (line.inside === 0 && line.spentUntil <= now) this.#lines.delete(tracker);
      } else if (line.inside < this.#limits.placesOfOne && paced > now) {
        next = Math.min(next, paced);
      }
    }
    if (next === Number.POSITIVE_INFINITY) this.#alarm.clear();
    else this.#alarm.set(next);
  }

  /** When the pace allows the next question to the tracker. */
  #pacedUntil(line: Line): number {
    const { burst, perSecond } = this.#limits;
    return line.spentUntil - ((burst - 1) * 1000) / perSecond;
  }

  /** Takes the next one out of the line, if there is room. */
  #take(line: Line, isInPace: boolean): Waiting | undefined {
    if (line.inside >= this.#limits.placesOfOne) return undefined;
    const [farewells, downloads, seeds, regular] = line.lanes;
    let first = farewells.shift();
    if (first === undefined && isInPace) {
      first = downloads.pop() ?? seeds.pop() ?? regular.shift();
      if (first === undefined) return undefined;
      const spent = Math.max(line.spentUntil, this.#clock.now());
      line.spentUntil = spent + 1000 / this.#limits.perSecond;
    }
    if (first === undefined) return undefined;
    line.inside++;
    this.#inside++;
    return first;
  }
}

const LANES: readonly Lane[] = ["farewell", "download", "seed", "regular"];

interface Waiting {
  readonly admit: () => void;
  readonly refuse: (reason: Error) => void;
}

/** Those who ask one tracker. */
interface Line {
  readonly lanes: readonly [Waiting[], Waiting[], Waiting[], Waiting[]];
  /** Questions under way. */
  inside: number;
  /** Ms of the clock: each question adds its share of a second to it (a leaky bucket's level). */
  spentUntil: number;
  /** When a turn last ended without failure, ms. */
  answeredAt: number;
}

function newLine(): Line {
  const never = Number.NEGATIVE_INFINITY;
  return { lanes: [[], [], [], []], inside: 0, spentUntil: never, answeredAt: never };
}
