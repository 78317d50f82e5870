// The interfaces between packages that have many implementers: types only.
import type { Endpoint } from "./endpoint.ts";
import type { PieceGeometry } from "./geometry.ts";

/** A part that acts in time but never reads a clock itself. */
export interface Machine {
  /** When it next has something to do: absolute ms on the host's monotonic clock. */
  nextDeadline(): number | undefined;
  /** Runs everything that is due at `now`. */
  advance(now: number): void;
}

/** The host's monotonic clock, in ms; fractions allowed, never runs backwards. */
export interface Clock {
  now(): number;
}

/** What a {@link Duplex} tells its owner. None of the calls may throw. */
export interface DuplexHandler {
  /** Bytes came. `chunk` is valid only during the call: its memory is read into again after it. */
  received(chunk: Uint8Array): void;
  /**
   * Written bytes have left: `total` counts all since the stream began. Memory handed to `write`
   * may change once it lies below `total`.
   */
  flushed(total: number): void;
  /** The stream is over, for whatever reason; exactly once, and nothing comes after it. */
  closed(error: Error | undefined): void;
}

/** A reliable, ordered stream of bytes with one peer: TCP, uTP, or memory in tests. */
export interface Duplex {
  /** `tcp`, `utp`, …: for statistics and policies. */
  readonly kind: string;
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /**
   * Names the owner; bytes flow from then on. May be called again to hand the stream over (as the
   * session does once it knows the torrent); nothing is delivered twice.
   */
  attach(handler: DuplexHandler): void;
  /**
   * Queues the chunks in order, as one vectored write where the transport can. They are not copied:
   * see {@link DuplexHandler.flushed}. Writes after the end are dropped.
   */
  write(chunks: readonly Uint8Array[]): void;
  /** Stops `received` at once, until `resume`: back-pressure to the sender. */
  pause(): void;
  resume(): void;
  /** Ends the stream after what was written. `closed` follows, within a few seconds even if the remote hangs. */
  end(): void;
  /** Ends the stream at once. `closed` follows, unless it came before. */
  destroy(error?: Error): void;
}

/** A bound listening address. */
export interface Listener {
  readonly local: Endpoint;
  /** Stops accepting; connections already accepted live on. */
  close(): Promise<void>;
}

/** A way to reach peers. */
export interface Transport {
  readonly kind: string;
  /**
   * Connects to a peer.
   *
   * @throws the cause when refused, timed out, or when `signal` aborts.
   */
  dial(to: Endpoint, options: { signal: AbortSignal }): Promise<Duplex>;
  /**
   * Accepts connections. `accept` owns each duplex that it is given.
   *
   * @throws if the address can't be bound.
   */
  listen(at: Endpoint, accept: (duplex: Duplex) => void): Promise<Listener>;
}

/** A socket for datagrams of one address family. */
export interface Datagrams {
  readonly local: Endpoint;
  /** Names the receiver; `bytes` belong to it. */
  attach(receive: (bytes: Uint8Array, from: Endpoint) => void): void;
  /** Sends or silently loses, as UDP does. */
  send(bytes: Uint8Array, to: Endpoint): void;
  close(): Promise<void>;
}

/** What a source of peers may know of the swarm that it feeds, and where it says what it found. */
export interface SwarmFacts {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes: the id that this swarm shows to trackers and peers. */
  readonly peerId: Uint8Array;
  /** BEP 27: only trackers of the torrent itself may be asked. */
  readonly isPrivate: boolean;
  /** Trackers of the torrent by tier (BEP 12); changes are announced by `PeerFeed.refresh`. */
  readonly trackers: readonly (readonly string[])[];
  /** DHT nodes that the torrent file names (BEP 5). */
  readonly nodes?: readonly { readonly host: string; readonly port: number }[];
  /** Bytes of payload since the torrent was started, and how many are left (unknown before metadata). */
  transfer(): { uploaded: number; downloaded: number; left: number | undefined };
  /** Peers were found. */
  found(peers: readonly Endpoint[]): void;
  /** Something went wrong that a user may want to know; the source goes on by itself. */
  warn(error: Error): void;
}

