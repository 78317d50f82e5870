// Accepted connections: their handshake tells for which torrent they are.
import { type Deadlines, type Duplex, toHex } from "@shoal/core";
import { shakeHands } from "@shoal/peer";
import type { Torrent } from "@shoal/torrent";

/**
 * Accepted connections that may be without a torrent at a time. One more, and the one that has been
 * silent longest must go: honest peers name their torrent at once, so the silent can't bar the door.
 */
const MAX_NAMELESS = 100;

/** Routes accepted connections to torrents. */
export class Inbound {
  readonly #now: () => number;
  readonly #deadlines: Deadlines;
  readonly #find: (infoHash: string) => Torrent | undefined;
  readonly #nameless: Set<Duplex> = new Set();

  constructor(
    now: () => number,
    deadlines: Deadlines,
    find: (infoHash: string) => Torrent | undefined,
  ) {
    this.#now = now;
    this.#deadlines = deadlines;
    this.#find = find;
  }

  accept(duplex: Duplex): void {
    const [oldest] = this.#nameless;
    if (oldest !== undefined && this.#nameless.size >= MAX_NAMELESS) {
      this.#nameless.delete(oldest);
      oldest.destroy();
    }
    this.#nameless.add(duplex);
    shakeHands(duplex, {
      now: this.#now,
      deadlines: this.#deadlines,
      answer: (infoHash) => this.#find(toHex(infoHash))?.handshake,
      ready: (ready, theirs, bytes) => {
        this.#nameless.delete(ready);
        return this.#find(toHex(theirs.infoHash))?.accept(ready, theirs, bytes);
      },
      failed: (failed) => this.#nameless.delete(failed),
    });
  }

  /** Hangs up on everybody who has not found a torrent. */
  close(): void {
    for (const duplex of this.#nameless) duplex.destroy();
  }
}
