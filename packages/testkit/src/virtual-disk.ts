// A disk on virtual time, for the disk layer's `execute` option.
import { BLOCK_SIZE } from "@shoal/core";
import type { Simulation } from "./simulation.ts";

/** How fast a disk is; at once by default. */
export interface VirtualDiskOptions {
  /** What each job costs, in ms; checking costs it for each piece. */
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
}

/** As much of a job of `@shoal/disk-io` as its cost needs. */
export interface VirtualDiskJob {
  readonly kind: string;
  /**
   * Triples. Those of `complete`: −1 if the blocks must be read back, their number, 1 if they must be
   * written. Those of others end with the number of blocks.
   */
  readonly runs?: readonly number[];
  readonly pieces?: readonly number[];
}

/** What `createDiskIo({ execute })` takes. */
export interface VirtualDisk {
  /** Calls `turn` in a turn of its own, when the job would be done. */
  readonly defer: (turn: () => void, job: VirtualDiskJob) => void;
}

/** Makes one disk: everything that is deferred through it, of any torrent, queues for it. */
export function virtualDisk(sim: Simulation, options: VirtualDiskOptions = {}): VirtualDisk {
  const { latencyMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = options;
  let freeAt = 0;
  return {
    defer: (turn, job) => {
      const cost = latencyMs * (job.pieces?.length ?? 1) + (bytesOf(job) * 1000) / bytesPerSecond;
      freeAt = Math.max(freeAt, sim.clock.now()) + cost;
      sim.deadlines.alarm(turn).set(freeAt);
    },
  };
}

function bytesOf({ kind, runs = [] }: VirtualDiskJob): number {
  let blocks = 0;
  for (let i = 0; i + 2 < runs.length; i += 3) {
    const [first = 0, second = 0, third = 0] = [runs[i], runs[i + 1], runs[i + 2]];
    if (kind !== "complete") blocks += third;
    else if (first < 0 || third === 1) blocks += second;
  }
  return blocks * BLOCK_SIZE;
}
