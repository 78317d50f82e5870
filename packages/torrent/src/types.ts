// What users see of a torrent: states, statistics and events.
import type { Metainfo } from "@shoal/metainfo";

/**
 * - `metadata`: only a magnet link is known; peers are asked for the rest
 * - `checking`: data on disk is being verified
 * - `downloading`: wanted pieces are missing
 * - `seeding`: every wanted piece is there
 * - `paused`: by the user; no connections
 * - `error`: the disk failed; `resume` tries again, as does the torrent itself every half minute, unless
 *   verified data has gone: then only `resume` does
 * - `closed`: done with; nothing of it is left in the session
 */
export type TorrentState =
  | "metadata"
  | "checking"
  | "downloading"
  | "seeding"
  | "paused"
  | "error"
  | "closed";

/** Where a torrent stands. Sizes in bytes, rates in bytes per second of payload. */
export interface TorrentProgress {
  readonly state: TorrentState;
  /** Verified share of what is wanted, 0–1; while checking, the share that has been checked. */
  readonly fraction: number;
  /** Wanted bytes that are verified and stored. */
  readonly downloaded: number;
  /** Wanted bytes in all. */
  readonly total: number;
  readonly piecesDone: number;
  readonly pieceCount: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly peers: number;
  /** Seconds until done at the present rate; undefined if that can't be said. */
  readonly etaSeconds: number | undefined;
}

/** Totals since the torrent was added. Bytes. */
export interface TorrentStats {
  /** Payload received, useful or not. */
  readonly received: number;
  readonly uploaded: number;
  /** Payload thrown away: duplicates and late blocks. */
  readonly redundant: number;
  /** Payload of pieces whose hash was wrong. */
  readonly failed: number;
  readonly peers: number;
  /** HTTP seeds in use. */
  readonly webSeeds: number;
  readonly seeds: number;
  readonly halfOpen: number;
  readonly knownPeers: number;
  readonly bannedPeers: number;
  /** Complete copies that the connected peers hold between them, with a fraction of the next. */
  readonly distributedCopies: number;
}

/** One connected peer. */
export interface PeerInfo {
  readonly address: string;
  readonly port: number;
  readonly transport: string;
  readonly incoming: boolean;
  /** Name and version as far as the peer says. */
  readonly client: string;
  /** Share of the pieces that it has, 0–1. */
  readonly fraction: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  /** Our requests that it has not answered. */
  readonly outstanding: number;
  readonly amInterested: boolean;
  readonly amChoking: boolean;
  readonly peerInterested: boolean;
  readonly peerChoking: boolean;
  readonly snubbed: boolean;
}

/** Events of a torrent. */
export interface TorrentEvents {
  state: TorrentState;
  /** The metadata of a magnet link has come from peers: name, files and pieces are known. */
  metadata: Metainfo;
  /** About once a second while something happens. */
  progress: TorrentProgress;
  /** A piece is verified and stored. */
  piece: number;
  /** Every wanted piece is stored. Again when it comes to that anew: more files, resume, recheck. */
  done: TorrentProgress;
  connected: { readonly address: string; readonly port: number };
  disconnected: {
    readonly address: string;
    readonly port: number;
    readonly error: Error | undefined;
  };
  banned: { readonly address: string; readonly reason: string };
  /** Something failed that the torrent can live with: a tracker, one peer source… */
  warning: Error;
  /** The torrent stopped: see state `error`. */
  error: Error;
}
