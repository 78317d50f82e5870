// The slab: all blocks' memory, in groups of 16 slots so that a piece's blocks can lie in a run.
import { BLOCK_SIZE } from "@shoal/core";
import { NO_SLOT, type Slot } from "./contract.ts";
import { GROUP } from "./group.ts";

const FULL = 0xffff;
/** How many groups a search for a short run looks at before it gives up. */
const SEARCH = 32;

/**
 * Hands out slots of 16 KiB. A run of up to 16 can be looked for as a home for neighbours; that is a
 * preference, never a reservation, so nothing fragments that a caller would have to wait for.
 * Recently freed groups are used first: warm memory, and little of the slab is ever touched if little
 * is needed.
 */
export class Slab {
  /** Shared with the disk threads. */
  readonly memory: SharedArrayBuffer;
  /** All of the memory. */
  readonly bytes: Buffer;
  /** How many slots there are. */
  readonly size: number;
  #free: number;
  /** Per group, a bit for each used slot. */
  readonly #used: Uint16Array;
  /** Groups that are or were entirely free, the next one last. */
  readonly #stack: number[] = [];
  readonly #stacked: Uint8Array;
  /** A bit per group that has both used and free slots. */
  readonly #ragged: Uint32Array;
  /** The group that the last short run of each length 1, 2, 4, 8 was found in. */
  readonly #hints = new Int32Array(4);
  #word = 0;

  /** @param size Number of slots, ≥ 1. */
  constructor(size: number) {
    this.size = size;
    this.#free = size;
    this.memory = new SharedArrayBuffer(size * BLOCK_SIZE);
    this.bytes = Buffer.from(this.memory);
    const groups = Math.ceil(size / GROUP);
    this.#used = new Uint16Array(groups);
    this.#stacked = new Uint8Array(groups);
    this.#ragged = new Uint32Array(Math.ceil(groups / 32));
    const rest = size % GROUP;
    if (rest !== 0) this.#used[groups - 1] = (FULL << rest) & FULL;
    for (let group = groups - 1; group >= 0; group--) this.#sort(group);
  }

  /** How many slots are free. */
  get free(): number {
    return this.#free;
  }

  /**
   * Finds a run of free slots, aligned to its length rounded up to a power of two. Takes nothing.
   *
   * @param length 1…16.
   * @returns the first slot of the run, or {@link NO_SLOT}.
   */
  findRun(length: number): Slot {
    let group = NO_SLOT;
    if (length > 8) {
      group = this.#freeGroup();
      return group < 0 ? NO_SLOT : group * GROUP;
    }
    const order = length <= 1 ? 0 : length <= 2 ? 1 : length <= 4 ? 2 : 3;
    const hint = this.#hints[order] ?? 0;
    let slot = this.#runIn(hint, 1 << order);
    if (slot !== NO_SLOT) return slot;
    group = this.#freeGroup();
    if (group >= 0) slot = group * GROUP;
    for (let i = 1; slot === NO_SLOT && i <= SEARCH; i++) {
      group = (hint + i) % this.#used.length;
      slot = this.#runIn(group, 1 << order);
    }
    this.#hints[order] = group;
    return slot;
  }

  /** Takes this very slot; false if it is in use. */
  takeAt(slot: Slot): boolean {
    const group = slot >> 4;
    const bit = 1 << (slot & 15);
    const used = this.#used[group] ?? FULL;
    if ((used & bit) !== 0) return false;
    this.#used[group] = used | bit;
    this.#free--;
    // Most changes leave a group as ragged as it was.
    if (used === 0 || (used | bit) === FULL) this.#sort(group);
    return true;
  }

  /** Takes any slot, from groups partly in use if there are such; {@link NO_SLOT} if none is free. */
  takeAny(): Slot {
    if (this.#free === 0) return NO_SLOT;
    for (let i = 0; i < this.#ragged.length; i++) {
      const word = this.#ragged[this.#word] ?? 0;
      if (word !== 0) {
        const group = this.#word * 32 + (31 - Math.clz32(word));
        const free = ~(this.#used[group] ?? FULL) & FULL;
        const slot = group * GROUP + (31 - Math.clz32(free & -free));
        return this.takeAt(slot) ? slot : NO_SLOT;
      }
      this.#word = (this.#word + 1) % this.#ragged.length;
    }
    const group = this.#freeGroup();
    return group >= 0 && this.takeAt(group * GROUP) ? group * GROUP : NO_SLOT;
  }

  /** Gives a slot back. The caller makes sure that it was taken. */
  release(slot: Slot): void {
    const group = slot >> 4;
    const used = this.#used[group] ?? 0;
    const left = used & ~(1 << (slot & 15));
    this.#used[group] = left;
    this.#free++;
    if (left === 0 || used === FULL) this.#sort(group);
  }

  /** An entirely free group, or −1. It stays on the stack until a slot of it is taken. */
  #freeGroup(): number {
    for (let group = this.#stack.at(-1); group !== undefined; group = this.#stack.at(-1)) {
      if (this.#used[group] === 0) return group;
      this.#stack.pop();
      this.#stacked[group] = 0;
    }
    return -1;
  }

  #runIn(group: number, length: number): Slot {
    const used = this.#used[group] ?? FULL;
    const mask = (1 << length) - 1;
    for (let at = 0; at < GROUP; at += length) {
      if (((used >> at) & mask) === 0) return group * GROUP + at;
    }
    return NO_SLOT;
  }

  /** Puts a group where its use belongs: stack of free ones, set of ragged ones, or neither. */
  #sort(group: number): void {
    const used = this.#used[group] ?? FULL;
    const word = group >> 5;
    const bit = 1 << (group & 31);
    if (used === 0 || used === FULL) this.#ragged[word] = (this.#ragged[word] ?? 0) & ~bit;
    else this.#ragged[word] = (this.#ragged[word] ?? 0) | bit;
    if (used === 0 && this.#stacked[group] === 0) {
      this.#stacked[group] = 1;
      this.#stack.push(group);
    }
  }
}
