// Sends bytes one at a time, as slow lorises do.
import type { Attack } from "./hostile-peer.ts";

/** Sends a byte a second until they are all out or the stream is over. */
export function drip({ peer, clock, deadlines }: Attack, bytes: Uint8Array): void {
  let at = 0;
  const alarm = deadlines.alarm((now) => {
    peer.raw(bytes.subarray(at, at + 1));
    at++;
    if (at < bytes.length) alarm.set(now + 1000);
  });
  alarm.set(clock.now());
  void peer.closed.then(() => alarm.clear());
}
