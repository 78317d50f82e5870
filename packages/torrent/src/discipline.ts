// Consequences of good and bad data: trust, parole and bans.
import { formatEndpoint } from "@shoal/core";
import { PeerError } from "@shoal/peer";
import type { Swarm } from "@shoal/swarm";
import type { Lanes } from "./lanes.ts";

/** Applies the verdicts of the hash check to the senders of one torrent. */
export class Discipline {
  readonly #swarm: Swarm;
  readonly #lanes: Pick<Lanes, "ban" | "suspect" | "credit">;
  readonly #onBan: (address: string, reason: string) => void;
  /** Bytes and blame that a banned sender leaves behind. */
  readonly #forget: (slot: number) => void;

  constructor(
    swarm: Swarm,
    lanes: Pick<Lanes, "ban" | "suspect" | "credit">,
    onBan: (address: string, reason: string) => void,
    forget: (slot: number) => void,
  ) {
    this.#swarm = swarm;
    this.#lanes = lanes;
    this.#onBan = onBan;
    this.#forget = forget;
  }

  /** These entries of the peer list sent bad blocks of the piece for certain. */
  ban(senders: Iterable<number>, piece: number): void {
    for (const slot of senders) {
      this.#forget(slot);
      // Pieces that it took part in may fail after its ban.
      if (this.#swarm.list.bySlot(slot)?.banned) continue;
      const reason = `it sent bad data for piece ${piece}`;
      if (this.#lanes.ban(slot, reason)) continue;
      const known = this.#swarm.ban(slot, new PeerError("ERR_PEER_BAD_DATA", reason));
      if (known !== undefined) this.#onBan(formatEndpoint(known.endpoint), reason);
    }
  }

  /** These took part in a piece that failed; who did so too often is banned. */
  suspect(senders: Iterable<number>, piece: number): void {
    const guilty: number[] = [];
    for (const slot of senders) {
      if (this.#lanes.suspect(slot)) guilty.push(slot);
      const known = this.#swarm.list.bySlot(slot);
      if (known !== undefined && this.#swarm.list.discredit(known)) guilty.push(slot);
    }
    this.ban(guilty, piece);
  }

  /** These took part in a piece that passed; −1 stands for nobody. */
  credit(senders: Iterable<number>): void {
    for (const slot of senders) {
      this.#lanes.credit(slot);
      const known = slot < 0 ? undefined : this.#swarm.list.bySlot(slot);
      if (known !== undefined) this.#swarm.list.credit(known);
    }
  }
}
