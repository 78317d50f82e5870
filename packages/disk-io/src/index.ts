/**
 * The disk layer of a BitTorrent engine: one cache of blocks in shared memory, disk threads that hash
 * and do positioned I/O on it, and pluggable stores.
 *
 * @packageDocumentation
 */
export { arc } from "./arc-policy.ts";
export type { CachePolicy, CachePolicyFactory, PolicyPiece } from "./cache-policy.ts";
export type {
  CheckTrust,
  DiskIo,
  DiskStats,
  DiskTorrent,
  DiskTorrentHandler,
  DiskTorrentSpec,
  FileFact,
  MaybePromise,
  Slot,
  StoreFactory,
  StoreFile,
  StoreLayout,
  TorrentStore,
} from "./contract.ts";
export { NO_SLOT } from "./contract.ts";
export { createDiskIo, type DiskIoOptions } from "./disk-io.ts";
export { DiskError, type DiskErrorCode } from "./error.ts";
export { type FsStoreOptions, fsStore } from "./fs-store.ts";
export { type HashFilesOptions, hashFiles } from "./hash-files.ts";
export { lru } from "./lru-policy.ts";
export { memoryStore } from "./memory-store.ts";
export type { StoreCall } from "./middleware.ts";
export { readOnly } from "./read-only.ts";
export { type SlowOptions, slow } from "./slow.ts";
export { type TimedCall, timed } from "./timed.ts";
