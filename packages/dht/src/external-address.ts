// Under which address the world sees us: a vote of those who answered us (BEP 42).
import { formatIp, isDialable, isLocal } from "@shoal/core";
import { subnetOf } from "./contact.ts";

/** Voters that must agree before an address is believed. */
const MIN_VOTES = 8;
/** After so many votes a new round begins, so that a changed address is noticed. */
const MAX_VOTES = 64;
/** Candidates counted in a round. */
const MAX_CANDIDATES = 32;

/** Counts votes for one family. Each network (/24 or /64) has one vote in a round. */
export class ExternalAddress {
  readonly #family: 4 | 6;
  readonly #voters = new Set<string>();
  readonly #votes = new Map<string, number>();
  #elected: string | undefined;

  constructor(family: 4 | 6) {
    this.#family = family;
  }

  /** The address that two thirds of at least eight voters see. */
  get elected(): string | undefined {
    return this.#elected;
  }

  /**
   * @param voter The address of who tells.
   * @param compact What it told: address and port.
   * @returns Whether another address than before is elected by this.
   */
  vote(voter: string, compact: Uint8Array | undefined): boolean {
    if (compact?.length !== (this.#family === 4 ? 6 : 18)) return false;
    const network = subnetOf(voter);
    if (this.#voters.has(network) || isLocal(voter)) return false;
    const address = formatIp(compact.subarray(0, -2));
    if (!isDialable(address) || isLocal(address)) return false;
    if (!this.#votes.has(address) && this.#votes.size >= MAX_CANDIDATES) return false;
    this.#voters.add(network);
    const count = (this.#votes.get(address) ?? 0) + 1;
    this.#votes.set(address, count);
    const total = this.#voters.size;
    const wins = total >= MIN_VOTES && 3 * count >= 2 * total;
    if (total >= MAX_VOTES) {
      this.#voters.clear();
      this.#votes.clear();
    }
    if (!wins || address === this.#elected) return false;
    this.#elected = address;
    return true;
  }
}
