// Time that passes only from one event to the next.
import { type Clock, Deadlines } from "@shoal/core";

/** A clock and the deadlines that move it. */
export class VirtualTime implements Clock {
  readonly deadlines: Deadlines = new Deadlines();
  readonly #turns: (() => void)[] = [];
  #now = 0;

  /** ms since the beginning. */
  now(): number {
    return this.#now;
  }

  /** Calls `turn` before time goes on, in an event of its own. */
  defer(turn: () => void): void {
    this.#turns.push(turn);
  }

  /** When the next event is due, if one is. */
  next(): number | undefined {
    return this.#turns.length > 0 ? this.#now : this.deadlines.nextDeadline();
  }

  /** Runs the next event: everything that is due at the earliest time there is. */
  step(): void {
    const turn = this.#turns.shift();
    if (turn !== undefined) {
      turn();
      return;
    }
    this.#now = Math.max(this.#now, this.deadlines.nextDeadline() ?? this.#now);
    this.deadlines.advance(this.#now);
  }

  /** Lets time pass; nothing may be due before. */
  skipTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }
}
