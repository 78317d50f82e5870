// Stores for tests: one that keeps a diary of its calls, can be slow, and fails when told to.
import type { MaybePromise, StoreFactory, TorrentStore } from "../src/contract.ts";
import { memoryStore } from "../src/memory-store.ts";

/** A call of the store: what, which piece, from where, lengths of the views. */
export type Entry = readonly [call: string, piece: number, begin: number, ...lengths: number[]];

/** A memory store that tests hold the strings of. */
export interface DiaryStore extends StoreFactory {
  readonly diary: Entry[];
  /** Thrown by every write while it is set. */
  writeError: Error | undefined;
  /** Thrown by every read while it is set. */
  readError: Error | undefined;
  /** What all calls wait for, if set. */
  pause: Promise<void> | undefined;
  /** Loses all data, as a user who deletes files does. */
  wipe(): Promise<void>;
}

export function diaryStore(inner: StoreFactory = memoryStore()): DiaryStore {
  const opened: TorrentStore[] = [];
  const factory: DiaryStore = {
    diary: [],
    writeError: undefined,
    readError: undefined,
    pause: undefined,
    wipe: async () => {
      for (const store of opened) await store.remove?.();
    },
    open: async (layout): Promise<TorrentStore> => {
      const store = await inner.open(layout);
      opened.push(store);
      const later = <T>(work: () => MaybePromise<T>): MaybePromise<T> =>
        factory.pause === undefined ? work() : factory.pause.then(work);
      const lengths = (views: readonly Uint8Array[]): number[] => views.map((v) => v.length);
      return {
        read: (piece, begin, into) => {
          factory.diary.push(["read", piece, begin, ...lengths(into)]);
          if (factory.readError !== undefined) throw factory.readError;
          return later(() => store.read(piece, begin, into));
        },
        write: (piece, begin, from) => {
          factory.diary.push(["write", piece, begin, ...lengths(from)]);
          if (factory.writeError !== undefined) throw factory.writeError;
          return later(() => store.write(piece, begin, from));
        },
        commit: (piece) => void factory.diary.push(["commit", piece, 0]),
        flush: () => {
          factory.diary.push(["flush", 0, 0]);
          return later(() => store.flush());
        },
        close: () => {
          factory.diary.push(["close", 0, 0]);
          return store.close();
        },
        isEmpty: () => store.isEmpty?.() ?? false,
        move: (path) => {
          factory.diary.push(["move", path.length, 0]);
          return later(() => {});
        },
        remove: () => store.remove?.(),
      };
    },
  };
  return factory;
}

/** An error like Node's. */
export function nodeError(code: string): Error {
  return Object.assign(new Error(`${code}: of a test`), { code });
}
