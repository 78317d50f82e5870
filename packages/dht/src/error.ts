// What can go wrong between us and the DHT.
import { ShoalError } from "@shoal/core";

/** All codes of {@link DhtError}. */
export type DhtErrorCode =
  /** An option or argument is out of its range. */
  | "ERR_DHT_OPTION"
  /** No answer came in time. */
  | "ERR_DHT_TIMEOUT"
  /** The remote node answered with an error; see {@link DhtError.remoteCode}. */
  | "ERR_DHT_REMOTE"
  /** There is no socket of the address's family. */
  | "ERR_DHT_FAMILY"
  /** More queries are under way than the node may have. */
  | "ERR_DHT_BUSY"
  /** No node took what was to be stored. */
  | "ERR_DHT_NOT_STORED"
  /** A saved state is not one. */
  | "ERR_DHT_STATE"
  /** The node was closed. */
  | "ERR_DHT_CLOSED";

/** Everything that goes wrong with the DHT. */
export class DhtError extends ShoalError {
  override readonly name: string = "DhtError";
  declare readonly code: DhtErrorCode;
  /** The KRPC error code that the remote node sent (BEP 5, BEP 44), with `ERR_DHT_REMOTE`. */
  readonly remoteCode: number | undefined;

  constructor(code: DhtErrorCode, message: string, remoteCode?: number) {
    super(code, message);
    this.remoteCode = remoteCode;
  }
}

/** The error of a call on a closed node. */
export function closedError(): DhtError {
  return new DhtError("ERR_DHT_CLOSED", "expected a running DHT node, but it was closed");
}
