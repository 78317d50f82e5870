// What we remember of the addresses that send us queries: how often, how much we answered.

import { isDialable, parseIp } from "@shoal/core";

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

/** Limits what one address can make us do. Constant memory. */
export class Visitors {
  readonly #visitors = new Map<string, Visitor>();
  readonly #perSecond: number;
  #last: Visitor = newVisitor("", 0);

  /** @param perSecond Queries that an address may send, on the average of ten seconds. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#visitors.size;
  }

  /** Counts a query; `undefined` if the address is none, or asks too often: no answer. */
  admit(address: string, now: number): Visitor | undefined {
    const visitor = this.#visitor(address, now);
    if (now < visitor.blockedUntil || !visitor.isDialable) return undefined;
    visitor.queries++;
    if (visitor.queries <= (this.#perSecond * DECAY_MS) / 1000) return visitor;
    visitor.blockedUntil = now + BLOCK_MS;
    return undefined;
  }

  /** The address has shown that it receives what is sent to it. */
  verified(address: string, now: number): void {
    this.#visitor(address, now).verifiedUntil = now + VERIFIED_MS;
  }

  /** How many bytes may answer a query of so many bytes, so that we amplify no forger's attack. */
  budget(visitor: Visitor, queryBytes: number, now: number): number {
    if (now < visitor.verifiedUntil) return Number.POSITIVE_INFINITY;
    return Math.max(AMPLIFICATION * queryBytes, ALLOWANCE - visitor.excess);
  }

  /** Counts what an answer had beyond the bound. */
  spend(visitor: Visitor, queryBytes: number, replyBytes: number): void {
    const beyond = replyBytes - AMPLIFICATION * queryBytes;
    if (beyond > 0) visitor.excess += beyond;
  }

  /** Whether it is time to ask the visitor in turn whether it is there. */
  mayMeet(visitor: Visitor, now: number): boolean {
    if (now < visitor.metAt + MEET_MS) return false;
    visitor.metAt = now;
    return true;
  }

  #visitor(address: string, now: number): Visitor {
    let visitor = this.#last.address === address ? this.#last : this.#visitors.get(address);
    if (visitor === undefined) {
      visitor = newVisitor(address, now);
      this.#visitors.set(address, visitor);
      if (this.#visitors.size > MAX_VISITORS) this.#forgetOldest();
    } else if (now - visitor.seenAt > 1000) {
      const kept = Math.exp(-(now - visitor.seenAt) / DECAY_MS);
      visitor.queries *= kept;
      visitor.excess *= kept;
      visitor.seenAt = now;
      this.#visitors.delete(address);
      this.#visitors.set(address, visitor);
    }
    this.#last = visitor;
    return visitor;
  }

  #forgetOldest(): void {
    for (const [address] of this.#visitors) {
      this.#visitors.delete(address);
      return;
    }
  }
}

/** An address that asked us something. */
export interface Visitor {
  readonly address: string;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  /** Whether there can be anybody at the address. */
  readonly isDialable: boolean;
  metAt: number;
  queries: number;
  excess: number;
  seenAt: number;
  blockedUntil: number;
  verifiedUntil: number;
}

function newVisitor(address: string, now: number): Visitor {
  return {
    address,
    ip: parseIp(address) ?? new Uint8Array(0),
    isDialable: isDialable(address),
    metAt: Number.NEGATIVE_INFINITY,
    queries: 0,
    excess: 0,
    seenAt: now,
    blockedUntil: Number.NEGATIVE_INFINITY,
    verifiedUntil: Number.NEGATIVE_INFINITY,
  };
}
