// What one swarm needs of the session around it.
import type {
  BlockSource,
  Clock,
  Deadlines,
  Duplex,
  Endpoint,
  Entropy,
  PeerSource,
  Rng,
} from "@shoal/core";
import type { DiskIo } from "@shoal/disk-io";
import type { ConnectionBudget, RateLimit } from "@shoal/policy";
import type { WireExtension } from "@shoal/wire";
import type { Connection } from "./connection.ts";

/** Everything that a torrent asks of its session. */
export interface TorrentHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  readonly entropy: Entropy;
  readonly disk: DiskIo;
  /** What this client shows as `v` in the extension handshake: name and version. */
  readonly clientName: string;
  /** Discovery services to open for the torrent. */
  readonly sources: readonly PeerSource[];
  /** Senders that are no peers, to open for the torrent while it downloads. */
  readonly blockSources: readonly BlockSource[];
  /** Message families to offer (BEP 10). */
  readonly extensions: readonly WireExtension[];
  /** Limits of the whole session, parents of the torrent's own. Bytes per second. */
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
  /** The port that remotes can reach us at. */
  listenPort(): number;
  /** Whether a blocklist has this IP address: nobody there is dialled or accepted. */
  blocks(address: string): boolean;
  /** SHA-1 of some bytes: of info dictionaries, and for the allowed-fast set (BEP 6). */
  sha1(bytes: Uint8Array): Uint8Array;
  /** Runs `task` in a fresh turn of the event loop, after the present one. */
  defer(task: () => void): void;
  /** Counts the session's connections and says whether there may be one more. */
  readonly budget: ConnectionBudget;
  /** Connects to a peer by whichever transport suits. Ends with the duplex's `closed`, or rejects. */
  dial(to: Endpoint, signal: AbortSignal): Promise<Duplex>;
  /** Deals the session's upload slots. */
  readonly slots: {
    /** A peer began or ceased to want our data. */
    interestChanged(connection: Connection): void;
    closed(connection: Connection): void;
  };
}
