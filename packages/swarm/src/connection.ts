// One connected peer with what the swarm's policies keep about it.
import type { Bitfield, BlockIndex, PieceIndex } from "@shoal/core";
import type { Peer } from "@shoal/peer";
import { type ChokerPeer, type KnownPeer, RateLimit } from "@shoal/policy";
import type { Sender } from "./sender.ts";

/** Joins the protocol's view of a peer with the policies': known peer, choker, picker, limits. */
export class Connection implements ChokerPeer, Sender {
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

  get slot(): number {
    return this.known.slot;
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

  cancel(piece: PieceIndex, block: BlockIndex): void {
    this.peer.cancel(piece, block);
  }
}
