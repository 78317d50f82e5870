// A store as slow as one likes: to see what a slow disk does.
import { setTimeout as sleepFor } from "node:timers/promises";
import type { MaybePromise, StoreFactory, StoreLayout, TorrentStore } from "./contract.ts";
import { type Around, type InnerStore, openInner, wrapFactory, wrapStore } from "./middleware.ts";
import { moduleUrl } from "./module-url.ts";

/** How slow; at full speed by default. */
export interface SlowOptions {
  /** What each call costs, in ms. */
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  /** Waits; by default on the system's clock. With one of your own the store runs on the main thread. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** Makes calls wait in one line for a device that takes its time. Each disk thread has its own device. */
export function slow(store: StoreFactory, options: SlowOptions): StoreFactory {
  const { sleep, ...speed } = options;
  const device = around(options);
  const url = sleep === undefined ? moduleUrl(import.meta.url, "slow") : undefined;
  return wrapFactory(store, (opened) => wrapStore(opened, device), url, speed);
}

/** What disk threads call; see `StoreFactory.thread`. */
export async function openStore(
  layout: StoreLayout,
  options: SlowOptions & InnerStore,
): Promise<TorrentStore> {
  return wrapStore(await openInner(layout, options), around(options));
}

function around({ latencyMs = 0, bytesPerSecond, sleep = sleepFor }: SlowOptions): Around {
  const rate = bytesPerSecond ?? Number.POSITIVE_INFINITY;
  let line: Promise<unknown> = Promise.resolve();
  return (_, bytes, work): MaybePromise<unknown> => {
    const result = line.then(() => sleep(latencyMs + (bytes * 1000) / rate)).then(work);
    line = result.catch(() => {});
    return result;
  };
}
