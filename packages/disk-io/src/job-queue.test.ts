import { expect, it } from "vitest";
import { JobQueue } from "./job-queue.ts";
import type { Job } from "./jobs.ts";

it("takes reads first, then pieces to hash, then writes, checks last; each in order", () => {
  const queue = new JobQueue<{ job: Job; n: number }>();
  const jobs: Job[] = [
    { kind: "check", torrent: 0, pieces: [] },
    { kind: "flush", torrent: 0, found: [] },
    { kind: "complete", torrent: 0, piece: 0, runs: [], wantsDigests: false },
    { kind: "read", torrent: 0, piece: 0, runs: [] },
    { kind: "write", torrent: 0, piece: 0, runs: [] },
    { kind: "read", torrent: 0, piece: 1, runs: [] },
  ];
  for (const [n, job] of jobs.entries()) queue.push({ job, n });
  const order: (number | undefined)[] = [];
  while (queue.size > 0) order.push(queue.shift()?.n);
  expect(order).toEqual([3, 5, 2, 1, 4, 0]);
  expect(queue.shift()).toBeUndefined();
});
