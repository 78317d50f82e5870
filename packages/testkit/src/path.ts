// What lies between two hosts: a delay, and perhaps a cut.
import type { Pipe } from "./pipe.ts";

/** Shared by everything that goes between the same two hosts. */
export class Path {
  /** One way, in ms. */
  readonly latencyMs: number;
  /** The streams that use it. */
  readonly pipes: Set<Pipe> = new Set();
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
    for (const pipe of this.pipes) pipe.go();
  }
}
