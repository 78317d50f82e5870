// A child process whose output is read line by line, and which never outlives the tests.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LOG_LINES = 100;
const TERM_MS = 10_000;

const alive = new Set<ChildProcessWithoutNullStreams>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** How a child is started. */
export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Called with each line of standard output and standard error. */
  readonly onLine?: (line: string) => void;
}

/** A running child process. */
export interface Child {
  /** Rejects when the process ends before {@link close}, with its last output; else stays pending. */
  readonly failed: Promise<never>;
  /** Writes a line to its standard input. */
  send(line: string): void;
  /** Asks it to stop, then makes it stop; resolves when it is gone. */
  close(): Promise<void>;
  /** Its last lines of output. */
  logs(): string;
}

/** Starts `command`; a command that does not exist shows as a rejection of {@link Child.failed}. */
export function startChild({ command, args, cwd, onLine }: ChildOptions): Child {
  const process_ = spawn(command, args, { cwd, stdio: "pipe" });
  const lines: string[] = [];
  let closing = false;
  alive.add(process_);
  for (const input of [process_.stdout, process_.stderr]) {
    createInterface({ input }).on("line", (line) => {
      lines.push(line);
      if (lines.length > LOG_LINES) lines.shift();
      onLine?.(line);
    });
  }
  process_.stdin.on("error", () => {}); // A child that is gone shows as `failed`.
  const gone = new Promise<string>((resolve) => {
    process_.once("error", (error) => resolve(`could not start: ${error.message}`));
    process_.once("close", (code, signal) => resolve(`ended with ${code ?? signal}`));
  });
  const failed = gone.then((how) => {
    alive.delete(process_);
    if (closing) return new Promise<never>(() => {});
    throw new Error(`${command} ${how}\n${lines.join("\n")}`);
  });
  failed.catch(() => {}); // Whoever waits for the child races with it.

  return {
    failed,
    send: (line) => void process_.stdin.write(`${line}\n`),
    logs: () => lines.join("\n"),
    async close() {
      closing = true;
      process_.stdin.end();
      process_.kill("SIGTERM");
      const kill = setTimeout(() => process_.kill("SIGKILL"), TERM_MS);
      await gone;
      clearTimeout(kill);
    },
  };
}
