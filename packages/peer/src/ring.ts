// A growing first-in-first-out queue of fixed-width number records, without an object per record.

/** Each record is `width` numbers. */
export class Ring {
  readonly #width: number;
  #cells: Float64Array;
  #head = 0;
  #length = 0;

  constructor(width: number, capacity = 16) {
    this.#width = width;
    this.#cells = new Float64Array(width * capacity);
  }

  /** Records in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Appends a record; missing fields are 0. */
  push(a: number, b = 0, c = 0): void {
    const capacity = this.#cells.length / this.#width;
    if (this.#length === capacity) this.#grow(capacity);
    const at = ((this.#head + this.#length) % (this.#cells.length / this.#width)) * this.#width;
    this.#cells[at] = a;
    if (this.#width > 1) this.#cells[at + 1] = b;
    if (this.#width > 2) this.#cells[at + 2] = c;
    this.#length++;
  }

  /** A field of the record `index` places behind the first. */
  get(index: number, field: number): number {
    const capacity = this.#cells.length / this.#width;
    return this.#cells[((this.#head + index) % capacity) * this.#width + field] ?? 0;
  }

  /** Drops the first record. */
  shift(): void {
    this.#head = (this.#head + 1) % (this.#cells.length / this.#width);
    this.#length--;
  }

  /** Drops the record at `index`, keeping the order; costs what lies behind it. */
  remove(index: number): void {
    for (let i = index; i < this.#length - 1; i++) {
      for (let field = 0; field < this.#width; field++) this.#set(i, field, this.get(i + 1, field));
    }
    this.#length--;
  }

  clear(): void {
    this.#length = 0;
  }

  #set(index: number, field: number, value: number): void {
    const capacity = this.#cells.length / this.#width;
    this.#cells[((this.#head + index) % capacity) * this.#width + field] = value;
  }

  #grow(capacity: number): void {
    const cells = new Float64Array(this.#cells.length * 2);
    const start = this.#head * this.#width;
    cells.set(this.#cells.subarray(start));
    cells.set(this.#cells.subarray(0, start), this.#cells.length - start);
    this.#cells = cells;
    this.#head = 0;
    this.#length = capacity;
  }
}
