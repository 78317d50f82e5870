// How fast: rate limits in a tree, shared fairly by everybody below.
import { Bucket } from "./bucket.ts";

/** What a taker was granted and leaves unused lapses after so many ms. */
const LAPSE_MS = 1000;

/** Who queues again within so many ms wants more than it gets. */
const HUNGRY_MS = 500;

/** What is granted at a time where the limit is low: whole blocks in turn, not crumbs for everybody. */
const BLOCK = 16_384;

/** Shares down to this are granted as they are; smaller ones become whole blocks, less often. */
const SMALLEST_SHARE = BLOCK / 4;

/** Nearly every connection and torrent has no limit of its own: one bucket for all that have none. */
const UNLIMITED = new Bucket();

/** What a {@link RateLimit} is made of. */
export interface RateLimitInit {
  /** See {@link RateLimit.limit}; unlimited when left out. */
  readonly bytesPerSecond?: number | undefined;
  /** The limit that this one's traffic counts against as well. */
  readonly parent?: RateLimit | undefined;
}

/**
 * A limit on bytes per second in one direction, and at the same time one taker of its parent's.
 *
 * Build session → torrent → connection, once for downloads and once for uploads. Every connection
 * has a node of its own, mostly without a limit: it is by their nodes that takers are told apart
 * and served in turn. One whose want was not met holds a place in the queue of the limit that
 * lacked: it asks again every 50–100 ms, or at {@link nextGrant}. If it never does, the
 * place lapses and delays nobody.
 */
export class RateLimit {
  readonly #parent: RateLimit | undefined;
  /** Its own from when it is first given a limit. */
  #bucket = UNLIMITED;
  #limit = Number.POSITIVE_INFINITY;
  /** When it last queued, in ms. */
  #bookedAt = Number.NEGATIVE_INFINITY;
  /** Bytes that every limit has paid out and nobody has used yet. */
  #credit = 0;
  /** When the credit lapses, in ms. */
  #creditUntil = 0;
  /** Bytes of the place in a queue; 0 for none. */
  #booked = 0;
  /** The node in whose queue the place is; the nodes below it have paid out. */
  #queue: RateLimit = this;
  #ticket = 0;
  #generation = 0;
  /** When the ticket comes due, in ms. */
  #dueAt = 0;

  /** @throws RangeError as `limit` does. */
  constructor({ bytesPerSecond = Number.POSITIVE_INFINITY, parent }: RateLimitInit = {}) {
    this.#parent = parent;
    this.limit = bytesPerSecond;
  }

  /** Bytes per second; `Infinity` for no limit of its own. May be set at any time. */
  get limit(): number {
    return this.#limit;
  }

