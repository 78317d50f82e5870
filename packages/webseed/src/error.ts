// What can go wrong between us and a web seed.
import { ShoalError } from "@shoal/core";

/** All codes of {@link WebSeedError}. */
export type WebSeedErrorCode =
  /** Not an http or https URL, or refused for safety. */
  | "ERR_WEBSEED_URL"
  /** The server could not be reached, or broke off. `cause` says why. */
  | "ERR_WEBSEED_UNREACHABLE"
  /** A status that does not give the data. */
  | "ERR_WEBSEED_STATUS"
  /** Other bytes than those asked for, or more, or fewer. */
  | "ERR_WEBSEED_RANGE"
  /** The data is compressed, which was not asked for. */
  | "ERR_WEBSEED_ENCODING"
  /** It sends, but next to nothing. */
  | "ERR_WEBSEED_SLOW"
  /** It has none of the files. */
  | "ERR_WEBSEED_EMPTY"
  /** Its data did not match the torrent's hashes. */
  | "ERR_WEBSEED_BANNED";

/** Given to `BlockFacts.warn` for everything that goes wrong with a web seed. */
export class WebSeedError extends ShoalError {
  override readonly name: string = "WebSeedError";
  declare readonly code: WebSeedErrorCode;

  constructor(code: WebSeedErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
