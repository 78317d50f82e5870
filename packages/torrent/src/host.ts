// What one torrent needs of the session around it.
import type { BlockSource, Entropy, PeerSource } from "@shoal/core";
import type { DiskIo } from "@shoal/disk-io";
import type { RateLimit } from "@shoal/policy";
import type { SwarmSession } from "@shoal/swarm";

/** Everything that a torrent asks of its session. */
export interface TorrentHost extends SwarmSession {
  readonly entropy: Entropy;
  readonly disk: DiskIo;
  /** Discovery services to open for the torrent. */
  readonly sources: readonly PeerSource[];
  /** Senders that are no peers, to open for the torrent while it downloads. */
  readonly blockSources: readonly BlockSource[];
  /** Limits of the whole session, parents of the torrent's own. Bytes per second. */
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
}
