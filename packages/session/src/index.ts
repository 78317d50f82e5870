/**
 * A BitTorrent engine for Node: `createSession` starts one with every service on, `createTorrent`
 * makes torrent files. `@shoal/session/bare` has the composable core alone.
 *
 * @packageDocumentation
 */
export * from "./bare.ts";
export { type CreateSessionOptions, createSession } from "./create-session.ts";
export { type CreateTorrentOptions, createTorrent } from "./create-torrent.ts";
export type { Preset } from "./presets.ts";
