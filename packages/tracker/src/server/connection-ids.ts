// Connection ids of the UDP tracker, kept nowhere: a keyed hash of the endpoint and the minute.
import { createHmac, randomBytes } from "node:crypto";
import type { ConnectionIds } from "./udp-answer.ts";

/** @param now Ms of a monotonic clock. */
export function connectionIds(now: () => number): ConnectionIds {
  const key = randomBytes(32);
  const idOf = (endpoint: string, minute: number): bigint =>
    createHmac("sha256", key).update(`${minute} ${endpoint}`).digest().readBigUInt64BE(0);
  const minuteNow = (): number => Math.floor(now() / 60_000);
  return {
    issue: (endpoint) => idOf(endpoint, minuteNow()),
    // The ids are worth nothing but a place in a swarm and change each minute, so that comparing
    // them in constant time would protect nothing.
    accepts: (endpoint, id) =>
      id === idOf(endpoint, minuteNow()) || id === idOf(endpoint, minuteNow() - 1),
  };
}
