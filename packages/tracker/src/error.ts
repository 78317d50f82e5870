// What can go wrong between us and a tracker.
import { ShoalError } from "@shoal/core";

/** All codes of {@link TrackerError}. */
export type TrackerErrorCode =
  /** The announce URL is no URL, has an unknown scheme, or is refused for safety. */
  | "ERR_TRACKER_URL"
  /** The name could not be resolved, or nobody could be reached at its address. */
  | "ERR_TRACKER_UNREACHABLE"
  /** The name has no address of the address family. */
  | "ERR_TRACKER_NO_ADDRESS"
  /** No answer came in time. */
  | "ERR_TRACKER_TIMEOUT"
  /** An HTTP status that is not 200. */
  | "ERR_TRACKER_STATUS"
  /** An answer that is not of the protocol. */
  | "ERR_TRACKER_MALFORMED"
  /** The tracker answered that it does not serve us, and why. */
  | "ERR_TRACKER_REFUSED"
  /** The tracker served us and has something to say. */
  | "ERR_TRACKER_WARNING"
  /** The tracker can't be scraped: its URL does not say how (BEP 48), or it did not answer yet. */
  | "ERR_TRACKER_NO_SCRAPE"
  /** The client was closed while the question was open. */
  | "ERR_TRACKER_CLOSED"
  /** An option of the tracker server, or a number given to a codec, is out of its range. */
  | "ERR_TRACKER_OPTION"
  /** The tracker server cannot listen where it was told to. */
  | "ERR_TRACKER_LISTEN";

/** Thrown, and given to `SwarmFacts.warn`, for everything that goes wrong with a tracker. */
export class TrackerError extends ShoalError {
  override readonly name: string = "TrackerError";
  declare readonly code: TrackerErrorCode;
  /**
   * Seconds after which the tracker wants to be asked again (BEP 31, HTTP `Retry-After`);
   * `Infinity` if never.
   */
  readonly retryAfter: number | undefined;

  constructor(
    code: TrackerErrorCode,
    message: string,
    options: { cause?: unknown; retryAfter?: number | undefined } = {},
  ) {
    super(code, message, "cause" in options ? { cause: options.cause } : undefined);
    this.retryAfter = options.retryAfter;
  }
}

/**
 * Any thrown value as a {@link TrackerError}; foreign ones mean that no one could be reached. URLs in
 * their messages lose all behind the host, where private trackers' users have their passkeys.
 */
export function asTrackerError(thrown: unknown): TrackerError {
  if (thrown instanceof TrackerError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const safe = message.replace(/(\w+:\/\/)(?:[^\s/@]*@)?([^\s/?#'"]*)[^\s'"]*/g, "$1$2");
  return new TrackerError("ERR_TRACKER_UNREACHABLE", printable(safe), { cause: thrown });
}

/**
 * A stranger's text made fit for messages and logs: no control or direction characters, at most
 * 200 characters. Bytes are read as UTF-8.
 */
export function printable(text: string | Uint8Array): string {
  const whole = typeof text === "string" ? text : decoder.decode(text.subarray(0, 800));
  const clean = whole.slice(0, 800).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

const decoder = new TextDecoder();
