// A job whose answer somebody awaits.
import { diskError } from "./error.ts";
import type { Executor, Job, Outcome } from "./jobs.ts";

/**
 * Runs one job.
 *
 * @throws DiskError if it fails.
 */
export function ask(executor: Executor, job: Job): Promise<Outcome["value"]> {
  return new Promise((resolve, reject) => {
    executor.submit(job, (_, { fault, value }) => {
      if (fault === undefined) resolve(value);
      else reject(diskError(fault, DOING[job.kind]));
    });
  });
}

/** What users read that failed. */
const DOING: Record<Job["kind"], string> = {
  open: "opening the store",
  read: "reading",
  write: "writing",
  complete: "hashing and writing",
  check: "checking the data",
  digest: "hashing files",
  flush: "flushing",
  finish: "creating empty files",
  isEmpty: "looking for data",
  fileFacts: "looking at files",
  move: "moving the data",
  rename: "renaming a file",
  setWanted: "selecting files",
  present: "listing pieces",
  capacity: "asking for free space",
  close: "closing the store",
};
