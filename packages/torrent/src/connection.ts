// One connected peer with what the swarm's policies keep about it.
import type { Bitfield } from "@shoal/core";
import type { Peer } from "@shoal/peer";
import type { PickingPeer } from "@shoal/picker";
import { type ChokerPeer, type KnownPeer, RateLimit } from "@shoal/policy";

/** Joins the protocol's view of a peer with the policies': known peer, choker, picker, limits. */
export class Connection implements ChokerPeer, PickingPeer {
  readonly peer: Peer;
  readonly known: KnownPeer;
  /** This connection's places in the queues for limited bandwidth. */
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;

  constructor(peer: Peer, known: KnownPeer, download: RateLimit, upload: RateLimit) {
    this.peer = peer;
    this.known = known;
    this.downloadLimit = new RateLimit({ parent: download });
    this.uploadLimit = new RateLimit({ parent: upload });
  }

  get id(): number {
    return this.peer.id;
  }

  get have(): Bitfield {
    return this.peer.have;
  }

  get snubbed(): boolean {
    return this.peer.snubbed;
  }

  get onParole(): boolean {
    return this.known.onParole;
  }

  get interested(): boolean {
    return this.peer.upload.interested;
  }

  get choked(): boolean {
    return this.peer.upload.choking;
  }

  get downloaded(): number {
    return this.peer.download.meter.total;
  }

  get uploaded(): number {
    return this.peer.upload.meter.total;
  }
}
