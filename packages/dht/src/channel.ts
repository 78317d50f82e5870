// A queue between what happens and an async iterator that reads it.

/** What a loop has not read yet beyond this many items is dropped. */
const MAX_QUEUED = 10_000;

/** Items pushed at any time, read with `for await`, once. */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #onClose: () => void;
  #wake: (() => void) | undefined;
  #isOver = false;
  #error: unknown;

  /** @param onClose Called once, when the reader leaves or the channel is ended. */
  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  push(item: T): void {
    if (this.#isOver || this.#items.length >= MAX_QUEUED) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** Lets the reader finish what was pushed, and then throws `error` there if one is given. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#wake?.();
    this.#onClose();
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return { done: false, value: item };
      if (this.#isOver) {
        if (this.#error !== undefined) throw this.#error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#items.length = 0;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
