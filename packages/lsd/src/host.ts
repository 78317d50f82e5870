// What local discovery needs of whoever runs it.
import type { Clock, Datagrams, Deadlines, Endpoint, Entropy, Rng } from "@shoal/core";

/** A socket that has joined a group on one interface. */
export interface LsdSocket {
  /** Where announces go to; named in them. */
  readonly group: Endpoint;
  readonly datagrams: Datagrams;
  /**
   * Whether an address belongs to the interface's own network. Peers at addresses that are local by
   * their nature are believed without it; those at public ones are not.
   */
  isOnLink?(address: string): boolean;
}

/** The surroundings of local discovery. */
export interface LsdHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** For jitter. */
  readonly rng: Rng;
  /** For the cookie by which we know our own announces. */
  readonly entropy: Entropy;
  /** The port on which we accept peers; 0 if none: then we listen, and announce nothing. */
  listenPort(): number;
  /**
   * Joins the groups on every interface that is to be used. Called when the first torrent comes that
   * is not private, and again later if it rejected or gave nothing. The source closes the sockets.
   */
  open(): Promise<readonly LsdSocket[]>;
}

/** Settings of `createLsdSource`. */
export interface LsdOptions {
  /** Between announces of a torrent, in ms, give or take a tenth. Default 5 minutes (BEP 14). */
  readonly intervalMs?: number;
}
