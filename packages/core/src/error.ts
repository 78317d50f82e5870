// The common base of all errors that Shoal throws or emits.

/**
 * An error with a stable, machine-readable `code`.
 *
 * Match on `code`, never on `message`: messages say what was expected, what came and what to do,
 * and may change. Codes look like `ERR_SHOAL_DISK_FULL` and never change their meaning.
 */
export class ShoalError extends Error {
  override readonly name: string = "ShoalError";
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of any thrown value: a Shoal or Node error's own, else `ERR_SHOAL_UNKNOWN`. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "ERR_SHOAL_UNKNOWN";
}

/** The thrown value as an `Error`, so that handlers can rely on `message`. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
