// What we remember of the addresses that send us queries: how often, how much we answered.
import { isDialable } from "@shoal/core";

/** Most addresses remembered; the one seen longest ago makes room. */
const MAX_VISITORS = 4096;
/** Time in which a count falls to 1/e, in ms. */
const DECAY_MS = 10_000;
/** How long an address is ignored that asks too often, in ms. */
const BLOCK_MS = 300_000;
/** How long an address counts as real once it has answered us, in ms. */
const VERIFIED_MS = 600_000;
/** A visitor is asked whether it is there at most that often, in ms. */
const MEET_MS = 60_000;
/** Bytes of a reply for each byte of a query from an address that may be forged. */
const AMPLIFICATION = 5;
/** Bytes beyond that which an address may be sent in ten seconds or so. */
const ALLOWANCE = 4096;

/** The place of an address among the visitors, good until the next one is admitted or verified. */
export type Visitor = number;

/**
 * Limits what one address can make us do. A visitor takes some 50 bytes and its address, and the
 * table grows with their number, for ten thousand nodes may live in one process.
 */
export class Visitors {
  /** Places by address; once there are many, the one seen longest ago first. */
  readonly #places = new Map<string, Visitor>();
  readonly #perSecond: number;
  /** {@link FIELDS} numbers a visitor. */
  #cells: Float64Array = new Float64Array(16 * FIELDS);
  #lastAddress: string | undefined;
  #last = 0;

  /** @param perSecond Queries that an address may send, on the average of ten seconds. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#places.size;
  }

  /** Counts a query; `undefined` if the address is none, or asks too often: no answer. */
  admit(address: string, now: number): Visitor | undefined {
    if (!isDialable(address)) return undefined;
    const visitor = this.#visitor(address, now);
    if (now < this.#get(visitor, BLOCKED_UNTIL)) return undefined;
    const queries = this.#get(visitor, QUERIES) + 1;
    this.#set(visitor, QUERIES, queries);
    if (queries <= (this.#perSecond * DECAY_MS) / 1000) return visitor;
    this.#set(visitor, BLOCKED_UNTIL, now + BLOCK_MS);
    return undefined;
  }

  /** The address has shown that it receives what is sent to it. */
  verified(address: string, now: number): void {
    this.#set(this.#visitor(address, now), VERIFIED_UNTIL, now + VERIFIED_MS);
  }

  /** How many bytes may answer a query of so many bytes, so that we amplify no forger's attack. */
  budget(visitor: Visitor, queryBytes: number, now: number): number {
    if (now < this.#get(visitor, VERIFIED_UNTIL)) return Number.POSITIVE_INFINITY;
    return Math.max(AMPLIFICATION * queryBytes, ALLOWANCE - this.#get(visitor, EXCESS));
  }

  /** Counts what an answer had beyond the bound. */
  spend(visitor: Visitor, queryBytes: number, replyBytes: number): void {
    const beyond = replyBytes - AMPLIFICATION * queryBytes;
    if (beyond > 0) this.#set(visitor, EXCESS, this.#get(visitor, EXCESS) + beyond);
  }

  /** Whether it is time to ask the visitor in turn whether it is there. */
  mayMeet(visitor: Visitor, now: number): boolean {
    if (now < this.#get(visitor, MET_AT) + MEET_MS) return false;
    this.#set(visitor, MET_AT, now);
    return true;
  }

  #visitor(address: string, now: number): Visitor {
    const known =
      this.#lastAddress === address ? this.#last : (this.#places.get(address) ?? UNKNOWN);
    const visitor = known === UNKNOWN ? this.#enter(address, now) : known;
    const sinceMs = now - this.#get(visitor, SEEN_AT);
    if (sinceMs > 1000) {
      const kept = Math.exp(-sinceMs / DECAY_MS);
      this.#set(visitor, QUERIES, kept * this.#get(visitor, QUERIES));
      this.#set(visitor, EXCESS, kept * this.#get(visitor, EXCESS));
      this.#set(visitor, SEEN_AT, now);
      // The order matters only when somebody will soon have to make room.
      if (this.#places.size > MAX_VISITORS / 2) {
        this.#places.delete(address);
        this.#places.set(address, visitor);
      }
    }
    this.#lastAddress = address;
    this.#last = visitor;
    return visitor;
  }

  #enter(address: string, now: number): Visitor {
    const visitor = this.#places.size < MAX_VISITORS ? this.#places.size : this.#forgetOldest();
    if (visitor * FIELDS >= this.#cells.length) {
      const larger = new Float64Array(2 * this.#cells.length);
      larger.set(this.#cells);
      this.#cells = larger;
    }
    this.#places.set(address, visitor);
    const at = visitor * FIELDS;
    this.#cells.fill(0, at, at + FIELDS);
    this.#set(visitor, MET_AT, Number.NEGATIVE_INFINITY);
    this.#set(visitor, BLOCKED_UNTIL, Number.NEGATIVE_INFINITY);
    this.#set(visitor, VERIFIED_UNTIL, Number.NEGATIVE_INFINITY);
    this.#set(visitor, SEEN_AT, now);
    return visitor;
  }

  #forgetOldest(): Visitor {
    for (const [address, visitor] of this.#places) {
      this.#places.delete(address);
      return visitor;
    }
    return 0;
  }

  #get(visitor: Visitor, field: number): number {
    return this.#cells[visitor * FIELDS + field] ?? 0;
  }

  #set(visitor: Visitor, field: number, value: number): void {
    this.#cells[visitor * FIELDS + field] = value;
  }
}

const UNKNOWN = -1;

/** What is known of a visitor: decayed counts, and times in ms. */
const QUERIES = 0;
const EXCESS = 1;
const SEEN_AT = 2;
const MET_AT = 3;
const BLOCKED_UNTIL = 4;
const VERIFIED_UNTIL = 5;
const FIELDS = 6;
