// Runs jobs in-process: for stores that live on the main thread, and for simulators.
import type { StoreLayout, TorrentStore } from "./contract.ts";
import { JobQueue } from "./job-queue.ts";
import type { Counters, Done, Executor, Job, Outcome } from "./jobs.ts";
import { Workbench } from "./workbench.ts";

/**
 * Calls `turn` in a later turn of the event loop, or at a later virtual time.
 *
 * @param job What will be run in that turn, so that a simulator can charge for it.
 */
export type Defer = (turn: () => void, job: Job) => void;

/** One torrent's jobs, one after the other, each in a turn of its own. */
export class LocalExecutor implements Executor {
  readonly #bench: Workbench;
  readonly #defer: Defer;
  readonly #queue = new JobQueue<{ job: Job; done: Done }>();
  #running = false;
  #closed = false;
  #queued = 0;

  constructor(slab: Uint8Array, defer: Defer) {
    this.#bench = new Workbench(slab);
    this.#defer = defer;
  }

  /** Takes over the torrent's open store. */
  adopt(torrent: number, layout: StoreLayout, pieceHashes: Uint8Array, store: TorrentStore): void {
    this.#bench.adopt(torrent, layout, pieceHashes, store);
  }

  get queued(): number {
    return this.#queued;
  }

  get counters(): Readonly<Counters> {
    return this.#bench.counters;
  }

  /** Handles of stores in this thread are counted by their pool. */
  get openHandles(): number {
    return 0;
  }

  submit(job: Job, done: Done): void {
    this.#queue.push({ job, done });
    this.#queued++;
    if (!this.#running) this.#schedule();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#queued--;
      next.done(next.job, CLOSED);
    }
    return Promise.resolve();
  }

  #schedule(): void {
    const next = this.#queue.shift();
    if (next === undefined || this.#closed) {
      this.#running = false;
      return;
    }
    this.#running = true;
    this.#defer(() => {
      const outcome = this.#bench.perform(next.job);
      if (outcome instanceof Promise) void this.#endLater(next, outcome);
      else this.#end(next, outcome);
    }, next.job);
  }

  async #endLater(entry: { job: Job; done: Done }, outcome: Promise<Outcome>): Promise<void> {
    this.#end(entry, await outcome);
  }

  #end({ job, done }: { job: Job; done: Done }, outcome: Outcome): void {
    this.#queued--;
    try {
      done(job, outcome);
    } finally {
      this.#schedule();
    }
  }
}

const CLOSED: Outcome = {
  fault: { code: "ERR_DISK_CLOSED", message: "the disk layer was closed", path: undefined },
  value: undefined,
};
