// Consequences of good and bad data: trust, parole and bans.
import { formatEndpoint } from "@shoal/core";
import { PeerError } from "@shoal/peer";
import type { Swarm } from "@shoal/swarm";
import type { Lanes } from "./lanes.ts";

/** What the verdicts concern. */
export interface DisciplineHost {
  readonly swarm: Swarm;
  /** Senders that are no peers, if there are any. */
  readonly lanes: Pick<Lanes, "ban" | "suspect" | "credit"> | undefined;
  /** A sender was banned. */
  banned(address: string, reason: string): void;
  /** A banned sender leaves bytes and blame behind. */
  forgetSender(slot: number): void;
}

/** Applies the verdicts of the hash check to the senders of one torrent. */
export class Discipline {
  readonly #host: DisciplineHost;

  constructor(host: DisciplineHost) {
    this.#host = host;
  }

  /** These entries of the peer list sent bad blocks of the piece for certain. */
  ban(senders: Iterable<number>, piece: number): void {
    const { swarm, lanes } = this.#host;
    for (const slot of senders) {
      this.#host.forgetSender(slot);
      // Pieces that it took part in may fail after its ban.
      if (swarm.list.bySlot(slot)?.banned) continue;
      const reason = `it sent bad data for piece ${piece}`;
      if (lanes?.ban(slot, reason)) continue;
      const known = swarm.ban(slot, new PeerError("ERR_PEER_BAD_DATA", reason));
      if (known !== undefined) this.#host.banned(formatEndpoint(known.endpoint), reason);
    }
  }

  /** These took part in a piece that failed; who did so too often is banned. */
  suspect(senders: Iterable<number>, piece: number): void {
    const { swarm, lanes } = this.#host;
    const guilty: number[] = [];
    for (const slot of senders) {
      if (lanes?.suspect(slot)) guilty.push(slot);
      const known = swarm.list.bySlot(slot);
      if (known !== undefined && swarm.list.discredit(known)) guilty.push(slot);
    }
    this.ban(guilty, piece);
  }

  /** These took part in a piece that passed; −1 stands for nobody. */
  credit(senders: Iterable<number>): void {
    const { swarm, lanes } = this.#host;
    for (const slot of senders) {
      lanes?.credit(slot);
      const known = slot < 0 ? undefined : swarm.list.bySlot(slot);
      if (known !== undefined) swarm.list.credit(known);
    }
  }
}