/** A source of peers at work for one swarm. */
export interface PeerFeed {
  /** The download has just become complete. */
  completed(): void;
  /** Asks again now, within what the source's rules allow; also after trackers changed. */
  refresh(): void;
  /** Says good-bye where the protocol knows that. Resolves at the latest when `signal` aborts. */
  close(signal: AbortSignal): Promise<void>;
}

/** A DHT node as connections need it: peers tell each other their nodes' ports (BEP 5, `port`). */
export interface DhtLink {
  /** The UDP port of our node; 0 while it has none. */
  readonly port: number;
  /** A peer says that it runs a node there. Nothing but hearsay. */
  heardOf(node: Endpoint): void;
}

/** A discovery service: trackers, the DHT, local discovery… */
export interface PeerSource {
  /** `tracker`, `dht`, …: counted in statistics and used for ranking. */
  readonly name: string;
  /** Given by the DHT: connections announce its port and tell it of other nodes. */
  readonly dht?: DhtLink;
  open(swarm: SwarmFacts): PeerFeed;
  /** Resolves when everything of the service is gone. */
  close(): Promise<void>;
}

/** A stretch of a torrent's bytes. */
export interface ByteRun {
  /** Where it begins in the torrent's bytes. */
  readonly offset: number;
  /** Bytes, at least 1. */
  readonly length: number;
}

/** One sender that is no peer, such as a web server, as the torrent sees it. */
export interface BlockLane {
  /**
   * Reserves the next stretch of wanted blocks for this sender: whole blocks, contiguous, within
   * neighbouring pieces, at most `maxBytes` (but at least one block).
   *
   * @returns undefined if there is nothing at present: `wanted` of the handler follows when there is.
   */
  take(maxBytes: number): ByteRun | undefined;
  /**
   * Hands over the next bytes of the stretches that were taken, in the order in which they were
   * taken; more than what was taken is dropped. `chunk` is copied.
   *
   * @returns false if the sender should stop reading until `drained` of the handler.
   */
  deliver(chunk: Uint8Array): boolean;
  /** Gives back what was taken and not delivered: others may be asked for it. */
  release(): void;
  /** The sender has none of these bytes: no piece that they touch is given to it any more. */
  lacks(run: ByteRun): void;
  /** Releases everything; nothing is called afterwards. */
  close(): void;
}

/** What a {@link BlockLane} tells its owner. None of the calls may throw. */
export interface BlockLaneHandler {
  /** There may be something to take again. */
  wanted(): void;
  /** `deliver` may be called again. */
  drained(): void;
  /** Its data was wrong for certain; the lane is closed and the sender is not to be used again. */
  banned(reason: Error): void;
}

/** What a {@link BlockSource} may know of a torrent. */
export interface BlockFacts {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The info dictionary as it stood, with the names of files as their makers wrote them. */
  readonly infoBytes: Uint8Array;
  readonly geometry: PieceGeometry;
  /** In the torrent's order: offsets ascend without gaps. */
  readonly files: readonly {
    readonly length: number;
    readonly offset: number;
    /** Only zeros, stored nowhere (BEP 47). */
    readonly pad: boolean;
  }[];
  /** There is one file and no folder. */
  readonly isSingleFile: boolean;
  /** URLs of BEP 19 web seeds. */
  readonly webSeeds: readonly string[];
  /** URLs of BEP 17 web seeds. */
  readonly httpSeeds: readonly string[];
  /** Begins a sender. @param name shown to users: its URL. */
  openLane(name: string, handler: BlockLaneHandler): BlockLane;
  /** Something went wrong that a user may want to know; the source goes on by itself. */
  warn(error: Error): void;
}

/** A block source at work for one torrent; it is open while something is wanted and not paused. */
export interface BlockFeed {
  /** Ends all transfers and closes all lanes. */
  close(): void;
}

/** A service that brings payload without being a peer: HTTP seeds. */
export interface BlockSource {
  /** `webseed`, …: for statistics. */
  readonly name: string;
  /** @returns undefined if it can do nothing for this torrent. */
  open(torrent: BlockFacts): BlockFeed | undefined;
  /** Resolves when everything of the service is gone. */
  close(): Promise<void>;
}
