// The order of jobs: reads for peers first, then pieces to hash, then what else is to write, checks last.
import type { Job } from "./jobs.ts";

/** Something that wraps a job. */
export interface Queued {
  readonly job: Job;
}

/** First in, first out within each of four priorities. */
export class JobQueue<T extends Queued> {
  readonly #lanes: { items: T[]; next: number }[] = [0, 1, 2, 3].map(() => ({
    items: [],
    next: 0,
  }));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    this.#lanes[priority(item.job)]?.items.push(item);
    this.#size++;
  }

  /** Removes what comes next. */
  shift(): T | undefined {
    for (const lane of this.#lanes) {
      const item = lane.items[lane.next];
      if (item === undefined) continue;
      lane.next++;
      this.#size--;
      if (lane.next === lane.items.length) {
        lane.items.length = 0;
        lane.next = 0;
      }
      return item;
    }
    return undefined;
  }
}

function priority(job: Job): number {
  switch (job.kind) {
    case "read":
      return 0;
    case "complete":
      return 1;
    case "check":
    case "digest":
      return 3;
    default:
      return 2;
  }
}
