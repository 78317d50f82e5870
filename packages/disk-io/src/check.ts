// Hashes a torrent's pieces from its store, spread over executors in small batches.
import { Bitfield, type PieceGeometry } from "@shoal/core";
import { ask } from "./ask.ts";
import type { DiskTorrent } from "./contract.ts";
import type { Executor } from "./jobs.ts";

/** See `DiskTorrent.check`. */
export type CheckOptions = NonNullable<Parameters<DiskTorrent["check"]>[0]>;

/** Bytes of a batch: a few milliseconds, for other work waits for a batch to end. */
const BATCH = 4 * 1024 * 1024;

/**
 * Every executor gets two batches at a time, so that it never waits and an abort is quick.
 *
 * @throws the signal's reason; DiskError for I/O errors.
 */
export async function checkPieces(
  torrent: number,
  geometry: PieceGeometry,
  pieces: Bitfield,
  executors: readonly Executor[],
  { onProgress, signal }: CheckOptions,
): Promise<Bitfield> {
  const good = new Bitfield(geometry.pieceCount);
  const batches = batchesOf(pieces, Math.max(1, Math.floor(BATCH / geometry.pieceLength)));
  let checked = 0;
  let told = 0;
  let failed = false;
  const work = async (executor: Executor): Promise<void> => {
    for (const batch of batches) {
      const value = await ask(executor, { kind: "check", torrent, pieces: batch });
      if (!(value instanceof Uint8Array)) continue;
      for (const [i, piece] of batch.entries()) if (value[i] === 1) good.add(piece);
      checked += batch.length;
      // Answers that came in one message are told once: later microtasks see the last count.
      await Promise.resolve();
      if (told < checked && !failed && !signal?.aborted) onProgress?.((told = checked));
      if (failed || signal?.aborted) return;
    }
  };
  const lanes = executors.flatMap((executor) => [work(executor), work(executor)]);
  const ends = await Promise.allSettled(
    lanes.map((lane) =>
      lane.catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  signal?.throwIfAborted();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return good;
}

/** Cuts the members into arrays of at most `size`; several may take from it in turns. */
function* batchesOf(pieces: Iterable<number>, size: number): Generator<number[]> {
  let batch: number[] = [];
  for (const piece of pieces) {
    batch.push(piece);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
