// A store that tells how long its calls take.
import type { MaybePromise, StoreFactory } from "./contract.ts";
import { type Around, type StoreCall, wrapFactory, wrapStore } from "./middleware.ts";

/** One call of a store that has ended. */
export interface TimedCall {
  readonly call: StoreCall;
  /** What was to be read or written; 0 for other calls. */
  readonly bytes: number;
  readonly ms: number;
  readonly failed: boolean;
}

/**
 * Tells of every call when it has ended. The store runs on the main thread.
 *
 * @param now The time in ms; by default of the system's monotonic clock.
 */
export function timed(
  store: StoreFactory,
  ended: (call: TimedCall) => void,
  now: () => number = () => performance.now(),
): StoreFactory {
  const around: Around = (call, bytes, work): MaybePromise<unknown> => {
    const start = now();
    const tell = (failed: boolean): void => ended({ call, bytes, ms: now() - start, failed });
    let result: MaybePromise<unknown>;
    try {
      result = work();
    } catch (error) {
      tell(true);
      throw error;
    }
    if (!(result instanceof Promise)) tell(false);
    else
      result.then(
        () => tell(false),
        () => tell(true),
      );
    return result;
  };
  return wrapFactory(store, (opened) => wrapStore(opened, around));
}
