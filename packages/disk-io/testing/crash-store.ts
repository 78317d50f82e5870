// A store for disk threads that kills its thread with the first write.
import type { StoreFactory, TorrentStore } from "../src/contract.ts";

export function crashStore(how: "exit" | "throw"): StoreFactory {
  return {
    open: () => openStore(undefined, how),
    thread: { module: import.meta.url, options: how },
  };
}

export function openStore(_: unknown, how: "exit" | "throw"): TorrentStore {
  return {
    read: () => 0,
    write: () => {
      if (how === "exit") process.exit(3);
      setImmediate(() => {
        throw new Error("a bug in a store");
      });
      return new Promise(() => {});
    },
    flush: () => {},
    close: () => {},
  };
}
