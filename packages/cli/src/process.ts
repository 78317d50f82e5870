// Binds a run to this process: its arguments, streams, signals and exit code.
import { Interrupted } from "./error.ts";
import { run } from "./run.ts";

/** Exit codes of shells for programs that a signal ended. */
const SIGNALS: readonly (readonly [NodeJS.Signals, exitCode: number])[] = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
];

/** Runs the command line and ends the process. */
export async function runProcess(args: readonly string[]): Promise<void> {
  const leaving = new AbortController();
  for (const [name, exitCode] of SIGNALS) {
    process.on(name, () => {
      // Whoever asks twice does not want to wait for trackers and disks.
      if (leaving.signal.aborted) process.exit(exitCode);
      leaving.abort(new Interrupted(exitCode));
    });
  }
  // The reader of a pipe went away, as `head` does: nobody is left to work for.
  process.stdout.on("error", () => leaving.abort(new Interrupted(141)));
  const exitCode = await run(args, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: leaving.signal,
  });
  // Not by waiting for the event loop to run dry: a name that is still being resolved would hold it.
  process.stdout.write("", () => process.exit(exitCode));
}
