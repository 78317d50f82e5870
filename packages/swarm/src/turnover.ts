// Makes room in a full swarm: those who are of no use to us, nor we to them, give way to strangers.
import type { Connection } from "./connection.ts";

/** A connection has so long to become of use, in ms. */
const PATIENCE_MS = 60_000;
/** Room is made so often, in ms. */
const INTERVAL_MS = 10_000;
/** The share of all places that is freed at a time. */
const SHARE = 0.1;

/** Whose time in a full swarm is over. Without it, peers that have nothing would keep out who has. */
export class Turnover {
  #nextAt = 0;

  /**
   * The connections to close, the oldest first: those in which nobody has wanted anything for long.
   *
   * @param places How many connections there may be.
   */
  leaving(connections: Iterable<Connection>, places: number, now: number): readonly Connection[] {
    if (now < this.#nextAt) return [];
    this.#nextAt = now + INTERVAL_MS;
    return [...connections]
      .filter(({ peer, interested }) => {
        const isWanted = interested || peer.download.interested;
        return !isWanted && now - peer.connectedAt > PATIENCE_MS;
      })
      .sort((a, b) => a.peer.connectedAt - b.peer.connectedAt)
      .slice(0, Math.max(1, Math.floor(places * SHARE)));
  }
}
