// What every command is given.
import type { Io } from "./io.ts";
import type { Reporter } from "./report/report.ts";

/** One run of a command. */
export interface Context {
  readonly reporter: Reporter;
  /** Aborted when the user wants to leave, with an `Interrupted` as its reason. */
  readonly signal: AbortSignal;
  readonly env: Io["env"];
}
