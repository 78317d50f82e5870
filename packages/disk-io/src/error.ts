// The errors of the disk layer, and their way from a disk thread to the engine.
import { ShoalError } from "@shoal/core";

/**
 * What went wrong:
 * - `ERR_DISK_FULL`: no space or quota left; free some, then `retry()`.
 * - `ERR_DISK_ACCESS`: permissions, a read-only file system, or a symbolic link that leads outside.
 * - `ERR_DISK_EXISTS`: a foreign file stands where one of the torrent's should go.
 * - `ERR_DISK_MISSING`: the data ends early or is not there.
 * - `ERR_DISK_CHANGED`: a file has another length than it had.
 * - `ERR_DISK_PATH`: a file's name can't be used here: it leads outside, is reserved or too long.
 * - `ERR_DISK_UNSUPPORTED`: the store or system can't do what was asked; as a warning: it goes on without.
 * - `ERR_DISK_IO`: any other failure of the device or store.
 * - `ERR_DISK_THREAD`: a disk thread died; torrents on it must be closed and opened again.
 * - `ERR_DISK_CLOSED`: the torrent or the disk layer was closed before.
 */
export type DiskErrorCode =
  | "ERR_DISK_FULL"
  | "ERR_DISK_ACCESS"
  | "ERR_DISK_EXISTS"
  | "ERR_DISK_MISSING"
  | "ERR_DISK_CHANGED"
  | "ERR_DISK_PATH"
  | "ERR_DISK_UNSUPPORTED"
  | "ERR_DISK_IO"
  | "ERR_DISK_THREAD"
  | "ERR_DISK_CLOSED";

/** An error of the disk layer; see {@link DiskErrorCode}. */
export class DiskError extends ShoalError {
  override readonly name: string = "DiskError";
  declare readonly code: DiskErrorCode;
  /** The file concerned, where one is. */
  readonly path: string | undefined;

  constructor(
    code: DiskErrorCode,
    message: string,
    options: { cause?: unknown; path?: string | undefined } = {},
  ) {
    super(code, message, options);
    this.path = options.path;
  }
}

/** An error as plain data, so that it can cross threads. */
export interface Fault {
  /** A Node error code (`ENOSPC`…) or a {@link DiskErrorCode}. */
  readonly code: string;
  readonly message: string;
  readonly path: string | undefined;
}

/** Takes down what a store threw. */
export function faultOf(thrown: unknown): Fault {
  const { code, path } = (thrown ?? {}) as { code?: unknown; path?: unknown };
  return {
    code: typeof code === "string" ? code : "ERR_DISK_IO",
    message: thrown instanceof Error ? thrown.message : String(thrown),
    path: typeof path === "string" ? path : undefined,
  };
}

/** The error that users see for a fault; `doing` names the operation: `writing piece 7`. */
export function diskError(fault: Fault, doing: string): DiskError {
  const code = codeOf(fault.code);
  const { path } = fault;
  const message = `${doing}${path === undefined ? "" : ` ('${path}')`}: ${fault.message}; ${ADVICE[code]}`;
  return new DiskError(code, message, { path, cause: fault });
}

const ADVICE: Record<DiskErrorCode, string> = {
  ERR_DISK_FULL: "free some space, then retry",
  ERR_DISK_ACCESS: "check permissions and links of the folder, then retry",
  ERR_DISK_EXISTS: "choose another folder or move the file away",
  ERR_DISK_MISSING: "check the torrent's data",
  ERR_DISK_CHANGED: "leave the files alone while they are read",
  ERR_DISK_PATH: "choose another name or folder",
  ERR_DISK_UNSUPPORTED: "use a store or system that can",
  ERR_DISK_IO: "check the device, then retry",
  ERR_DISK_THREAD: "close the torrent and open it again",
  ERR_DISK_CLOSED: "open it again",
};

const CODES: Readonly<Record<string, DiskErrorCode>> = {
  ENOSPC: "ERR_DISK_FULL",
  EDQUOT: "ERR_DISK_FULL",
  EACCES: "ERR_DISK_ACCESS",
  EPERM: "ERR_DISK_ACCESS",
  EROFS: "ERR_DISK_ACCESS",
  ELOOP: "ERR_DISK_ACCESS",
  EEXIST: "ERR_DISK_EXISTS",
  EISDIR: "ERR_DISK_EXISTS",
  ENOTDIR: "ERR_DISK_EXISTS",
  ENOENT: "ERR_DISK_MISSING",
  ENAMETOOLONG: "ERR_DISK_PATH",
};

function codeOf(code: string): DiskErrorCode {
  if (Object.hasOwn(ADVICE, code)) return code as DiskErrorCode;
  return Object.hasOwn(CODES, code) ? (CODES[code] ?? "ERR_DISK_IO") : "ERR_DISK_IO";
}
