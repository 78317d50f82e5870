// The order of one torrent's jobs and fences: a fence waits for what came before and holds what comes after.
import type { Executor, Job, Outcome } from "./jobs.ts";

/** What a gate needs of its torrent. */
export interface GateOwner {
  /** A job has ended. */
  ended(job: Job, outcome: Outcome): void;
  /** The last fence has ended: jobs may be submitted again. */
  opened(): void;
}

/** Work that runs while no job of the torrent does. */
interface Fence {
  /** Submits, by {@link Gate.submitAhead}, what must be done before the body runs. */
  readonly prepare: () => void;
  readonly body: () => void;
  /** How often `prepare` is still to be called: twice, for a job under way may leave work behind. */
  rounds: number;
}

/**
 * Jobs are passed on at once while no fence is there, else they queue behind it. Jobs always end and
 * never wait for a fence, a fence waits only for jobs: so nothing here can wait in a circle.
 */
export class Gate {
  readonly #executor: Executor;
  readonly #owner: GateOwner;
  #line: (Job | Fence)[] = [];
  #fence: Fence | undefined;
  #running = false;
  #outstanding = 0;

  constructor(executor: Executor, owner: GateOwner) {
    this.#executor = executor;
    this.#owner = owner;
  }

  /** Whether a fence is there: jobs submitted now have to wait for it. */
  get isHolding(): boolean {
    return this.#fence !== undefined;
  }

  /** Jobs that wait behind a fence. */
  get held(): number {
    return this.#line.length;
  }

  submit(job: Job): void {
    if (this.#fence === undefined) this.submitAhead(job);
    else this.#line.push(job);
  }

  /** Submits a job that belongs to the work before the fence, which must not be running yet. */
  submitAhead(job: Job): void {
    this.#outstanding++;
    this.#executor.submit(job, this.#end);
  }

  /**
   * Runs `body` when all that was submitted before has ended, and all that `prepare` submits.
   *
   * @returns what `body` returns.
   */
  fence<T>(prepare: (() => void) | undefined, body: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        void body().then(resolve, reject).finally(this.#open);
      };
      this.#line.push({
        prepare: prepare ?? (() => {}),
        body: run,
        rounds: prepare === undefined ? 0 : 2,
      });
      this.#pump();
    });
  }

  /** Ends the jobs that wait behind the running fence, without running them. */
  abandon(outcome: Outcome): void {
    for (const item of this.#line.splice(0)) {
      if ("kind" in item) this.#owner.ended(item, outcome);
    }
  }

  readonly #end = (job: Job, outcome: Outcome): void => {
    try {
      // What the owner submits in answer belongs before the fence, so it counts first.
      this.#owner.ended(job, outcome);
    } finally {
      this.#outstanding--;
      this.#pump();
    }
  };

  readonly #open = (): void => {
    this.#running = false;
    this.#fence = undefined;
    this.#pump();
    if (this.#fence !== undefined) return;
    // An array keeps the room of what it once held.
    this.#line = [];
    this.#owner.opened();
  };

  #pump(): void {
    while (!this.#running) {
      if (this.#fence === undefined) {
        const next = this.#line.shift();
        if (next === undefined) return;
        if ("kind" in next) this.submitAhead(next);
        else this.#fence = next;
      } else if (this.#outstanding > 0) {
        return;
      } else if (this.#fence.rounds > 0) {
        this.#fence.rounds--;
        this.#fence.prepare();
      } else {
        this.#running = true;
        this.#fence.body();
      }
    }
  }
}
