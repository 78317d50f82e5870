// Whom we are connected to at one moment, as it can be told to others.
import { type Endpoint, formatEndpoint } from "@shoal/core";
import type { SwarmPeer } from "@shoal/wire";
import { type PexContact, PexFlag } from "./message.ts";

/** A connected peer that others can dial. */
export interface Member extends PexContact {
  /** {@link SwarmPeer.id}. */
  readonly id: number;
  /** `formatEndpoint` of it. */
  readonly key: string;
}

/** The connections of a torrent at one moment. */
export interface Roster {
  /** By {@link Member.key}: an endpoint that two connections claim is named once. */
  readonly members: ReadonlyMap<string, Member>;
  /** Where the peer of a connection listens; missing if nobody knows. */
  readonly listening: ReadonlyMap<number, Endpoint>;
}

/** Takes down who is connected. */
export function takeRoster(peers: Iterable<SwarmPeer>): Roster {
  const members = new Map<string, Member>();
  const listening = new Map<number, Endpoint>();
  for (const peer of peers) {
    if (peer.dialable === undefined) continue;
    const { address, port } = peer.dialable;
    const key = formatEndpoint(peer.dialable);
    members.set(key, { id: peer.id, key, address, port, flags: flagsOf(peer) });
    listening.set(peer.id, peer.dialable);
  }
  return { members, listening };
}

function flagsOf(peer: SwarmPeer): number {
  return (
    (peer.encrypted ? PexFlag.Encryption : 0) |
    (peer.uploadOnly ? PexFlag.UploadOnly : 0) |
    (peer.transport === "utp" ? PexFlag.Utp : 0) |
    (peer.supports("ut_holepunch") ? PexFlag.Holepunch : 0) |
    (peer.outgoing ? PexFlag.Reachable : 0)
  );
}
