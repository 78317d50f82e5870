// Peers with something to do at the end of this turn of the event loop.
import type { PeerView } from "@shoal/peer";

/** Calls `turnEnded` once for each peer that was added during a turn, after it. */
export class WakeList {
  readonly #awake: Set<PeerView> = new Set();
  readonly #defer: (task: () => void) => void;
  #pending = false;

  /** @param defer Runs a task in a fresh turn. */
  constructor(defer: (task: () => void) => void) {
    this.#defer = defer;
  }

  add(peer: PeerView): void {
    this.#awake.add(peer);
    if (this.#pending) return;
    this.#pending = true;
    this.#defer(() => {
      this.#pending = false;
      const awake = [...this.#awake];
      this.#awake.clear();
      for (const each of awake) each.turnEnded();
    });
  }

  /** The peer is gone. */
  delete(peer: PeerView): void {
    this.#awake.delete(peer);
  }
}
