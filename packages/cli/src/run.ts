// One run of the command line: arguments in, exit code out.
import { asError } from "@shoal/core";
import { CommanderError } from "commander";
import type { Context } from "./context.ts";
import { exitCodeOf, explain, UsageError } from "./error.ts";
import type { Io } from "./io.ts";
import { makeProgram } from "./program.ts";
import { humanReporter } from "./report/human.ts";
import { jsonReporter } from "./report/json.ts";
import type { Reporter } from "./report/report.ts";
import { openScreen } from "./report/screen.ts";

/** Trackers may take some seconds to hear that we go. */
const GOODBYE = "leaving; press Ctrl-C again to leave at once";

/**
 * Runs the command that the arguments name. Never rejects: what goes wrong is reported.
 *
 * @param args Without the names of Node and the program.
 * @returns 0 for success, 1 for failure, 2 for wrong usage, 128 and more when interrupted.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const reporter = openReporter(args, io);
  const context: Context = { reporter, signal: io.signal, env: io.env };
  const program = makeProgram(io, context);
  const sayGoodbye = (): void => reporter.report({ event: "note", message: GOODBYE });
  io.signal.addEventListener("abort", sayGoodbye, { once: true });
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    reporter.report({ event: "error", ...explain(error) });
    if (io.env.DEBUG) io.stderr.write(`${asError(error).stack}\n`);
    return exitCodeOf(error);
  } finally {
    io.signal.removeEventListener("abort", sayGoodbye);
    reporter.close();
  }
}

/** Known before the arguments are parsed, as errors in them are reported too. */
function openReporter(args: readonly string[], io: Io): Reporter {
  const now = (): number => performance.now();
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  if (options.includes("--json")) return jsonReporter(io.stdout, now);
  return humanReporter(openScreen(io, now));
}

function usageError({ message }: CommanderError): UsageError {
  return new UsageError(
    `${message.replace(/^error: /, "")}; 'shoal --help' tells what is possible`,
  );
}
