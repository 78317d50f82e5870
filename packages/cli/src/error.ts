// What goes wrong in the command line, and how any error is told to a person.
import { asError, errorCode, ShoalError } from "@shoal/core";

/**
 * Codes:
 * - `ERR_CLI_USAGE`: wrong arguments; the only one with exit code 2.
 * - `ERR_CLI_MAGNET`: a magnet link where a torrent file is needed.
 * - `ERR_CLI_FOLDER`: the folder to download to can't be made or written.
 * - `ERR_CLI_PEER`: the host of a `--peer` or `--bootstrap` has no address.
 * - `ERR_CLI_EXISTS`: a file stands where a new torrent should go.
 * - `ERR_CLI_DATA`: data on disk is not what the torrent says.
 * - `ERR_CLI_NO_NODE`: no DHT node answered.
 * - `ERR_CLI_TIMEOUT`: what was asked of the DHT did not come in time.
 * - `ERR_CLI_NOT_FOUND`: the DHT has nothing of what was asked for.
 * - `ERR_CLI_TOO_LARGE`: a value is larger than an item of the DHT.
 * - `ERR_CLI_KEY`: a file holds no key.
 * - `ERR_CLI_INTERRUPTED`: the user left before the work was done.
 * - `ERR_CLI_INTERNAL`: a bug.
 */
export class CliError extends ShoalError {
  override readonly name: string = "CliError";
}

/** Arguments that make no sense. */
export class UsageError extends CliError {
  override readonly name: string = "UsageError";

  constructor(message: string) {
    super("ERR_CLI_USAGE", message);
  }
}

/** The user wants to leave: the reason of `Io.signal`. */
export class Interrupted extends CliError {
  override readonly name: string = "Interrupted";
  /** What shells expect of a program that a signal ended: 128 and its number. */
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("ERR_CLI_INTERRUPTED", "interrupted before the work was done; run it again to go on");
    this.exitCode = exitCode;
  }
}

/** An error as people and programs are told of it. */
export interface Problem {
  readonly code: string;
  /** One line. */
  readonly message: string;
}

/** Says what went wrong and what to do; what nobody foresaw is called a bug. */
export function explain(thrown: unknown): Problem {
  const error = asError(thrown);
  const code = errorCode(error);
  const message = oneLine(error.message);
  if (error instanceof ShoalError) return { code, message };
  if ("syscall" in error) return { code, message: systemMessage(error, code) };
  return {
    code: "ERR_CLI_INTERNAL",
    message: `${message}; this is a bug in shoal: please report it with what DEBUG=1 shows`,
  };
}

/** Errors about a torrent's content, with the name of what was read; others as they are. */
export function withSource(source: string, thrown: unknown): Error {
  const error = asError(thrown);
  const code = errorCode(error);
  if (!code.startsWith("ERR_METAINFO_")) return error;
  return new CliError(code, `'${source}' is no usable torrent: ${error.message}`, { cause: error });
}

/** The exit code that an error ends the program with. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return thrown.exitCode;
  return thrown instanceof UsageError ? 2 : 1;
}

function systemMessage(error: Error & { path?: unknown }, code: string): string {
  const meaning = MEANINGS.get(code);
  if (meaning === undefined || typeof error.path !== "string") return oneLine(error.message);
  return oneLine(`'${error.path}' ${meaning}`);
}

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "does not exist; check the path"],
  ["EACCES", "is not accessible; check its permissions"],
  ["EPERM", "is not accessible; check its permissions"],
  ["EROFS", "is on a read-only file system; choose another place"],
  ["EISDIR", "is a folder; name a file"],
  ["ENOTDIR", "leads through something that is no folder; check the path"],
  ["ENOSPC", "does not fit: the disk is full; free some space"],
  ["EEXIST", "exists already; move it away or choose another name"],
]);

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
