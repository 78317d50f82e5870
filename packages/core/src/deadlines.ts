// One heap of deadlines that drives everything that waits; an idle part costs nothing.
import type { Machine } from "./seams.ts";

/**
 * All the alarms of an engine. Production drives it with a single timer, the simulator with
 * virtual time: ask `nextDeadline()`, wait, call `advance(now)`.
 */
export class Deadlines implements Machine {
  /** Called when `nextDeadline()` became earlier, so that a driver can re-arm its timer. */
  onEarlier: (() => void) | undefined;
  readonly #heap: Alarm[] = [];
  readonly #earlier = (): void => this.onEarlier?.();

  /**
   * A reusable alarm. Make one for each thing that waits and set it as often as needed: setting
   * allocates nothing.
   *
   * @param ring Called from `advance`, once for each time that the alarm was set and came due. It
   *   must not throw.
   */
  alarm(ring: (now: number) => void): Alarm {
    return new Alarm(ring, this.#heap, this.#earlier);
  }

  /** How many alarms are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest alarm's time, in ms of the host's monotonic clock. */
  nextDeadline(): number | undefined {
    return this.#heap[0]?.at;
  }

  /**
   * Rings every alarm due at `now`, earliest first, but for those that one ringing before them
   * clears or sets anew. An alarm that is set while others ring rings at the next call even if it is
   * due already, so that no alarm can hold the loop.
   */
  advance(now: number): void {
    const due: Alarm[] = [];
    for (let first = this.#heap[0]; first && first.at <= now; first = this.#heap[0]) {
      first.fallDue();
      due.push(first);
    }
    for (const alarm of due) alarm.ringIfDue(now);
  }
}

/** One thing's deadline; see {@link Deadlines.alarm}. */
export class Alarm {
  readonly ring: (now: number) => void;
  readonly #heap: Alarm[];
  readonly #onEarlier: () => void;
  #at = Number.POSITIVE_INFINITY;
  /** Place in the heap, −1 when not in it. */
  #place = -1;
  /** Taken from the heap to ring in the current `advance`. */
  #due = false;
  #order = 0;

  /** Use {@link Deadlines.alarm}. */
  constructor(ring: (now: number) => void, heap: Alarm[], onEarlier: () => void) {
    this.ring = ring;
    this.#heap = heap;
    this.#onEarlier = onEarlier;
  }

  /** Whether it is going to ring. */
  get isSet(): boolean {
    return this.#place >= 0 || this.#due;
  }

  /** When it rings, in ms of the host's clock; `Infinity` when not set. */
  get at(): number {
    return this.#at;
  }

  /** Sets or moves the alarm. Alarms of the same time ring in the order of setting. */
  set(at: number): void {
    const earliest = this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
    this.#due = false;
    this.#at = at;
    this.#order = nextOrder++;
    if (this.#place < 0) {
      this.#place = this.#heap.length;
      this.#heap.push(this);
    }
    this.#up();
    this.#down();
    if (at < earliest) this.#onEarlier();
  }

  /** Sets the alarm unless it would ring earlier anyway. */
  setEarlier(at: number): void {
    if (at < this.#at) this.set(at);
  }

  clear(): void {
    this.#due = false;
    this.#at = Number.POSITIVE_INFINITY;
    this.#leave();
  }

  /** @internal Leaves the heap, to ring in this `advance` unless it is cleared or set before. */
  fallDue(): void {
    this.#leave();
    this.#due = true;
  }

  /** @internal */
  ringIfDue(now: number): void {
    if (!this.#due) return;
    this.clear();
    this.ring(now);
  }

  #leave(): void {
    if (this.#place < 0) return;
    const last = this.#heap.pop();
    const place = this.#place;
    this.#place = -1;
    if (last === undefined || last === this) return;
    this.#heap[place] = last;
    last.#place = place;
    last.#up();
    last.#down();
  }

  #before(other: Alarm): boolean {
    return this.#at < other.#at || (this.#at === other.#at && this.#order < other.#order);
  }

  #up(): void {
    for (let parent = this.#heap[(this.#place - 1) >> 1]; parent; ) {
      if (this.#place === 0 || !this.#before(parent)) return;
      this.#swap(parent);
      parent = this.#heap[(this.#place - 1) >> 1];
    }
  }

  #down(): void {
    for (;;) {
      const left = this.#heap[2 * this.#place + 1];
      const right = this.#heap[2 * this.#place + 2];
      const child = right && left && right.#before(left) ? right : left;
      if (child === undefined || !child.#before(this)) return;
      this.#swap(child);
    }
  }

  #swap(other: Alarm): void {
    const place = this.#place;
    this.#place = other.#place;
    other.#place = place;
    this.#heap[this.#place] = this;
    this.#heap[place] = other;
  }
}

let nextOrder = 0;
