// Real time, chance and turns for a session on Node.
import { hash, randomBytes } from "node:crypto";
import { createRng, Deadlines } from "@shoal/core";
import { clock, deadlineDriver } from "@shoal/net";
import type { Runtime } from "../init.ts";

/** A runtime, and what ends its timer. */
export function nodeRuntime(): Runtime & { stop(): void } {
  const time = clock();
  const deadlines = new Deadlines();
  const driver = deadlineDriver(deadlines, time);
  return {
    clock: time,
    deadlines,
    rng: createRng(randomBytes(4).readUInt32BE()),
    entropy: (bytes) => randomBytes(bytes),
    sha1: (bytes) => hash("sha1", bytes, "buffer"),
    defer: (task) => void setImmediate(task),
    stop: () => driver.close(),
  };
}
