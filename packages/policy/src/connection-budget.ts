// How many connections the session holds and how quickly it makes new ones.

/** Bounds of a {@link ConnectionBudget}; all may be changed while it works. */
export interface ConnectionLimits {
  /** Established and half-open connections of all torrents. Default 200. */
  readonly maxConnections?: number;
  /** Dials under way. Default 50. */
  readonly maxHalfOpen?: number;
  /** Connections of one torrent, its half-open ones included. Default 50. */
  readonly perTorrent?: number;
  /** New dials a second. Default 30. */
  readonly dialsPerSecond?: number;
}

/** Accepted connections may exceed the limit by so many, so that newcomers find an open door. */
const ACCEPT_SLACK = 10;

/**
 * Counts connections; every dial and every accepted connection asks here first.
 *
 * Each `tryDial` that said yes is followed by one `dialEnded`; each connection that came of it, and
 * each `tryAccept` that said yes, by one `closed`.
 */
export class ConnectionBudget {
  maxConnections: number;
  maxHalfOpen: number;
  perTorrent: number;
  dialsPerSecond: number;
  #connections = 0;
  #halfOpen = 0;
  /** Dials that may be made at once; grows with time up to one second's. */
  #dials: number;
  #refilledAt = Number.NEGATIVE_INFINITY;

  constructor(limits: ConnectionLimits = {}) {
    this.maxConnections = limits.maxConnections ?? 200;
    this.maxHalfOpen = limits.maxHalfOpen ?? 50;
    this.perTorrent = limits.perTorrent ?? 50;
    this.dialsPerSecond = limits.dialsPerSecond ?? 30;
    this.#dials = this.dialsPerSecond;
  }

  /** Established connections. */
  get connections(): number {
    return this.#connections;
  }

  /** Dials under way. */
  get halfOpen(): number {
    return this.#halfOpen;
  }

  /** Whether `tryDial` would say yes to a torrent below its own limit. */
  canDial(now: number): boolean {
    this.#refill(now);
    return (
      this.#dials >= 1 &&
      this.#halfOpen < this.maxHalfOpen &&
      this.#connections + this.#halfOpen < this.maxConnections
    );
  }

  /**
   * Allots one dial.
   *
   * @param inTorrent Connections that the torrent has, half-open ones included.
   */
  tryDial(inTorrent: number, now: number): boolean {
    if (inTorrent >= this.perTorrent || !this.canDial(now)) return false;
    this.#dials--;
    this.#halfOpen++;
    return true;
  }

  /** A dial is over: connected, failed or given up. */
  dialEnded(connected: boolean): void {
    this.#halfOpen--;
    if (connected) this.#connections++;
  }

  /** Allots a place to an accepted connection. @param inTorrent As for `tryDial`. */
  tryAccept(inTorrent: number): boolean {
    if (inTorrent >= this.perTorrent + ACCEPT_SLACK) return false;
    if (this.#connections + this.#halfOpen >= this.maxConnections + ACCEPT_SLACK) return false;
    this.#connections++;
    return true;
  }

  /** An established connection is over. */
  closed(): void {
    this.#connections--;
  }

  /** When the rate of dials allows the next one, in ms; `now` if it does already. */
  nextDial(now: number): number {
    this.#refill(now);
    if (this.#dials >= 1 || this.dialsPerSecond <= 0) return now;
    return now + ((1 - this.#dials) / this.dialsPerSecond) * 1000;
  }

  #refill(now: number): void {
    const seconds = (now - this.#refilledAt) / 1000;
    if (seconds <= 0) return;
    this.#refilledAt = now;
    this.#dials = Math.min(this.dialsPerSecond, this.#dials + seconds * this.dialsPerSecond);
  }
}

/**
 * Deals dials to torrents in turn: one each, round and round, going on after whoever was served
 * last, so that a torrent with thousands of candidates takes nothing from the others.
 */
export class DialRotation<T> {
  #last: T | undefined;

  /**
   * @param torrents Those that want peers, in a stable order.
   * @param dial Asks `budget.tryDial` and dials one peer of the torrent. False if it has none to
   *   dial or may not, which ends its part in this deal.
   */
  deal(
    torrents: readonly T[],
    budget: ConnectionBudget,
    now: number,
    dial: (to: T) => boolean,
  ): void {
    const start = this.#last === undefined ? 0 : torrents.indexOf(this.#last) + 1;
    let queue = [...torrents.slice(start), ...torrents.slice(0, start)];
    while (queue.length > 0) {
      const willing: T[] = [];
      for (const torrent of queue) {
        if (!budget.canDial(now)) return;
        if (!dial(torrent)) continue;
        this.#last = torrent;
        willing.push(torrent);
      }
      queue = willing;
    }
  }
}
