// Who may try now: attempts share a few places in turns, so that no claim keeps the others waiting.
import type { Attempt } from "./attempt.ts";

/** Ms that a place is kept at least, in the first turn. */
const FIRST_TURN = 20_000;
/** A turn is at most this much, in ms, and the time that the size takes at `SLOWEST`. */
const LONGEST_TURN = 60_000;
/** Bytes per ms with which a dictionary is sure to come through its turn: 16 KiB/s. */
const SLOWEST = 16.384;
/** Ms after which those that wait go by the time they have waited, before by how many support them. */
const PATIENCE = 30_000;

/**
 * A number of places for attempts: an attempt is open while it has one. So memory is bounded by the
 * places and the largest size.
 */
export class Lane<Source> {
  readonly #places: number;
  readonly #turns = new Map<Attempt<Source>, Turn>();
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** The attempt at this size, of one source alone or of all. */
  find(size: number, only: Source | undefined): Attempt<Source> | undefined {
    for (const attempt of this.#turns.keys()) {
      if (attempt.size === size && attempt.only === only) return attempt;
    }
    return undefined;
  }

  /** Lets an attempt wait for a place. */
  add(attempt: Attempt<Source>, now: number): void {
    this.#turns.set(attempt, { count: 0, since: now, until: undefined });
  }

  /** Takes an attempt away, and what it holds. */
  remove(attempt: Attempt<Source>): void {
    this.#leave(attempt);
    this.#turns.delete(attempt);
  }

  /**
   * Gives places to those that wait. If there are none left, attempts that nobody supports any more
   * and those whose turn is over make room; each of their next turns is twice as long.
   */
  schedule(now: number): void {
    for (let next = this.#next(now); next !== undefined; next = this.#next(now)) {
      if (this.#taken === this.#places) {
        const last = this.#overdue(now);
        if (last === undefined) return;
        if (last.supporters.size === 0) this.remove(last);
        else this.#park(last, now);
      }
      this.#admit(next, now);
    }
  }

  /** Removes all. */
  clear(): void {
    for (const attempt of this.#turns.keys()) this.remove(attempt);
  }

  #next(now: number): Attempt<Source> | undefined {
    let best: Attempt<Source> | undefined;
    let most = Number.NEGATIVE_INFINITY;
    for (const [attempt, { since, until }] of this.#turns) {
      if (until !== undefined || attempt.supporters.size === 0) continue;
      const waited = now - since;
      // More than any number of supporters: the impatient come first, the longest waiting at the top.
      const worth = waited >= PATIENCE ? waited * IMPATIENCE : attempt.supporters.size;
      if (worth <= most) continue;
      best = attempt;
      most = worth;
    }
    return best;
  }

  /** The attempt with a place that should give it up first. */
  #overdue(now: number): Attempt<Source> | undefined {
    let best: Attempt<Source> | undefined;
    let earliest = now;
    for (const [attempt, { until }] of this.#turns) {
      if (until === undefined) continue;
      const end = attempt.supporters.size === 0 ? 0 : until;
      if (end > earliest || (end === earliest && best !== undefined)) continue;
      best = attempt;
      earliest = end;
    }
    return best;
  }

  #admit(attempt: Attempt<Source>, now: number): void {
    const turn = this.#turns.get(attempt);
    if (turn === undefined) return;
    const longest = LONGEST_TURN + attempt.size / SLOWEST;
    turn.until = now + Math.min(longest, FIRST_TURN * 2 ** turn.count);
    turn.count++;
    this.#taken++;
    attempt.open();
  }

  #park(attempt: Attempt<Source>, now: number): void {
    this.#leave(attempt);
    const turn = this.#turns.get(attempt);
    if (turn !== undefined) turn.since = now;
  }

  #leave(attempt: Attempt<Source>): void {
    const turn = this.#turns.get(attempt);
    if (turn?.until !== undefined) this.#taken--;
    if (turn !== undefined) turn.until = undefined;
    attempt.close();
  }
}

const IMPATIENCE = 1000;

interface Turn {
  /** Turns it has had, this one included. */
  count: number;
  /** Since when it waits, in ms. */
  since: number;
  /** The end of its turn, in ms; `undefined` while it waits. */
  until: number | undefined;
}
