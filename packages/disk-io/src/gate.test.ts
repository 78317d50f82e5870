import { createRng } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { turn } from "../testing/torrent.ts";
import { Gate } from "./gate.ts";
import type { Done, Executor, Job, Outcome } from "./jobs.ts";
import { noCounters } from "./jobs.ts";

const OK: Outcome = { fault: undefined, value: undefined };

/** Ends jobs in the order that the test likes. */
class Manual implements Executor {
  readonly entries: { job: Job; done: Done }[] = [];
  readonly counters = noCounters();
  readonly openHandles = 0;
  get queued(): number {
    return this.entries.length;
  }
  submit(job: Job, done: Done): void {
    this.entries.push({ job, done });
  }
  end(index: number): void {
    const [entry] = this.entries.splice(index, 1);
    entry?.done(entry.job, OK);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const job = (piece: number): Job => ({ kind: "write", torrent: 0, piece, runs: [] });

describe("the gate", () => {
  it("keeps fences apart from jobs under random schedules, and always ends", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.constantFrom("job", "fence", "end", "turn")),
        async (seed, actions) => {
          const rng = createRng(seed);
          const executor = new Manual();
          const log: string[] = [];
          const submitted: string[] = [];
          let isRunning = false;
          const gate = new Gate(executor, {
            ended: (ended) => {
              expect(isRunning).toBe(false);
              if (ended.kind === "write" && ended.piece < 1000) log.push(`job ${ended.piece}`);
            },
            opened: () => {},
          });
          const fences: Promise<void>[] = [];
          const add = (what: string, n: number): void => {
            if (what === "end") {
              executor.end(Math.floor(rng() * executor.entries.length));
            } else if (what === "job") {
              submitted.push(`job ${n}`);
              gate.submit(job(n));
            } else {
              submitted.push(`fence ${n}`);
              const prepare = rng() < 0.5 ? () => gate.submitAhead(job(1000 + n)) : undefined;
              const body = async (): Promise<void> => {
                expect(executor.entries).toEqual([]);
                isRunning = true;
                await Promise.resolve();
                log.push(`fence ${n}`);
                isRunning = false;
                if (rng() < 0.2) throw new Error("of a fence");
              };
              fences.push(gate.fence(prepare, body).catch(() => {}));
            }
          };
          for (const [n, what] of actions.entries()) {
            if (what === "turn") await turn();
            else add(what, n);
          }
          for (let idle = 0; idle < 3; idle++) {
            await turn();
            while (executor.entries.length > 0) {
              executor.end(0);
              idle = 0;
            }
          }
          await Promise.all(fences);
          // Between two fences the same jobs ended that were submitted between them.
          expect(sections(log)).toEqual(sections(submitted));
          expect(gate.isHolding).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** Jobs between fences, sorted, for jobs without a fence between them may end in any order. */
function sections(log: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const entry of log) {
    if (entry.startsWith("fence")) all.push([entry], []);
    else all.at(-1)?.push(entry);
  }
  return all.map((section) => section.sort());
}
