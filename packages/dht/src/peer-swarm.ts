// The peers of one torrent and one family in few bytes: 11 each for IPv4, 23 for IPv6.
import { type Rng, randomInt } from "@shoal/core";

/** Peers for which there is room at first; most torrents have few. */
const FIRST_ROOM = 2;
/** Behind a peer's compact form: whether it is a seed, and when it lapses, in seconds. */
const FLAG_SIZE = 1;
const TIME_SIZE = 4;
/** At the end of a compact form. */
const PORT_SIZE = 2;
/** Peers of one address that are kept: several may sit behind one router. */
const MAX_OF_ADDRESS = 8;

/** A bounded list of peers, the one that announced longest ago first. */
export class PeerSwarm {
  /** Bytes of a peer's compact form: 6 or 18. */
  readonly #size: number;
  readonly #stride: number;
  #cells: Uint8Array;
  #count = 0;

  /** @param size Bytes of a peer's address and port: 6 or 18. */
  constructor(size: number) {
    this.#size = size;
    this.#stride = size + FLAG_SIZE + TIME_SIZE;
    this.#cells = new Uint8Array(FIRST_ROOM * this.#stride);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Adds a peer in place of itself, or of the oldest of its address if there are {@link MAX_OF_ADDRESS}:
   * one host can't fill a swarm, whatever ports it announces.
   */
  add(compact: Uint8Array, isSeed: boolean, expiresAt: number): void {
    const replaced = this.#replacedBy(compact);
    if (replaced >= 0) this.#remove(replaced, 1);
    const at = this.#count++ * this.#stride;
    if (at >= this.#cells.length) this.#resize(2 * at);
    this.#cells.set(compact, at);
    this.#cells[at + this.#size] = isSeed ? 1 : 0;
    const seconds = Math.floor(expiresAt / 1000);
    for (let i = 0; i < TIME_SIZE; i++) {
      this.#cells[at + this.#size + FLAG_SIZE + i] = seconds >>> (8 * i);
    }
  }

  /** Removes the oldest: those that have lapsed, and others until no more than `most` are left. */
  trim(most: number, now: number): void {
    let gone = Math.max(0, this.#count - most);
    while (gone < this.#count && this.#expiry(gone) <= now / 1000) gone++;
    if (gone === 0) return;
    this.#remove(0, gone);
    const room = Math.max(FIRST_ROOM, this.#count) * this.#stride;
    if (4 * room <= this.#cells.length) this.#resize(2 * room);
  }

  /** Up to `count` peers, drawn at random, in compact form: copies. */
  draw(count: number, noSeeds: boolean, rng: Rng): Uint8Array[] {
    let left = this.#count;
    if (noSeeds) for (let i = 0; i < this.#count; i++) if (this.#isSeed(i)) left--;
    const drawn: Uint8Array[] = [];
    for (let i = 0; i < this.#count && drawn.length < count; i++) {
      if (noSeeds && this.#isSeed(i)) continue;
      // Each of those left is as likely as any other to be among those still wanted.
      if (randomInt(rng, left) < count - drawn.length) drawn.push(this.#peer(i).slice());
      left--;
    }
    return drawn;
  }

  /** Tells each peer: a view of its compact form. */
  each(tell: (compact: Uint8Array, isSeed: boolean) => void): void {
    for (let i = 0; i < this.#count; i++) tell(this.#peer(i), this.#isSeed(i));
  }

  /** The peer that makes way for this one; −1 if none has to. */
  #replacedBy(compact: Uint8Array): number {
    let oldest = -1;
    let ofAddress = 0;
    for (let i = 0; i < this.#count; i++) {
      const common = this.#commonBytes(i, compact);
      if (common === this.#size) return i;
      if (common < this.#size - PORT_SIZE) continue;
      if (oldest < 0) oldest = i;
      ofAddress++;
    }
    return ofAddress < MAX_OF_ADDRESS ? -1 : oldest;
  }

  /** How many bytes of the peer's compact form are the same, from the first on. */
  #commonBytes(index: number, compact: Uint8Array): number {
    const at = index * this.#stride;
    let byte = 0;
    while (byte < this.#size && this.#cells[at + byte] === compact[byte]) byte++;
    return byte;
  }

  #remove(index: number, count: number): void {
    this.#cells.copyWithin(
      index * this.#stride,
      (index + count) * this.#stride,
      this.#count * this.#stride,
    );
    this.#count -= count;
  }

  #resize(bytes: number): void {
    const cells = new Uint8Array(bytes);
    cells.set(this.#cells.subarray(0, Math.min(bytes, this.#count * this.#stride)));
    this.#cells = cells;
  }

  #peer(index: number): Uint8Array {
    const at = index * this.#stride;
    return this.#cells.subarray(at, at + this.#size);
  }

  #isSeed(index: number): boolean {
    return this.#cells[index * this.#stride + this.#size] === 1;
  }

  /** In seconds. */
  #expiry(index: number): number {
    const at = index * this.#stride + this.#size + FLAG_SIZE;
    let seconds = 0;
    for (let i = TIME_SIZE - 1; i >= 0; i--) seconds = 256 * seconds + (this.#cells[at + i] ?? 0);
    return seconds;
  }
}
