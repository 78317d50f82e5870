// What is believed of one peer's messages: little, seldom, and nothing odd.
import { type Endpoint, endpointFamily, formatEndpoint, isLocal } from "@shoal/core";
import type { Allowance } from "./allowance.ts";
import { PexError } from "./error.ts";
import { decodePex, type PexContact, type PexMessage } from "./message.ts";
import { isMeantFor } from "./reach.ts";

/** Messages in a minute at most; BEP 11 allows one, and libtorrent tolerates as many as this. */
const MAX_MESSAGES = 6;
const MINUTE_MS = 60_000;

/** Bad messages that are ignored before one counts as abuse. */
const MAX_FAULTS = 2;

/** What an {@link Intake} is made of. */
export interface IntakeInit {
  /** The other end of the connection. */
  readonly source: Endpoint;
  /** What its address has left. */
  readonly allowance: Allowance;
  /** Peers of each family that are held to be connected to the source at a time. */
  readonly limit: number;
}

/** One connection's messages, checked and cut down to what may be believed. */
export class Intake {
  readonly #init: IntakeInit;
  /** When the latest messages came, oldest first. */
  readonly #arrivals: number[] = [];
  /** Peers that the source is connected to, as it says and as far as it was believed. */
  readonly #live = { 4: new Set<string>(), 6: new Set<string>() };
  #faults = 0;

  constructor(init: IntakeInit) {
    this.#init = init;
  }

  /**
   * Takes a message.
   *
   * @returns the peers in it that are new from this source and within its limits.
   * @throws PexError `ERR_PEX_FLOOD`, or what is wrong with the message if others before it were bad.
   */
  receive(payload: Uint8Array, now: number): PexContact[] {
    this.#count(now);
    const message = this.#decode(payload);
    if (message === undefined) return [];
    for (const peer of message.dropped) this.#live[endpointFamily(peer)].delete(identity(peer));
    return message.added.filter((peer) => this.#accept(peer, now));
  }

  #count(now: number): void {
    const arrivals = this.#arrivals;
    while (arrivals[0] !== undefined && arrivals[0] <= now - MINUTE_MS) arrivals.shift();
    if (arrivals.length >= MAX_MESSAGES) {
      throw new PexError(
        "ERR_PEX_FLOOD",
        `expected at most ${MAX_MESSAGES} messages of peer exchange in a minute`,
      );
    }
    arrivals.push(now);
  }

  #decode(payload: Uint8Array): PexMessage | undefined {
    try {
      return decodePex(payload);
    } catch (error) {
      if (++this.#faults > MAX_FAULTS) throw error;
      return undefined;
    }
  }

  #accept(peer: PexContact, now: number): boolean {
    const { source, allowance, limit } = this.#init;
    const live = this.#live[endpointFamily(peer)];
    const id = identity(peer);
    if (live.has(id) || live.size >= limit || !isMeantFor(source.address, peer)) return false;
    if (!allowance.take(now)) return false;
    live.add(id);
    return true;
  }
}

/**
 * Peers with the same one are not believed to be two: nobody may send us to many ports of a victim.
 * Within a network, or behind one machine's loopback, they may well be.
 */
function identity(peer: Endpoint): string {
  return isLocal(peer.address) ? formatEndpoint(peer) : peer.address;
}
