/**
 * What a torrent or a magnet link says, read from untrusted bytes and checked; and torrents built
 * from hashes. It performs no I/O.
 *
 * @packageDocumentation
 */
export { type BuildFile, type BuildOptions, buildTorrent } from "./build.ts";
export { MetainfoError, type MetainfoErrorCode } from "./error.ts";
export { formatTorrent } from "./format.ts";
export { choosePieceLength, type FileSlice, locate } from "./layout.ts";
export {
  type FileRange,
  formatMagnet,
  type Magnet,
  type MagnetSource,
  parseMagnet,
} from "./magnet.ts";
export type {
  HashFunction,
  HostPort,
  InfoHashes,
  Metainfo,
  ParseOptions,
  PathPlatform,
  TorrentFile,
} from "./metainfo.ts";
export { parseInfo, parseTorrent } from "./parse.ts";
export { sanitizePath } from "./path.ts";
export { webPaths } from "./web-paths.ts";
