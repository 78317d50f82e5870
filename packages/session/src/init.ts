// What a session is composed of: every part is given, none is imported.
import type {
  BlockSource,
  Clock,
  Deadlines,
  Endpoint,
  Entropy,
  PeerSource,
  Rng,
  Transport,
} from "@shoal/core";
import type { DiskIo, StoreFactory } from "@shoal/disk-io";
import type { WireExtension } from "@shoal/wire";
import type { SessionSettings } from "./settings.ts";

/** Time, chance and turns: the real ones, or a simulator's. */
export interface Runtime {
  readonly clock: Clock;
  /** Driven by whoever made it. */
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  readonly entropy: Entropy;
  sha1(bytes: Uint8Array): Uint8Array;
  /** Runs `task` in a fresh turn of the event loop. */
  defer(task: () => void): void;
}

/** What a discovery service is given. */
export interface ServiceHost extends Runtime {
  /** Name and version, for user agents. */
  readonly clientName: string;
  /** The port on which we accept peers; 0 if none. */
  listenPort(): number;
  /** Something failed that a user may want to know; the service goes on by itself. */
  warn(error: Error): void;
}

/** A port of a router that leads to us. */
export interface PortMapping {
  readonly protocol: "tcp" | "udp";
  /** By which protocol the router was asked: `pcp`, `nat-pmp` or `upnp`. */
  readonly via: string;
  readonly externalAddress?: string | undefined;
  readonly externalPort: number;
}

/** What an {@link Attendant} is given. */
export interface AttendantHost extends ServiceHost {
  mapped(mapping: PortMapping): void;
}

/** What is with the session from the moment it listens until it closes: a port mapper. */
export interface Attendant {
  /** @param port On which peers are accepted; not 0. */
  listening(port: number): void;
  /** Resolves within a few seconds, and never rejects. */
  close(): Promise<void>;
}

/** The parts of a session. */
export interface SessionInit {
  readonly runtime: Runtime;
  readonly disk: DiskIo;
  /** Ways to reach peers; dialled in this order. */
  readonly transports: readonly Transport[];
  /** Where every transport listens; port 0 takes any free one. Empty: nobody can connect to us. */
  readonly listen: readonly Endpoint[];
  /** Where a torrent's data goes that is added with a `path`. */
  readonly store: (path: string) => StoreFactory;
  /** Discovery services, for all torrents. */
  readonly services?: readonly ((host: ServiceHost) => PeerSource)[];
  /** Senders that are no peers, such as HTTP seeds, for all torrents. */
  readonly blockSources?: readonly ((host: ServiceHost) => BlockSource)[];
  /** Parts that need to know the port. */
  readonly attendants?: readonly ((host: AttendantHost) => Attendant)[];
  /** A blocklist: nobody at these IP addresses is dialled or accepted. */
  readonly filter?: { blocks(address: string): boolean } | undefined;
  /** Message families to offer to peers (BEP 10). */
  readonly extensions?: readonly WireExtension[];
  readonly settings?: Partial<SessionSettings> | undefined;
  /** Name and version shown to peers and trackers. Default `Shoal/0.1`. */
  readonly clientName?: string | undefined;
  /** Fetches what `add` is given as a path or URL; without it only bytes can be added. */
  readonly load?: (source: string | URL, signal: AbortSignal | undefined) => Promise<Uint8Array>;
  /** Called last in `close`, when nothing uses the parts any more: ends what the composer began. */
  readonly release?: () => Promise<void>;
}
