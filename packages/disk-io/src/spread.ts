// Spreads batches of pieces over executors, with progress and abort.
import type { Executor } from "./jobs.ts";

/** Bytes of a batch: about a millisecond, for other work waits for a batch to end. */
const BATCH = 1024 * 1024;

/** What ends it early, looked at now and then: an `AbortSignal`, or less. */
export type Stop = Pick<AbortSignal, "aborted" | "throwIfAborted">;

/** What is spread, and who follows it. */
export interface Spread {
  /** Those that are promised take part from when they are there. */
  readonly executors: readonly (Executor | Promise<Executor>)[];
  readonly pieces: Iterable<number>;
  readonly pieceLength: number;
  /** Has an executor do one batch. */
  readonly work: (executor: Executor, batch: readonly number[]) => Promise<void>;
  /** Called with the number of pieces done so far, at most once a turn of the event loop. */
  readonly onProgress?: ((pieces: number) => void) | undefined;
  readonly signal?: Stop | undefined;
}

/**
 * Does all batches. Every executor gets two at a time, so that it never waits and an abort is quick.
 *
 * @throws the signal's reason, or what the first failing batch threw; when that happens nothing is
 *   under way any more.
 */
export async function spread(options: Spread): Promise<void> {
  const { executors, pieces, pieceLength, work, onProgress, signal } = options;
  const batches = batchesOf(pieces, pieceLength);
  let done = 0;
  let told = 0;
  let failed = false;
  const run = async (executor: Executor): Promise<void> => {
    for (const batch of batches) {
      if (failed || signal?.aborted) return;
      await work(executor, batch);
      done += batch.length;
      // Several answers come in one message: let all of them count before telling.
      await Promise.resolve();
      if (failed || signal?.aborted || told === done) continue;
      told = done;
      onProgress?.(done);
    }
  };
  const lane = async (executor: Executor | Promise<Executor>): Promise<void> => {
    try {
      // One that is there begins in this very turn.
      await run(executor instanceof Promise ? await executor : executor);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  signal?.throwIfAborted();
  const lanes = executors.flatMap((executor) => [lane(executor), lane(executor)]);
  const ends = await Promise.allSettled(lanes);
  signal?.throwIfAborted();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Cuts the pieces into batches; several may take from it in turns. */
export function* batchesOf(pieces: Iterable<number>, pieceLength: number): Generator<number[]> {
  const size = Math.max(1, Math.floor(BATCH / pieceLength));
  let batch: number[] = [];
  for (const piece of pieces) {
    batch.push(piece);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
