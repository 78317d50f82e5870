// Runs jobs in a disk thread; one message per turn of the event loop each way.
import { Worker } from "node:worker_threads";
import { type Fault, faultOf } from "./error.ts";
import {
  type Counters,
  type Done,
  type Executor,
  type Job,
  noCounters,
  type Outcome,
} from "./jobs.ts";
import type { Order, Report, ThreadData } from "./thread-protocol.ts";

/**
 * While the thread has so many jobs unanswered, further ones wait for its next answer and go
 * together: a message costs as much as a job's bookkeeping. Reads never wait, for peers do.
 */
const BUSY = 8;

/**
 * MiB for a thread's new objects. Nearly all of what a job allocates dies with it, but the system's
 * default lets this memory grow far beyond what that needs.
 */
const YOUNG_GENERATION = 3;

/** One worker thread. It starts with the first job and keeps the process alive only while it works. */
export class ThreadExecutor implements Executor {
  readonly #slab: SharedArrayBuffer;
  readonly #yields: boolean;
  readonly #outstanding = new Map<number, { job: Job; done: Done }>();
  #worker: Worker | undefined;
  #orders: Order[] = [];
  /** `#send` will run at the end of this turn. */
  #sending = false;
  #nextId = 0;
  #counters: Counters = noCounters();
  #openHandles = 0;
  /** Why no more jobs can be run. */
  #fault: Fault | undefined;

  /** @param options.yields Whether all other work on the machine goes first, where that can be had. */
  constructor(slab: SharedArrayBuffer, { yields = false }: { yields?: boolean } = {}) {
    this.#slab = slab;
    this.#yields = yields;
  }

  get queued(): number {
    return this.#outstanding.size;
  }

  get counters(): Readonly<Counters> {
    return this.#counters;
  }

  get openHandles(): number {
    return this.#openHandles;
  }

  /** Whether the thread died: it takes no more jobs. */
  get isBroken(): boolean {
    return this.#fault !== undefined;
  }

  submit(job: Job, done: Done): void {
    const id = this.#nextId++;
    this.#outstanding.set(id, { job, done });
    if (this.#outstanding.size === 1) this.#worker?.ref();
    this.#orders.push({ id, job });
    const isBusy = this.#outstanding.size - this.#orders.length >= BUSY;
    if (!this.#sending && (!isBusy || job.kind === "read")) {
      this.#sending = true;
      setImmediate(this.#send);
    }
  }

  async close(): Promise<void> {
    this.#fault ??= {
      code: "ERR_DISK_CLOSED",
      message: "the disk layer was closed",
      path: undefined,
    };
    await this.#worker?.terminate();
    this.#worker = undefined;
    this.#fail();
  }

  readonly #send = (): void => {
    this.#sending = false;
    const orders = this.#orders;
    if (orders.length === 0) return;
    this.#orders = [];
    if (this.#fault !== undefined) {
      this.#fail();
      return;
    }
    this.#worker ??= this.#start();
    this.#worker.postMessage(orders);
  };

  #start(): Worker {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const workerData: ThreadData = { slab: this.#slab, yields: this.#yields };
    const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), {
      workerData,
      name: "shoal-disk",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
      ...threadOptions(),
    });
    worker.on("message", (report: Report) => this.#receive(report));
    worker.on("error", (error) => this.#died(error));
    worker.on("exit", (code) => this.#died(new Error(`the disk thread exited with code ${code}`)));
    return worker;
  }

  #receive({ answers, counters, openHandles }: Report): void {
    this.#counters = counters;
    this.#openHandles = openHandles;
    for (let i = 0; i < answers.length; i += 2) {
      const id = answers[i];
      const outcome = answers[i + 1];
      if (typeof id !== "number" || typeof outcome !== "object") continue;
      const entry = this.#outstanding.get(id);
      this.#outstanding.delete(id);
      if (entry !== undefined) tell(entry, outcome);
    }
    this.#send();
    if (this.#outstanding.size === 0) this.#worker?.unref();
  }

  #died(error: unknown): void {
    this.#fault ??= { ...faultOf(error), code: "ERR_DISK_THREAD" };
    this.#openHandles = 0;
    this.#fail();
  }

  /** Ends everything outstanding with the fault; each may submit more, which ends the same way. */
  #fail(): void {
    const fault = this.#fault;
    const entries = [...this.#outstanding.values()];
    this.#outstanding.clear();
    for (const entry of entries) tell(entry, { fault, value: undefined });
  }
}

/** An error of whoever is told must not keep the news from others: it becomes an uncaught one. */
function tell({ job, done }: { job: Job; done: Done }, outcome: Outcome): void {
  try {
    done(job, outcome);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A process that runs code from its command line has options that a thread with a file refuses. */
function threadOptions(): { execArgv?: string[] } {
  const options = process.execArgv;
  if (!options.some((option) => option.startsWith("--input-type"))) return {};
  return { execArgv: options.filter((option) => option.startsWith("--conditions=")) };
}
