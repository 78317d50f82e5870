// Real time: the clock, and the one timer that drives an engine's deadlines.
import type { Clock, Deadlines } from "@shoal/core";

/** The longest that one timer can wait, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The process's monotonic clock, in ms. */
export function clock(): Clock {
  return { now: () => performance.now() };
}

/**
 * Drives `deadlines` with a single timer until it is closed; takes over their `onEarlier`.
 *
 * The timer does not keep the process alive: whoever waits also has a socket or a thread that does.
 */
export function deadlineDriver(deadlines: Deadlines, clock: Clock): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let armedFor = Number.POSITIVE_INFINITY;
  let isClosed = false;
  const arm = (): void => {
    const next = deadlines.nextDeadline() ?? Number.POSITIVE_INFINITY;
    // An earlier timer stays: it finds nothing due and arms again, which is cheaper than moving it.
    if (next >= armedFor || isClosed) return;
    clearTimeout(timer);
    armedFor = next;
    const wait = Math.min(Math.max(Math.ceil(next - clock.now()), 1), LONGEST_MS);
    timer = setTimeout(ring, wait).unref();
  };
  const ring = (): void => {
    // Alarms set meanwhile are looked at together afterwards.
    armedFor = Number.NEGATIVE_INFINITY;
    deadlines.advance(clock.now());
    armedFor = Number.POSITIVE_INFINITY;
    arm();
  };
  deadlines.onEarlier = arm;
  arm();
  return {
    close: () => {
      clearTimeout(timer);
      deadlines.onEarlier = undefined;
      isClosed = true;
    },
  };
}
