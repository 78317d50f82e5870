// Extra threads for checks: started when one begins, shared by all, ended with the last.
import { ask } from "./ask.ts";
import type { DiskTorrentSpec } from "./contract.ts";
import { addCounters, type Counters, noCounters } from "./jobs.ts";
import { ThreadExecutor } from "./thread-executor.ts";

/** What one check borrows. */
export interface Loan {
  readonly executors: readonly ThreadExecutor[];
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

  /**
   * Opens the torrent's store in every thread.
   *
   * @throws DiskError if that fails; nothing is on loan then.
   */
  async borrow(torrent: number, spec: DiskTorrentSpec): Promise<Loan> {
    const { thread } = spec.store;
    if (thread === undefined || this.#limit <= 0) return NOTHING;
    this.#loans++;
    while (this.#threads.length < this.#limit) this.#threads.push(new ThreadExecutor(this.#noSlab));
    const executors = [...this.#threads];
    const { layout, pieceHashes } = spec;
    const giveBack = (): Promise<void> => this.#giveBack(torrent, executors);
    try {
      const open = { kind: "open", torrent, layout, pieceHashes, ...thread } as const;
      await Promise.all(executors.map((executor) => ask(executor, open)));
    } catch (error) {
      await giveBack();
      throw error;
    }
    return { executors, giveBack };
  }

  async #giveBack(torrent: number, executors: readonly ThreadExecutor[]): Promise<void> {
    const close = { kind: "close", torrent, deleteData: false } as const;
    await Promise.allSettled(executors.map((executor) => ask(executor, close)));
    this.#loans--;
    if (this.#loans > 0) return;
    const ended = this.#threads;
    this.#threads = [];
    for (const thread of ended) addCounters(this.#past, thread.counters);
    await Promise.all(ended.map((thread) => thread.close()));
  }
}

const NOTHING: Loan = { executors: [], giveBack: () => Promise.resolve() };
