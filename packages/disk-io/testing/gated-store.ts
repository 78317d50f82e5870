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
  /** Lets all calls go on, for good. */
  release(): void;
}

const CALLS = ["read", "write", "flush"] as const;
/** Places in the shared memory: whether it was released, how many calls there were, then the calls. */
const RELEASED = 0;
const COUNT = 1;
/** How many calls have a place; those that have been noted are counted afterwards. */
const TAKEN = 2;
/** Whether reads wait too, as writes and flushes do. */
const HOLDS_READS = 3;
const FIRST = 4;
const FIELDS = 4;

export function gatedStore({ holdsReads = false }: { holdsReads?: boolean } = {}): GatedStore {
  const shared = new SharedArrayBuffer(65_536);
  const log = new Int32Array(shared);
  log[HOLDS_READS] = Number(holdsReads);
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
    const at = FIRST + Atomics.add(log, TAKEN, 1) * FIELDS;
    log.set([call, piece, Number(layout?.id), threadId], at);
    Atomics.add(log, COUNT, 1);
    Atomics.notify(log, COUNT);
  };
  return {
    read: (piece, _, into) => {
      note(0, piece);
      if (log[HOLDS_READS] === 1) Atomics.wait(log, RELEASED, 0);
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
