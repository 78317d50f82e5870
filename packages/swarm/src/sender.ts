// Whoever sends us blocks: a connected peer, or a source that is no peer.
import type { BlockIndex, PieceIndex } from "@shoal/core";
import type { PickingPeer } from "@shoal/picker";
import type { RateLimit } from "@shoal/policy";

/** A sender as the transfer sees it. */
export interface Sender extends PickingPeer {
  /** Names it for as long as its blocks may turn out bad; not used again. */
  readonly slot: number;
  /** Its place in the queue for limited bandwidth. */
  readonly downloadLimit: RateLimit;
  /** Another one delivered the block. */
  cancel(piece: PieceIndex, block: BlockIndex): void;
}
