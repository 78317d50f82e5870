// A question by UDP: sent again until it is answered, given up after a few times.
import type { Datagrams, Endpoint } from "@shoal/core";
import { PortMapError } from "./error.ts";
import type { MethodHost } from "./method.ts";

/** One question. */
export interface Question<T> {
  readonly message: Uint8Array;
  readonly to: readonly Endpoint[];
  /** After these many ms each it is sent again; after the last it is given up. */
  readonly waits: readonly number[];
  /** What it is about, for errors: as in “PCP at 192.0.2.1”. */
  readonly about: string;
  /** Reads an answer; undefined if it is none. Must not throw. */
  readonly read: (bytes: Uint8Array, from: Endpoint) => T | undefined;
}

/**
 * Asks over `socket`, whose receiver it becomes.
 *
 * @throws PortMapError `ERR_PORTMAP_UNANSWERED`; the signal's reason.
 */
export function ask<T>(
  { clock, deadlines }: Pick<MethodHost, "clock" | "deadlines">,
  socket: Datagrams,
  { message, to, waits, about, read }: Question<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    const send = (now: number): void => {
      const wait = waits[sent++];
      if (wait === undefined) {
        const error = new PortMapError("ERR_PORTMAP_UNANSWERED", `${about} does not answer`);
        finish(() => reject(error));
        return;
      }
      for (const endpoint of to) socket.send(message, endpoint);
      alarm.set(now + wait);
    };
    const alarm = deadlines.alarm(send);
    const finish = (settle: () => void): void => {
      alarm.clear();
      socket.attach(() => {});
      signal.removeEventListener("abort", abort);
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.attach((bytes, from) => {
      const answer = read(bytes, from);
      if (answer !== undefined) finish(() => resolve(answer));
    });
    send(clock.now());
  });
}
