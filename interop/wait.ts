// Waiting for something that another process does, never longer than a deadline.
import { setTimeout as pause } from "node:timers/promises";

/** How long any single step of a client may take, in ms: generous, because CI machines are slow. */
export const STEP_MS = 60_000;

const POLL_MS = 50;

/**
 * Asks `probe` again and again until it gives something other than `undefined`.
 *
 * @throws Error naming `what` when {@link STEP_MS} have passed; whatever `probe` throws.
 */
export async function until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + STEP_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${STEP_MS} ms`);
    await pause(POLL_MS);
  }
}

/**
 * The value of `promise`, if it comes in time.
 *
 * @throws Error naming `what` when {@link STEP_MS} have passed; the reason of `promise`.
 */
export async function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  const cancel = new AbortController();
  const late = pause(STEP_MS, undefined, { signal: cancel.signal }).then(() => {
    throw new Error(`${what}: not within ${STEP_MS} ms`);
  });
  late.catch(() => {}); // The abort below ends it with a reason that nobody needs.
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel.abort();
  }
}
