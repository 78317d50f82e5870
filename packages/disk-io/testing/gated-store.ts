// A store for disk threads that waits until a test lets it go on, and logs its calls in shared memory.
import { threadId } from "node:worker_threads";
import type { StoreFactory, StoreLayout, TorrentStore } from "../src/contract.ts";

/** A call, which piece it was about (−1 for a flush), of which torrent, in which thread. */
export interface Call {
  readonly call: "read" | "write" | "flush";
  readonly piece: number;
  readonly torrent: string;
  readonly thread: number;
}

/** The test's end of it. */
export interface GatedStore extends StoreFactory {
  /** All calls so far. */
  calls(): Call[];
  /** Resolves when there were so many. */
  called(count: number): Promise<void>;
  /** Lets writes and flushes go on, for good. */
  release(): void;
}

const CALLS = ["read", "write", "flush"] as const;
/** Places in the shared memory: whether it was released, how many calls there were, then the calls. */
const RELEASED = 0;
const COUNT = 1;
const FIRST = 2;
const FIELDS = 4;

export function gatedStore(): GatedStore {
  const shared = new SharedArrayBuffer(4096);
  const log = new Int32Array(shared);
  return {
    open: (layout) => openStore(layout, shared),
    thread: { module: import.meta.url, options: shared },
    calls: () =>
      Array.from({ length: log[COUNT] ?? 0 }, (_, i) => {
        const [call = 0, piece = 0, torrent = 0, thread = 0] = log.subarray(FIRST + i * FIELDS);
        return { call: CALLS[call] ?? "read", piece, torrent: `${torrent}`, thread };
      }),
    called: async (count) => {
      for (let n = Atomics.load(log, COUNT); n < count; n = Atomics.load(log, COUNT)) {
        await Atomics.waitAsync(log, COUNT, n).value;
      }
    },
    release: () => {
      Atomics.store(log, RELEASED, 1);
      Atomics.notify(log, RELEASED);
    },
  };
}

/** @param layout Its `id` is a number. */
export function openStore(
  layout: StoreLayout | undefined,
  shared: SharedArrayBuffer,
): TorrentStore {
  const log = new Int32Array(shared);
  const note = (call: number, piece: number): void => {
    const at = FIRST + (log[COUNT] ?? 0) * FIELDS;
    log.set([call, piece, Number(layout?.id), threadId], at);
    Atomics.add(log, COUNT, 1);
    Atomics.notify(log, COUNT);
  };
  return {
    read: (piece, _, into) => {
      note(0, piece);
      return into.reduce((sum, view) => sum + view.length, 0);
    },
    write: (piece) => {
      note(1, piece);
      Atomics.wait(log, RELEASED, 0);
    },
    flush: async () => {
      note(2, -1);
      await Atomics.waitAsync(log, RELEASED, 0).value;
    },
    close: () => {},
  };
}