  /** @throws RangeError unless ≥ 0; 0 means no limit. */
  set limit(bytesPerSecond: number) {
    if (!(bytesPerSecond >= 0)) {
      throw new RangeError(`a rate limit must be ≥ 0 bytes per second, not ${bytesPerSecond}`);
    }
    const limit = bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : bytesPerSecond;
    if (limit === this.#limit) return;
    this.#limit = limit;
    if (this.#bucket === UNLIMITED) this.#bucket = new Bucket();
    this.#bucket.setRate(limit === Number.POSITIVE_INFINITY ? 0 : limit);
  }

  /** Neither this node nor any above it has a limit: nothing needs to be asked. */
  get isUnlimited(): boolean {
    return this.#firstLimited() === undefined;
  }

  /**
   * Takes quota here and from every node above.
   *
   * What is not granted is queued for, up to a fair share: the next calls find it granted.
   *
   * @param wanted Bytes, a whole number.
   * @returns how many of them may be sent or received now: 0…wanted.
   */
  take(wanted: number, now: number): number {
    const first = this.#firstLimited();
    if (first === undefined) {
      this.#booked = 0;
      this.#credit = 0;
      return wanted;
    }
    if (wanted <= 0) return 0;
    this.#collect(now);
    let granted = this.#spend(wanted);
    if (granted === wanted || this.#booked > 0) return granted;
    granted += this.#takeFree(first, wanted - granted, now);
    if (granted === wanted) return granted;
    this.#book(first, wanted - granted, now);
    this.#collect(now);
    return granted + this.#spend(wanted - granted);
  }

  /** Returns quota that was taken and not used: a cancelled request, a lost connection. */
  giveBack(bytes: number): void {
    for (let node = this.#firstLimited(); node; node = node.#nextLimited()) {
      node.#bucket.giveBack(bytes);
    }
  }

  /** Leaves the queue and returns what is unused. Call it when the connection ends. */
  cancel(): void {
    this.giveBack(this.#credit);
    this.#credit = 0;
    if (this.#booked === 0) return;
    for (let node = this.#firstLimited(); node; node = node.#nextLimited()) {
      const isStale = node === this.#queue && node.#bucket.generation !== this.#generation;
      if (!isStale) node.#bucket.giveBack(this.#booked);
      if (node === this.#queue) break;
    }
    this.#booked = 0;
  }

  /**
   * When it is worth asking again, in ms of the host's clock; `now` if it is already. A limit
   * further up may still say no then: it has its own queue, and this says when to ask next.
   */
  nextGrant(now: number): number {
    if (this.#booked > 0) {
      const bucket = this.#queue.#bucket;
      const isHeld = bucket.isLimited && bucket.generation === this.#generation;
      return isHeld ? bucket.dueAt(this.#ticket, now) : now;
    }
    if (this.#credit > 0) return now;
    let at = now;
    for (let node = this.#firstLimited(); node; node = node.#nextLimited()) {
      at = Math.max(at, node.#bucket.freeAt(BLOCK, now));
    }
    return at;
  }

  #firstLimited(): RateLimit | undefined {
    return this.#bucket.isLimited ? this : this.#nextLimited();
  }

  #nextLimited(): RateLimit | undefined {
    let node = this.#parent;
    while (node !== undefined && !node.#bucket.isLimited) node = node.#parent;
    return node;
  }

  /** Takes what nobody is promised, if it is a unit or all that is wanted. */
  #takeFree(first: RateLimit, wanted: number, now: number): number {
    let free = wanted;
    for (let node: RateLimit | undefined = first; node; node = node.#nextLimited()) {
      free = Math.min(free, Math.floor(node.#bucket.free(now)));
    }
    if (free < Math.min(wanted, BLOCK)) return 0;
    for (let node: RateLimit | undefined = first; node; node = node.#nextLimited()) {
      node.#bucket.promise(free);
    }
    return free;
  }

  /**
   * Queues at the lowest limit; those above are queued for once it has paid out.
   *
   * Whoever stays hungry gets what falls to it in the time since it last queued. So it makes no
   * difference in which order takers ask, nor how often.
   */
  #book(first: RateLimit, wanted: number, now: number): void {
    const ms = now - this.#bookedAt;
    let share = ms > HUNGRY_MS ? 0 : Number.POSITIVE_INFINITY;
    for (let node: RateLimit | undefined = first; node; node = node.#nextLimited()) {
      share = Math.min(share, node.#bucket.share(ms));
    }
    this.#booked = share < SMALLEST_SHARE ? Math.min(wanted, BLOCK) : share;
    this.#bookedAt = now;
    this.#queueAt(first, now);
  }

  #queueAt(node: RateLimit, now: number): void {
    this.#queue = node;
    node.#bucket.count(this, now);
    this.#generation = node.#bucket.generation;
    this.#ticket = node.#bucket.promise(this.#booked);
    this.#dueAt = node.#bucket.dueAt(this.#ticket, now);
  }

  /** Turns what has come due into credit, and lets lapse what is not used. */
  #collect(now: number): void {
    if (now > this.#creditUntil) this.#credit = 0;
    while (this.#booked > 0) {
      const bucket = this.#queue.#bucket;
      if (bucket.isLimited) {
        if (bucket.generation !== this.#generation) {
          this.cancel();
          return;
        }
        // Not given back: it was time to use it then, and now it would come on top of the rate.
        if (now > this.#dueAt + LAPSE_MS) {
          this.#booked = 0;
          return;
        }
      }
      const next = this.#queue.#nextLimited();
      const ready = bucket.isLimited ? bucket.ready(this.#ticket, this.#booked, now) : this.#booked;
      if (ready < this.#booked) {
        // A large share is paid out as it is produced, so that the rate is smooth.
        if (next === undefined && ready >= SMALLEST_SHARE && this.#booked > BLOCK) {
          this.#payOut(ready, now);
        }
        return;
      }
      if (next === undefined) this.#payOut(ready, now);
      else this.#queueAt(next, now);
    }
  }

  #payOut(bytes: number, now: number): void {
    this.#booked -= bytes;
    this.#credit += bytes;
    this.#creditUntil = now + LAPSE_MS;
  }

  #spend(wanted: number): number {
    const spent = Math.min(wanted, this.#credit);
    this.#credit -= spent;
    return spent;
  }
}
