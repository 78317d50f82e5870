// Extra threads for checks: started when one begins, shared by all, ended with the last.
import { ask } from "./ask.ts";
import type { DiskTorrentSpec } from "./contract.ts";
import { addCounters, type Counters, type Executor, noCounters } from "./jobs.ts";
import { ThreadExecutor } from "./thread-executor.ts";

/** What one check borrows. */
export interface Loan {
  /** Each comes when it has opened the torrent's store, or rejects with a DiskError if it can't. */
  readonly executors: readonly Promise<Executor>[];
  giveBack(): Promise<void>;
}

/** At most `limit` threads, none of which exists while no check runs. */
export class CheckThreads {
  readonly #limit: number;
  /** Checks touch no slab. */
  readonly #noSlab = new SharedArrayBuffer(0);
  readonly #past: Counters = noCounters();
  #threads: ThreadExecutor[] = [];
  #loans = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get threads(): readonly ThreadExecutor[] {
    return this.#threads;
  }

  /** What all threads did, those that have ended too. */
  get counters(): Counters {
    return this.#threads.reduce(
      (sum, thread) => addCounters(sum, thread.counters),
      addCounters(noCounters(), this.#past),
    );
  }

  /** Begins to open the torrent's store in every thread. */
  borrow(torrent: number, spec: DiskTorrentSpec): Loan {
    const { thread } = spec.store;
    if (thread === undefined || this.#limit <= 0) return NOTHING;
    this.#loans++;
    while (this.#threads.length < this.#limit) {
      this.#threads.push(new ThreadExecutor(this.#noSlab, { yields: true }));
    }
    const { layout, pieceHashes } = spec;
    const job = { kind: "open", torrent, layout, pieceHashes, ...thread } as const;
    const executors = this.#threads.map(async (executor) => {
      await ask(executor, job);
      return executor;
    });
    return { executors, giveBack: () => this.#giveBack(torrent, executors) };
  }

  async #giveBack(torrent: number, executors: readonly Promise<Executor>[]): Promise<void> {
    const job = { kind: "close", torrent, deleteData: false } as const;
    await Promise.allSettled(executors.map(async (executor) => ask(await executor, job)));
    this.#loans--;
    if (this.#loans > 0) return;
    const ended = this.#threads;
    this.#threads = [];
    for (const thread of ended) addCounters(this.#past, thread.counters);
    await Promise.all(ended.map((thread) => thread.close()));
  }
}

/** For checks that need no help. */
export const NOTHING: Loan = { executors: [], giveBack: () => Promise.resolve() };
