// What a torrent is made of.
import type { StoreFactory } from "@shoal/disk-io";
import type { Magnet, Metainfo } from "@shoal/metainfo";
import type { FilePriority } from "./files.ts";

/** Where a torrent comes from, where it goes, and how it begins. */
export interface TorrentInit {
  /** All of the torrent, or what a magnet link says: then peers are asked for the rest (BEP 9). */
  readonly origin: Metainfo | Magnet;
  readonly store: StoreFactory;
  /** 20 bytes; one id for all peers and trackers of the torrent. */
  readonly peerId: Uint8Array;
  /** Begin in state `paused`. */
  readonly paused?: boolean | undefined;
  /** Pieces in order instead of rarest first. */
  readonly sequential?: boolean | undefined;
  /** By file index; 4 for those not named. */
  readonly priorities?: ReadonlyMap<number, FilePriority> | undefined;
  /** Replaces the trackers of the origin. */
  readonly trackers?: readonly (readonly string[])[] | undefined;
  /** URLs of BEP 19 web seeds besides those of the origin. */
  readonly webSeeds?: readonly string[] | undefined;
}

/** Whether the origin is the whole torrent. */
export function isComplete(origin: Metainfo | Magnet): origin is Metainfo {
  return "infoBytes" in origin;
}
