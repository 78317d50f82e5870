// Collects what is wrong with a torrent but tolerated.

const MAX_FAULTS = 100;
const MAX_LENGTH = 300;

/** A bounded set of texts for users. */
export class FaultList {
  readonly #texts = new Set<string>();

  add(text: string): void {
    if (this.#texts.size < MAX_FAULTS) this.#texts.add(text.slice(0, MAX_LENGTH));
  }

  /** All texts in the order of their first appearance. */
  list(): string[] {
    return [...this.#texts];
  }
}
