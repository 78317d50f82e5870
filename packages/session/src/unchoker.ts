// The upload slots of all torrents: rounds by the clock, and free slots given away at once.
import type { Alarm } from "@shoal/core";
import { Choker, RECHOKE_INTERVAL } from "@shoal/policy";
import type { Connection } from "@shoal/swarm";
import type { Runtime } from "./init.ts";

/** Applies the choker's verdicts to the connections of a session. */
export class Unchoker {
  readonly #choker: Choker<Connection>;
  readonly #runtime: Runtime;
  readonly #connections: () => Iterable<Connection>;
  readonly #seeding: () => boolean;
  readonly #round: Alarm;
  #fillPending = false;

  /** @param seeding Whether every torrent is complete. */
  constructor(
    slots: number,
    runtime: Runtime,
    connections: () => Iterable<Connection>,
    seeding: () => boolean,
  ) {
    this.#choker = new Choker({ slots });
    this.#runtime = runtime;
    this.#connections = connections;
    this.#seeding = seeding;
    this.#round = runtime.deadlines.alarm((now) => this.#rechoke(now));
  }

  set slots(slots: number) {
    this.#choker.slots = slots;
    this.#rechoke(this.#runtime.clock.now());
  }

  /** A peer began or ceased to want our data. */
  interestChanged(connection: Connection): void {
    const now = this.#runtime.clock.now();
    if (connection.interested) {
      if (this.#choker.onInterested(connection, now)) connection.peer.setChoking(false);
      this.#round.setEarlier(now + RECHOKE_INTERVAL);
    } else if (this.#choker.release(connection, now)) {
      connection.peer.setChoking(true);
      this.#fillSoon();
    }
  }

  /** A connection is over. */
  closed(connection: Connection): void {
    if (this.#choker.release(connection, this.#runtime.clock.now())) this.#fillSoon();
  }

  close(): void {
    this.#round.clear();
  }

  /** Many slots may fall free in one turn: they are given away together after it. */
  #fillSoon(): void {
    if (this.#fillPending) return;
    this.#fillPending = true;
    this.#runtime.defer(() => {
      this.#fillPending = false;
      const now = this.#runtime.clock.now();
      for (const { peer } of this.#choker.fill(this.#connections(), now)) peer.setChoking(false);
    });
  }

  #rechoke(now: number): void {
    const verdict = this.#choker.rechoke(this.#connections(), now, { seeding: this.#seeding() });
    for (const { peer } of verdict.choke) peer.setChoking(true);
    for (const { peer } of verdict.unchoke) peer.setChoking(false);
    for (const { interested } of this.#connections()) {
      if (!interested) continue;
      this.#round.set(now + RECHOKE_INTERVAL);
      return;
    }
  }
}
