// One token bucket: what a rate limit has produced, and what of it is promised to whom.

/** How much an idle limit saves up, in ms of its rate. Small, as every burst breaks the rate. */
const BURST_MS = 100;

/** How long one count of the takers lasts, in ms: longer than the slowest usual tick. */
const COUNT_MS = 500;

/**
 * Counts bytes twice: `produced` by time, and `promised` to takers. A taker holds a ticket, the
 * value of `promised` after its own share; the ticket is good once as much has been produced.
 * Tickets come due in the order in which they were drawn, hence nobody starves; whoever is late
 * delays nobody.
 */
export class Bucket {
  /** Changes whenever earlier tickets lose their meaning. */
  generation = 0;
  #bytesPerMs = 0;
  #produced = 0;
  #promised = 0;
  #refilledAt = Number.NaN;
  #countedAt = Number.NEGATIVE_INFINITY;
  #takers = new Set<object>();
  #takersBefore = new Set<object>();

  get isLimited(): boolean {
    return this.#bytesPerMs > 0;
  }

  /** Bytes per second; 0 for no limit. Voids all tickets, so that no old promise delays a new rate. */
  setRate(bytesPerSecond: number): void {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.generation++;
    this.#produced = 0;
    this.#promised = 0;
    this.#refilledAt = Number.NaN;
  }

  /** Bytes that are neither taken nor promised; negative while tickets wait. */
  free(now: number): number {
    this.#refill(now);
    return this.#produced - this.#promised;
  }

  /** Promises that many bytes. @returns the ticket. */
  promise(bytes: number): number {
    this.#promised += bytes;
    return this.#promised;
  }

  /** How many bytes of the last `bytes` before a ticket have been produced: at most all of them. */
  ready(ticket: number, bytes: number, now: number): number {
    this.#refill(now);
    return Math.min(bytes, Math.floor(this.#produced - ticket + bytes));
  }

  /** When the ticket is or was good, in ms. */
  dueAt(ticket: number, now: number): number {
    this.#refill(now);
    return now + Math.max(0, ticket - this.#produced) / this.#bytesPerMs;
  }

  /** When as many bytes will be free, in ms; asking for more than is ever saved means that much. */
  freeAt(bytes: number, now: number): number {
    return this.dueAt(this.#promised + Math.min(bytes, this.#burst), now);
  }

  /** Promised bytes will not be used: produces them anew. */
  giveBack(bytes: number): void {
    this.#produced += bytes;
  }

  /** Counts a taker whose want is not met, once however often it is named. */
  count(taker: object, now: number): void {
    if (now - this.#countedAt >= COUNT_MS) {
      const cleared = this.#takersBefore;
      cleared.clear();
      this.#takersBefore = this.#takers;
      this.#takers = cleared;
      this.#countedAt = now;
    }
    this.#takers.add(taker);
  }

  /** What falls to one of the takers that were counted lately in so many ms, in bytes. */
  share(ms: number): number {
    const takers = Math.max(1, this.#takers.size, this.#takersBefore.size);
    return Math.floor((this.#bytesPerMs * ms) / takers);
  }

  get #burst(): number {
    return this.#bytesPerMs * BURST_MS;
  }

  #refill(now: number): void {
    if (now > this.#refilledAt) this.#produced += (now - this.#refilledAt) * this.#bytesPerMs;
    if (!(now <= this.#refilledAt)) this.#refilledAt = now;
    this.#produced = Math.min(this.#produced, this.#promised + this.#burst);
  }
}
