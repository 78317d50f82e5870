// Slots of pieces in progress, each in exactly one of a few unordered lists.

/** Unordered lists of small integers; each is in at most one, and moves in constant time. */
export class SlotLists {
  readonly #lists: readonly number[][];
  readonly #list: number[] = [];
  readonly #place: number[] = [];

  constructor(count: number) {
    this.#lists = Array.from({ length: count }, () => []);
  }

  /** The slots of one list. Read only; valid until a slot moves. */
  of(list: number): readonly number[] {
    return this.#lists[list] as number[];
  }

  /** Which list a slot is in. */
  listOf(slot: number): number {
    return this.#list[slot] as number;
  }

  /** Puts a slot that is in no list into one. */
  add(slot: number, list: number): void {
    this.#list[slot] = list;
    this.#place[slot] = (this.#lists[list] as number[]).push(slot) - 1;
  }

  /** Moves a slot to another list. */
  move(slot: number, list: number): void {
    if (this.#list[slot] === list) return;
    this.remove(slot);
    this.add(slot, list);
  }

  /** Takes a slot out of its list. */
  remove(slot: number): void {
    const slots = this.#lists[this.listOf(slot)] as number[];
    const place = this.#place[slot] as number;
    const last = slots.pop() as number;
    if (last !== slot) {
      slots[place] = last;
      this.#place[last] = place;
    }
  }
}
