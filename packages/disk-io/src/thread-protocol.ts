// What the main thread and a disk thread send each other. Types only.
import type { Counters, Job, Outcome } from "./jobs.ts";

/** Given to a thread when it starts. */
export interface ThreadData {
  /** The slab's memory. */
  readonly slab: SharedArrayBuffer;
  /**
   * Let all other work on the machine go first, where that can be had for one thread: on Linux; and hold
   * few files open.
   */
  readonly yields: boolean;
}

/** A job with the number that its answer bears. */
export interface Order {
  readonly id: number;
  readonly job: Job;
}

/** All that a thread has to say in one message. */
export interface Report {
  /** `id, outcome` in turns. */
  readonly answers: readonly (number | Outcome)[];
  readonly counters: Counters;
  readonly openHandles: number;
}
