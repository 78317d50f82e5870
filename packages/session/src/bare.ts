/**
 * The session without any service: whoever composes it chooses transports, discovery, extensions
 * and stores, and nothing else is loaded.
 *
 * @packageDocumentation
 */
export type {
  FilePriority,
  PeerInfo,
  Torrent,
  TorrentEvents,
  TorrentFileHandle,
  TorrentProgress,
  TorrentState,
  TorrentStats,
} from "@shoal/torrent";
export { SessionError } from "./error.ts";
export type { Runtime, ServiceHost, SessionInit } from "./init.ts";
export {
  type AddOptions,
  Session,
  type SessionEvents,
  type SessionStats,
  type TorrentSource,
} from "./session.ts";
export { DEFAULT_SETTINGS, type SessionSettings } from "./settings.ts";
