// The web seeds of one torrent: a few at work, the others in reserve.
import type { BlockFeed } from "@shoal/core";
import type { Seed } from "./seed.ts";

/** Seeds of one torrent at work at a time, but for those that could only do nothing. */
const MAX_WORKING = 4;

/** See the head of this file. */
export class Feed implements BlockFeed {
  readonly #closed: () => void;
  #seeds: readonly Seed[] = [];
  #isFilling = false;

  /** @param closed Called once, by `close`. */
  constructor(closed: () => void) {
    this.#closed = closed;
  }

  /** Sets to work those of `seeds` that come first. */
  begin(seeds: readonly Seed[]): void {
    this.#seeds = seeds;
    this.changed();
  }

  /** A seed has stopped, is idle, or waits: starts others in its place. */
  changed(): void {
    // A seed that can't start says so at once.
    if (this.#isFilling) return;
    this.#isFilling = true;
    for (const seed of this.#seeds) {
      if (this.#seeds.filter(({ holdsPlace }) => holdsPlace).length >= MAX_WORKING) break;
      if (seed.state === "waiting") seed.start();
    }
    this.#isFilling = false;
  }

  close(): void {
    const seeds = this.#seeds;
    this.#seeds = [];
    for (const seed of seeds) seed.close();
    this.#closed();
  }
}
