// The body of a disk thread: takes batches of jobs, runs the most urgent first, answers in batches.
import { constants, setPriority } from "node:os";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { keepFewHandles, openHandles } from "./handle-pool.ts";
import { JobQueue } from "./job-queue.ts";
import type { Job, Outcome } from "./jobs.ts";
import type { Order, Report, ThreadData } from "./thread-protocol.ts";
import { Workbench } from "./workbench.ts";

/** How long an answer may wait for others to share its message, in ms. */
const PATIENCE = 1;

const port = parentPort;
const { slab, yields } = workerData as ThreadData;
const bench = new Workbench(Buffer.from(slab));
const queue = new JobQueue<Order>();
let answers: (number | Outcome)[] = [];
let oldest = 0;
let working = false;

if (yields) keepFewHandles();
// There, and only there, 0 is this thread and not the whole process.
if (yields && process.platform === "linux")
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

port?.on("message", (orders: Order[]) => {
  enqueue(orders);
  if (!working) void work();
});

async function work(): Promise<void> {
  working = true;
  for (let order = queue.shift(), following: Order | undefined; order; order = following) {
    const { id, job } = order;
    const pending = bench.perform(job);
    if (pending instanceof Promise && isAlone(job)) {
      void pending.then((outcome) => {
        answer(id, outcome);
        report();
      });
    } else {
      answer(id, pending instanceof Promise ? await pending : pending);
    }
    following = next();
    // Peers wait for reads, but not so long that another could not share the message.
    const isLastRead = job.kind === "read" && following?.job.kind !== "read";
    if (isLastRead || performance.now() - oldest >= PATIENCE) report();
  }
  report();
  working = false;
}

/**
 * Whether the job's torrent has no other under way: while a store takes its time for such a one, as
 * for a flush, the thread goes on with other torrents.
 */
function isAlone({ kind }: Job): boolean {
  return !["read", "write", "complete", "check", "digest"].includes(kind);
}

function answer(id: number, outcome: Outcome): void {
  if (answers.length === 0) oldest = performance.now();
  answers.push(id, outcome);
}

/** The next job, after a look for more urgent ones that have come meanwhile. */
function next(): Order | undefined {
  if (port !== null) {
    for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
      enqueue(got.message as Order[]);
    }
  }
  return queue.shift();
}

function enqueue(orders: Order[]): void {
  for (const order of orders) queue.push(order);
}

function report(): void {
  if (answers.length === 0) return;
  const message: Report = { answers, counters: bench.counters, openHandles: openHandles() };
  port?.postMessage(message);
  answers = [];
}
