// What every driver offers, so that a test never needs to know which client it talks to.
import type { Endpoint } from "@shoal/core";

/** How one client is started. */
export interface StartOptions {
  /** A seed has the payload in `dir`; a leech starts with an empty `dir`. */
  readonly role: "seed" | "leech";
  /** Path of the torrent file. */
  readonly torrentFile: string;
  /** A magnet link to begin with instead of the torrent file. */
  readonly magnet?: string | undefined;
  /** The folder that holds, or shall hold, the torrent's root file or folder. Exists. */
  readonly dir: string;
  /** An empty folder for the client's own files: settings, logs, resume data. */
  readonly work: string;
  /** Where it listens, and what it dials from: `127.0.0.1`, `::1`, an address of a namespace. */
  readonly address: string;
  /** Words before its command, to run it elsewhere: `nsenter …`. For libtorrent, transmission and WebTorrent. */
  readonly runner?: readonly string[] | undefined;
  /** How it finds peers by itself; not at all by default. For libtorrent, transmission and Shoal. */
  readonly find?: Find | undefined;
  /** Bytes per second that it downloads at most. For libtorrent, transmission and Shoal. */
  readonly downloadLimit?: number | undefined;
}

/** One way to find peers, alone. */
export type Find =
  /** Peer exchange. */
  | { readonly by: "pex" }
  /** Local discovery by multicast. */
  | { readonly by: "lsd" }
  /** The DHT that this node belongs to. For libtorrent and Shoal. */
  | { readonly by: "dht"; readonly node: Endpoint };

/** A BitTorrent client that a test can start. */
export interface ForeignClient {
  readonly name: string;
  /** Whether {@link RunningClient.dial} works; a client that can't dial must be dialled. */
  readonly dials: boolean;
  /** Whether a download leaves the torrent's empty files on disk, as BEP 3 expects of it. */
  readonly makesEmptyFiles: boolean;
  /**
   * Resolves once the client listens, and as a seed has verified all of its payload.
   *
   * @throws Error with the client's last output if it exits or takes too long.
   */
  start(options: StartOptions): Promise<RunningClient>;
}

/** A client at work on one torrent. */
export interface RunningClient {
  readonly endpoint: Endpoint;
  /** Tells the client of a peer; resolves when it knows, not when it is connected. */
  dial(peer: Endpoint): Promise<void>;
  /** Resolves once it has shaken hands with a peer. */
  connected(): Promise<void>;
  /** Resolves once the client says that it has every piece, verified. */
  finished(): Promise<void>;
  /** Stops the client in order. What it downloaded is on disk after that. */
  close(): Promise<void>;
  /** The client's last output, for the message of a failed test. */
  logs(): string;
}

/** A client together with what a test started of it. */
export interface Side {
  readonly client: ForeignClient;
  readonly running: RunningClient;
}

/**
 * Connects two clients: `from` dials where it can, else `to` does.
 *
 * @throws Error if neither can dial.
 */
export async function connect(from: Side, to: Side): Promise<void> {
  if (from.client.dials) return from.running.dial(to.running.endpoint);
  if (to.client.dials) return to.running.dial(from.running.endpoint);
  throw new Error(`expected a client that can dial, got ${from.client.name} and ${to.client.name}`);
}
