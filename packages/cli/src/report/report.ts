// What commands report while they work: plain data, the same for people and for programs.
import type { FileRange } from "@shoal/metainfo";
import type { TorrentProgress } from "@shoal/session";
import type { DhtReport } from "./dht.ts";

/** One report. Apart from `progress`, `--json` prints it as it is. Sizes in bytes. */
export type Report =
  | AddedReport
  | WorkReport
  | ReadyReport
  | ProgressReport
  | DoneReport
  | CreatedReport
  | TorrentReport
  | MagnetReport
  | CheckedReport
  | DhtReport
  | NoteReport
  | ProblemReport;

/** A torrent was read. */
export interface AddedReport {
  readonly event: "added";
  readonly name: string;
  readonly infoHash: string;
  readonly total: number;
  readonly files: number;
  /** Its file or folder on disk. */
  readonly path: string;
}

/** Files are being read. Not more often than people can see. */
export interface WorkReport {
  readonly event: "hashing" | "checking";
  readonly done: number;
  readonly total: number;
}

/** What lies on disk is checked; from now on peers can connect. */
export interface ReadyReport {
  readonly event: "ready";
  readonly port: number;
  readonly infoHash: string;
}

/** Data goes in and out. `--json` prints the numbers that scripts need of it. */
export interface ProgressReport {
  readonly event: "progress";
  readonly progress: TorrentProgress;
}

/** All that was asked for is there. */
export interface DoneReport {
  readonly event: "done";
  readonly infoHash: string;
  readonly path: string;
  readonly downloaded: number;
  readonly total: number;
  /** Payload that came from peers in this run; the rest was there before. */
  readonly received: number;
  readonly seconds: number;
  /** Received bytes per second on average. */
  readonly downloadRate: number;
}

/** A torrent file was written. */
export interface CreatedReport {
  readonly event: "created";
  /** Of the torrent file. */
  readonly path: string;
  readonly infoHash: string;
  readonly magnet: string;
}

/** A file as a torrent lists it. */
export interface FileEntry {
  /** For `--files`. */
  readonly index: number;
  readonly path: string;
  readonly length: number;
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  readonly symlink: string | undefined;
}

/** All that a torrent file says. */
export interface TorrentReport {
  readonly event: "info";
  readonly kind: "torrent";
  readonly name: string;
  readonly infoHash: string | undefined;
  readonly infoHashV2: string | undefined;
  readonly total: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly private: boolean;
  readonly source: string | undefined;
  readonly comment: string | undefined;
  readonly createdBy: string | undefined;
  /** Seconds since 1970. */
  readonly creationDate: number | undefined;
  readonly encoding: string | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly httpSeeds: readonly string[];
  readonly nodes: readonly string[];
  readonly files: readonly FileEntry[];
  /** What is wrong with the torrent file but does no harm. */
  readonly faults: readonly string[];
  readonly magnet: string;
}

/** All that a magnet link says. */
export interface MagnetReport {
  readonly event: "info";
  readonly kind: "magnet";
  readonly name: string | undefined;
  readonly infoHash: string | undefined;
  readonly infoHashV2: string | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly exactSources: readonly string[];
  readonly peers: readonly string[];
  readonly nodes: readonly string[];
  readonly selectOnly: readonly FileRange[] | undefined;
}

/** A file that is not as the torrent says. */
export interface BadFile {
  readonly index: number;
  readonly path: string;
  readonly length: number;
  /** In words, to follow the path. */
  readonly problem: string;
}

/** What a check of data on disk found. */
export interface CheckedReport {
  readonly event: "checked";
  readonly infoHash: string;
  readonly path: string;
  readonly ok: boolean;
  readonly pieceCount: number;
  readonly badPieces: readonly number[];
  readonly fileCount: number;
  readonly badFiles: readonly BadFile[];
}

/** Something to know. */
export interface NoteReport {
  readonly event: "note";
  readonly message: string;
}

/** A warning, or the error that ends the program. */
export interface ProblemReport {
  readonly event: "warning" | "error";
  readonly code: string;
  readonly message: string;
}

/** Tells reports to whoever listens. */
export interface Reporter {
  /** How often the progress of transfers is worth a report, in ms. */
  readonly intervalMs: number;
  report(report: Report): void;
  /** Leaves the terminal in order. Nothing may be reported afterwards. */
  close(): void;
}
