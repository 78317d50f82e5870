// Two connections with one peer: both ends dialled at the same time, and agree on which one stays.
import { compareBytes } from "@shoal/core";
import type { Connection } from "./connection.ts";

/** What we are to the peer. */
export interface OurEnd {
  /** Where we accept connections; 0 if nowhere. */
  readonly port: number;
  readonly peerId: Uint8Array;
}

/** The connection of the other direction with the peer that listens at that port of the address. */
export function otherDirection(
  connections: Iterable<Connection>,
  { peer: { incoming, remote } }: Connection,
  port: number,
): Connection | undefined {
  for (const other of connections) {
    const { peer } = other;
    if (peer.incoming === incoming || peer.remote.address !== remote.address) continue;
    if (peer.remote.port === port || peer.extensions?.theirs?.listenPort === port) return other;
  }
  return undefined;
}

/**
 * Which of the two to close. The end that listens at the lower port keeps what it dialled, as
 * libtorrent has it; of equal ports, the one with the lower peer id.
 */
export function surplus(outgoing: Connection, incoming: Connection, ours: OurEnd): Connection {
  const { remote, handshake } = outgoing.peer;
  const order = ours.port - remote.port || compareBytes(ours.peerId, handshake.peerId);
  return order < 0 ? incoming : outgoing;
}
