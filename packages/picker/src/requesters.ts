// Which peers have been asked for each block of the pieces in progress.

/** No peer. Peer ids are never negative. */
const NOBODY = -1;

/**
 * The ids of the peers asked for a block, by cell (the block's place among all pieces in progress).
 * Nearly always that is one peer, kept in an array; only end-game adds more, kept apart.
 */
export class Requesters {
  #first: Int32Array = new Int32Array(0);
  readonly #more = new Map<number, number[]>();

  /** Makes room for that many cells; new ones have nobody. */
  resize(cells: number): void {
    const larger = new Int32Array(cells).fill(NOBODY);
    larger.set(this.#first);
    this.#first = larger;
  }

  /** Whether anybody has been asked. */
  any(cell: number): boolean {
    return this.#first[cell] !== NOBODY;
  }

  /** How many peers have been asked. */
  count(cell: number): number {
    return this.any(cell) ? 1 + (this.#more.get(cell)?.length ?? 0) : 0;
  }

  /** Whether this peer has been asked. */
  has(cell: number, peerId: number): boolean {
    return this.#first[cell] === peerId || (this.#more.get(cell)?.includes(peerId) ?? false);
  }

  /** Records that a peer has been asked that was not before. */
  add(cell: number, peerId: number): void {
    if (!this.any(cell)) {
      this.#first[cell] = peerId;
      return;
    }
    const more = this.#more.get(cell);
    if (more) more.push(peerId);
    else this.#more.set(cell, [peerId]);
  }

  /** Forgets one peer; false if it has not been asked. */
  remove(cell: number, peerId: number): boolean {
    const more = this.#more.get(cell);
    if (this.#first[cell] === peerId) {
      this.#first[cell] = more?.shift() ?? NOBODY;
    } else {
      const index = more?.indexOf(peerId) ?? -1;
      if (index < 0) return false;
      more?.splice(index, 1);
    }
    if (more?.length === 0) this.#more.delete(cell);
    return true;
  }

  /** Calls `visit` with everybody who has been asked; it may remove the peer it is called with. */
  visit(cell: number, visit: (peerId: number) => void): void {
    this.visitOthers(cell, NOBODY, visit);
  }

  /** Like `visit`, but for one peer: without a function made for each block. */
  visitOthers(cell: number, except: number, visit: (peerId: number) => void): void {
    const more = this.#more.get(cell);
    for (let i = (more?.length ?? 0) - 1; i >= 0; i--) {
      const peerId = more?.[i] as number;
      if (peerId !== except) visit(peerId);
    }
    const first = this.#first[cell] as number;
    if (first !== NOBODY && first !== except) visit(first);
  }
}
