// The torrent's peer sources: opened while it is active, told of completion, closed in time.
import {
  asError,
  type Clock,
  type Deadlines,
  type Endpoint,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
} from "@shoal/core";
import type { PeerOrigin } from "@shoal/policy";

/** What the torrent lets sources know, and what it hears of them. */
export interface SourcesHost extends Omit<SwarmFacts, "found"> {
  found(peers: readonly Endpoint[], origin: PeerOrigin): void;
}

/** The feeds of one torrent. */
export class Sources {
  readonly #sources: readonly PeerSource[];
  readonly #host: SourcesHost;
  #feeds: readonly PeerFeed[] = NONE;

  constructor(sources: readonly PeerSource[], host: SourcesHost) {
    this.#sources = sources;
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.#feeds.length > 0;
  }

  /** Starts every source that has not been started. */
  open(): void {
    if (this.isOpen) return;
    const feeds: PeerFeed[] = [];
    this.#feeds = feeds;
    for (const source of this.#sources) {
      try {
        feeds.push(source.open(new FeedFacts(this.#host, originOf(source.name))));
      } catch (error) {
        this.#host.warn(asError(error));
      }
    }
  }

  completed(): void {
    for (const feed of this.#feeds) feed.completed();
  }

  refresh(): void {
    for (const feed of this.#feeds) feed.refresh();
  }

  /** Closes within `ms`. */
  async closeWithin(ms: number, time: { clock: Clock; deadlines: Deadlines }): Promise<void> {
    if (!this.isOpen) return;
    const goodbye = new AbortController();
    const deadline = time.deadlines.alarm(() => goodbye.abort());
    deadline.set(time.clock.now() + ms);
    await this.close(goodbye.signal);
    deadline.clear();
  }

  /** Says good-bye everywhere; resolves at the latest when `signal` aborts, whatever feeds do. */
  async close(signal: AbortSignal): Promise<void> {
    const feeds = this.#feeds;
    this.#feeds = NONE;
    if (feeds.length === 0) return;
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => abort(), { once: true });
    const results = await Promise.allSettled(
      feeds.map(async (feed) => Promise.race([feed.close(signal), aborted])),
    );
    for (const result of results) {
      if (result.status === "rejected") this.#host.warn(asError(result.reason));
    }
  }
}

const NONE: readonly PeerFeed[] = [];

/** What one source is told; some facts change, so they are looked up each time. */
class FeedFacts implements SwarmFacts {
  readonly #host: SourcesHost;
  readonly #origin: PeerOrigin;

  constructor(host: SourcesHost, origin: PeerOrigin) {
    this.#host = host;
    this.#origin = origin;
  }

  get infoHash(): Uint8Array {
    return this.#host.infoHash;
  }

  get peerId(): Uint8Array {
    return this.#host.peerId;
  }

  get isPrivate(): boolean {
    return this.#host.isPrivate;
  }

  get trackers(): readonly (readonly string[])[] {
    return this.#host.trackers;
  }

  get nodes(): NonNullable<SwarmFacts["nodes"]> {
    return this.#host.nodes ?? [];
  }

  transfer(): ReturnType<SwarmFacts["transfer"]> {
    return this.#host.transfer();
  }

  found(peers: readonly Endpoint[]): void {
    this.#host.found(peers, this.#origin);
  }

  warn(error: Error): void {
    this.#host.warn(error);
  }
}

const ORIGINS: readonly PeerOrigin[] = ["tracker", "dht", "lsd", "pex"];

function originOf(name: string): PeerOrigin {
  return ORIGINS.find((origin) => origin === name) ?? "manual";
}
