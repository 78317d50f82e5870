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

/** What a source may know, but for where it reports to. */
export type Facts = Omit<SwarmFacts, "found" | "warn">;

/** The feeds of one torrent. */
export class Sources {
  readonly #sources: readonly PeerSource[];
  readonly #facts: Facts;
  readonly #found: (peers: readonly Endpoint[], origin: PeerOrigin) => void;
  readonly #warn: (error: Error) => void;
  #feeds: PeerFeed[] = [];

  constructor(
    sources: readonly PeerSource[],
    facts: Facts,
    found: (peers: readonly Endpoint[], origin: PeerOrigin) => void,
    warn: (error: Error) => void,
  ) {
    this.#sources = sources;
    this.#facts = facts;
    this.#found = found;
    this.#warn = warn;
  }

  /** Starts every source that has not been started. */
  open(): void {
    if (this.#feeds.length > 0) return;
    for (const source of this.#sources) {
      const facts = swarmFacts(
        this.#facts,
        (peers) => this.#found(peers, originOf(source.name)),
        this.#warn,
      );
      try {
        this.#feeds.push(source.open(facts));
      } catch (error) {
        this.#warn(asError(error));
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
    const goodbye = new AbortController();
    const deadline = time.deadlines.alarm(() => goodbye.abort());
    deadline.set(time.clock.now() + ms);
    await this.close(goodbye.signal);
    deadline.clear();
  }

  /** Says good-bye everywhere; resolves at the latest when `signal` aborts, whatever feeds do. */
  async close(signal: AbortSignal): Promise<void> {
    const feeds = this.#feeds;
    this.#feeds = [];
    if (feeds.length === 0) return;
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => abort(), { once: true });
    const results = await Promise.allSettled(
      feeds.map(async (feed) => Promise.race([feed.close(signal), aborted])),
    );
    for (const result of results) {
      if (result.status === "rejected") this.#warn(asError(result.reason));
    }
  }
}

/** Some facts change: they are looked up each time. */
function swarmFacts(
  facts: Facts,
  found: SwarmFacts["found"],
  warn: SwarmFacts["warn"],
): SwarmFacts {
  return {
    infoHash: facts.infoHash,
    peerId: facts.peerId,
    get isPrivate() {
      return facts.isPrivate;
    },
    get trackers() {
      return facts.trackers;
    },
    nodes: facts.nodes ?? [],
    transfer: () => facts.transfer(),
    found,
    warn,
  };
}

const ORIGINS: readonly PeerOrigin[] = ["tracker", "dht", "lsd", "pex"];

function originOf(name: string): PeerOrigin {
  return ORIGINS.find((origin) => origin === name) ?? "manual";
}
