// What lies between two hosts: a delay, and perhaps a cut.

/** What uses a path. */
export interface Traffic {
  /** Sets out, if there is anything to send. */
  go(): void;
}

/** Shared by everything that goes between the same two hosts. */
export class Path {
  /** One way, in ms. */
  readonly latencyMs: number;
  /** All that waits while it is cut. */
  readonly traffic: Set<Traffic> = new Set();
  #isCut = false;

  constructor(latencyMs: number) {
    this.latencyMs = latencyMs;
  }

  /** Nothing sets out; what is under way arrives. */
  get isCut(): boolean {
    return this.#isCut;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    for (const waiting of this.traffic) waiting.go();
  }
}
