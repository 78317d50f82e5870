// What one swarm needs of the session and of the torrent around it.
import type { Clock, Deadlines, DhtLink, Duplex, Endpoint, PieceGeometry, Rng } from "@shoal/core";
import type { BlockSink, BlockSource } from "@shoal/peer";
import type { PiecePicker } from "@shoal/picker";
import type { ConnectionBudget, RateLimit } from "@shoal/policy";
import type { Handshake, WireExtension } from "@shoal/wire";
import type { Connection } from "./connection.ts";

/** Everything that a swarm asks of the session. */
export interface SwarmSession {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  /** Whether the disk is behind, so that nobody should send. */
  readonly disk: { readonly congested: boolean };
  /** What this client shows as `v` in the extension handshake: name and version. */
  readonly clientName: string;
  /** Message families to offer (BEP 10). */
  readonly extensions: readonly WireExtension[];
  /** The port that remotes can reach us at; 0 if none. */
  listenPort(): number;
  /** Whether a blocklist has this IP address: nobody there is dialled or accepted. */
  blocks(address: string): boolean;
  /** For the allowed-fast set (BEP 6). */
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

/** What is transferred with the swarm. */
export interface SwarmContent extends BlockSink, BlockSource {
  /** Of no pieces while the metadata is not known. */
  readonly geometry: PieceGeometry;
  readonly hasMetadata: boolean;
  readonly picker: PiecePicker;
  /** Every wanted piece is stored. */
  readonly isFinished: boolean;
}

/** What the swarm asks of its torrent, and tells it. */
export interface SwarmHost {
  /** Our handshake for this torrent. */
  readonly handshake: Handshake;
  /** Whether connections are wanted at all: not paused, failed or closed. */
  readonly isActive: boolean;
  /** Only peers that its trackers or users tell of may be dialled (BEP 27). */
  readonly isPrivate: boolean;
  /** Our DHT node; undefined for private torrents too (BEP 27). */
  readonly dht: DhtLink | undefined;
  /** The torrent's own rate limits, parents of each connection's. */
  readonly downloadLimit: RateLimit;
  readonly uploadLimit: RateLimit;
  /** Whether a sender that is no peer has this id. */
  isTaken(id: number): boolean;
  connected(connection: Connection): void;
  disconnected(connection: Connection, error: Error | undefined): void;
  /** About once a second while there are peers, and when candidates are looked at. */
  ticked(now: number): void;
}
