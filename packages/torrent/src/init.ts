// What a torrent is made of.
import type { StoreFactory } from "@shoal/disk-io";
import type { Metainfo } from "@shoal/metainfo";
import type { FilePriority } from "./files.ts";

/** Where a torrent comes from, where it goes, and how it begins. */
export interface TorrentInit {
  readonly metainfo: Metainfo;
  readonly store: StoreFactory;
  /** 20 bytes; one id for all peers and trackers of the torrent. */
  readonly peerId: Uint8Array;
  /** Begin in state `paused`. */
  readonly paused?: boolean | undefined;
  /** Pieces in order instead of rarest first. */
  readonly sequential?: boolean | undefined;
  /** By file index; 4 for those not named. */
  readonly priorities?: ReadonlyMap<number, FilePriority> | undefined;
  /** Replaces the trackers of the metainfo. */
  readonly trackers?: readonly (readonly string[])[] | undefined;
}
