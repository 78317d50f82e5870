// What disk threads are asked to do and what they answer: plain data that crosses threads.
import type { FileFact, StoreLayout } from "./contract.ts";
import type { Fault } from "./error.ts";

/**
 * One job. Runs are flat triples of numbers, in the order of the piece's blocks:
 * - `read`, `write`: first block, first slot, number of blocks;
 * - `complete`: first slot or −1 if the blocks must be read back, number of blocks, 1 if the store
 *   lacks them.
 */
export type Job =
  | {
      readonly kind: "open";
      readonly torrent: number;
      readonly layout: StoreLayout;
      readonly pieceHashes: Uint8Array;
      readonly module: string;
      readonly options: unknown;
    }
  | {
      readonly kind: "read" | "write";
      readonly torrent: number;
      readonly piece: number;
      readonly runs: readonly number[];
    }
  /** Answers whether the piece is right; then it has been written. */
  | {
      readonly kind: "complete";
      readonly torrent: number;
      readonly piece: number;
      readonly runs: readonly number[];
      /** Whether the blocks' digests are wanted even if the piece is right. */
      readonly wantsDigests: boolean;
    }
  /** Hashes these pieces from the store; answers a byte for each, 1 if it is right. */
  | { readonly kind: "check"; readonly torrent: number; readonly pieces: readonly number[] }
  /** Hashes these pieces from the store; answers their digests. */
  | { readonly kind: "digest"; readonly torrent: number; readonly pieces: readonly number[] }
  | { readonly kind: "flush"; readonly torrent: number; readonly found: readonly number[] }
  | { readonly kind: "finish" | "isEmpty" | "fileFacts"; readonly torrent: number }
  | { readonly kind: "move"; readonly torrent: number; readonly path: string }
  | {
      readonly kind: "rename";
      readonly torrent: number;
      readonly file: number;
      readonly to: readonly string[];
    }
  | { readonly kind: "setWanted"; readonly torrent: number; readonly wanted: readonly boolean[] }
  /** Looks anew, and answers a bitfield's bytes if the store knows what it has. */
  | { readonly kind: "present"; readonly torrent: number }
  | { readonly kind: "capacity"; readonly torrent: number }
  | { readonly kind: "close"; readonly torrent: number; readonly deleteData: boolean };

/** How a job ended. */
export interface Outcome {
  readonly fault: Fault | undefined;
  /**
   * `read`: how many bytes there were. `complete`, `check`, `digest`: see there. `open`: the
   * store's warning, if it has one. `capacity`: bytes, if known. `isEmpty`: whether
   * it is. `fileFacts`: them, if the store has any.
   */
  readonly value: number | boolean | string | Uint8Array | readonly FileFact[] | undefined;
  /** `complete`: 20 bytes for each block if the piece is wrong, or if they were wanted. */
  readonly digests?: Uint8Array;
}

/** Called once for each job, in the order in which jobs of one torrent and priority were submitted. */
export type Done = (job: Job, outcome: Outcome) => void;

/** What a workbench did since its start. */
export interface Counters {
  bytesRead: number;
  bytesWritten: number;
  reads: number;
  writes: number;
  /** Calls of the system that these took. */
  systemReads: number;
  systemWrites: number;
  hashedBytes: number;
}

/** Whatever runs jobs. */
export interface Executor {
  /** Runs the job some time; `done` is called in a later turn of the event loop, whatever happens. */
  submit(job: Job, done: Done): void;
  /** Jobs submitted and not done. */
  readonly queued: number;
  readonly counters: Readonly<Counters>;
  /** File handles that its stores hold open. */
  readonly openHandles: number;
  /** Ends it at once; what is outstanding ends with `ERR_DISK_CLOSED`. */
  close(): Promise<void>;
}

/** All zeros. */
export function noCounters(): Counters {
  return {
    bytesRead: 0,
    bytesWritten: 0,
    reads: 0,
    writes: 0,
    systemReads: 0,
    systemWrites: 0,
    hashedBytes: 0,
  };
}

/** Adds `b` to `a`. */
export function addCounters(a: Counters, b: Readonly<Counters>): Counters {
  a.bytesRead += b.bytesRead;
  a.bytesWritten += b.bytesWritten;
  a.reads += b.reads;
  a.writes += b.writes;
  a.systemReads += b.systemReads;
  a.systemWrites += b.systemWrites;
  a.hashedBytes += b.hashedBytes;
  return a;
}
