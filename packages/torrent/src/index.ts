/**
 * One BitTorrent swarm: life cycle, peers, transfer, verification and file selection. Sockets, disk
 * threads, time and discovery come through a narrow host.
 *
 * @packageDocumentation
 */
export { TorrentError } from "./error.ts";
export type { FilePriority, TorrentFileHandle } from "./files.ts";
export type { TorrentHost } from "./host.ts";
export type { TorrentInit } from "./init.ts";
export type { ReadRange } from "./reader.ts";
export { Torrent } from "./torrent.ts";
export type {
  PeerInfo,
  TorrentEvents,
  TorrentProgress,
  TorrentState,
  TorrentStats,
} from "./types.ts";
