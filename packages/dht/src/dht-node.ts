// A DHT node: datagrams in, datagrams out, and all that one can ask of the DHT.
import type { BencodeInput, BencodeValue } from "@shoal/bencode";
import { type Alarm, Emitter, type Endpoint, type EventSource } from "@shoal/core";
import { type Announcement, type AnnounceOptions, Announcer } from "./announcer.ts";
import { Channel } from "./channel.ts";
import type { Contact } from "./contact.ts";
import { type Crawled, type CrawlOptions, crawl } from "./crawler.ts";
import { portableCrypto } from "./crypto.ts";
import { type Answer, query, type Sample, sampleOf } from "./direct.ts";
import { closedError } from "./error.ts";
import {
  followNewest,
  getImmutable,
  getNewest,
  type MutableItem,
  type MutablePut,
  putImmutable,
  putMutable,
  type Stored,
} from "./item-exchange.ts";
import { type ItemStore, memoryItemStore } from "./item-store.ts";
import type { KrpcValues } from "./krpc.ts";
import { checkId, compareDistance } from "./node-id.ts";
import { checkOptions, type DhtHost, type DhtOptions, inRange } from "./options.ts";
import { memoryPeerStore, type PeerStore } from "./peer-store.ts";
import { Reception, type Traffic } from "./reception.ts";
import { Site } from "./site.ts";
import { decodeState, encodeState } from "./state.ts";
import { type SwarmSize, scrapeSwarm, searchPeers } from "./swarm-lookup.ts";
import { TokenCache } from "./token-cache.ts";
import { type DhtContext, type Walked, walk } from "./walk.ts";

/** What a node tells of. */
export interface DhtEvents {
  /** Others see this node under another address than before; its id may have changed (BEP 42). */
  moved: { readonly family: 4 | 6; readonly address: string; readonly id: Uint8Array };
  /** A lookup of ours came to its end on one of our sockets. */
  lookup: Walked;
  /** Somebody announced a peer to us. */
  announced: { readonly infoHash: Uint8Array; readonly peer: Endpoint };
}

/** Counters and gauges of a node. */
export interface DhtStats extends Traffic {
  /** By site. */
  readonly sites: readonly {
    readonly local: Endpoint;
    readonly external: string | undefined;
    readonly nodes: number;
    readonly pendingQueries: number;
  }[];
  /** Torrents and peers announced to us, items stored with us. */
  readonly torrents: number;
  readonly peers: number;
  readonly items: number;
  /** Torrents that we keep announced. */
  readonly announcements: number;
}

/** How often what others stored is looked through for what has lapsed, in ms. */
const EXPIRY_MS = 2 * 60_000;
const FOLLOW_MS = 5 * 60_000;
/** Peers of which a lookup stops by default: none. */
const NO_NODES: readonly Contact[] = [];

/** A node of the Mainline DHT on sockets that it is given. It takes part from the beginning. */
export class DhtNode implements EventSource<DhtEvents> {
  readonly #events = new Emitter<DhtEvents>();
  readonly #context: DhtContext;
  readonly #announcer: Announcer;
  readonly #reception: Reception;
  readonly #peers: PeerStore;
  readonly #items: ItemStore;
  readonly #expiry: Alarm;
  readonly #closing = new AbortController();
  readonly #release: (() => Promise<void>) | undefined;
  #released: Promise<void> | undefined;

  /** @throws DhtError `ERR_DHT_OPTION`, `ERR_DHT_STATE` */
  constructor(host: DhtHost, options: DhtOptions) {
    checkOptions(options);
    this.#release = host.release;
    const { clock, deadlines, rng, crypto = portableCrypto } = host;
    const saved = options.state === undefined ? [] : decodeState(options.state);
    const sites = options.sockets.map((socket) => {
      const state = saved.find(({ local }) => local === socket.local.address);
      return this.#newSite(host, options, socket, state?.id);
    });
    this.#peers = options.peers ?? memoryPeerStore(rng, crypto);
    this.#items = options.items ?? memoryItemStore(() => sites[0]?.id ?? new Uint8Array(20));
    this.#context = {
      clock,
      deadlines,
      crypto,
      sites,
      peers: this.#peers,
      items: this.#items,
      tokens: new TokenCache<Site>(),
      closing: this.#closing.signal,
      walked: (walked) => this.#events.emit("lookup", walked),
    };
    this.#announcer = new Announcer(this.#context);
    this.#reception = new Reception(
      { ...host, crypto, sites, peers: this.#peers, items: this.#items },
      {
        queriesPerSecond: options.queriesPerSecond ?? 20,
        readOnly: options.readOnly ?? false,
        announced: (infoHash, peer) => this.#events.emit("announced", { infoHash, peer }),
      },
    );
    for (const site of sites) this.#reception.attend(site);
    this.#expiry = deadlines.alarm((now) => {
      this.#peers.expire(now);
      this.#items.expire(now);
      this.#expiry.set(now + EXPIRY_MS);
    });
    this.#expiry.set(clock.now() + EXPIRY_MS);
    for (const site of sites) {
      site.addDoors(options.bootstrap ?? []);
      site.open();
    }
    this.addNodes(saved.flatMap(({ contacts }) => contacts));
  }

  on<Name extends keyof DhtEvents>(
    name: Name,
    listener: (event: DhtEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  once<Name extends keyof DhtEvents>(
    name: Name,
    options?: { signal?: AbortSignal },
  ): Promise<DhtEvents[Name]> {
    return this.#events.once(name, options);
  }

  /** Where our sockets are, in the order of `sockets`. */
  get addresses(): readonly Endpoint[] {
    return this.#context.sites.map(({ datagrams }) => datagrams.local);
  }

  /** Our ids, one for each socket, in the order of `sockets`. */
  get ids(): readonly Uint8Array[] {
    return this.#context.sites.map(({ id }) => id);
  }

  /**
   * Searches peers of a torrent and tells each once, as they come. Ends when the nodes closest to
   * the info-hash have answered, or when the loop is left.
   *
   * @param infoHash 20 bytes.
   * @throws the signal's reason, `ERR_DHT_CLOSED` (both from the loop); DhtError `ERR_DHT_OPTION`
   */
  lookup(
    infoHash: Uint8Array,
    options: { readonly signal?: AbortSignal; readonly noSeeds?: boolean } = {},
  ): AsyncIterableIterator<Endpoint> {
    checkId("infoHash", infoHash);
    const left = new AbortController();
    const channel = new Channel<Endpoint>(() => left.abort(LEFT));
    const signals = [left.signal, ...(options.signal ? [options.signal] : [])];
    searchPeers(this.#context, infoHash, {
      noSeeds: options.noSeeds,
      signal: AbortSignal.any(signals),
      found: (peer) => channel.push(peer),
    }).then(
      () => channel.end(),
      (error: unknown) => channel.end(error),
    );
    return channel;
  }

  /**
   * Announces a peer on this host, and again every quarter of an hour until it is closed; sooner
   * while no node takes it or nobody else is found. Many torrents are spread over that time.
   *
   * @throws DhtError `ERR_DHT_OPTION`, `ERR_DHT_CLOSED`
   */
  announce(infoHash: Uint8Array, options: AnnounceOptions): Announcement {
    if (this.#closing.signal.aborted) throw closedError();
    inRange("port", options.port, 0, 65_535);
    return this.#announcer.open(checkId("infoHash", infoHash), options);
  }

  /** Estimates how many peers a torrent has (BEP 33). */
  scrape(
    infoHash: Uint8Array,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<SwarmSize> {
    return scrapeSwarm(this.#context, checkId("infoHash", infoHash), options.signal);
  }

  /** Finds an immutable item; `undefined` if no node has it. */
  get(
    target: Uint8Array,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<BencodeValue | undefined> {
    return getImmutable(this.#context, checkId("target", target), options.signal);
  }

  /** Stores an immutable item of at most 1000 bytes for two hours. @throws DhtError */
  put(value: BencodeInput, options: { readonly signal?: AbortSignal } = {}): Promise<Stored> {
    return putImmutable(this.#context, value, options.signal);
  }

  /** Finds the newest version of a mutable item. @param publicKey 32 bytes. */
  getMutable(
    publicKey: Uint8Array,
    options: { readonly salt?: Uint8Array; readonly signal?: AbortSignal } = {},
  ): Promise<MutableItem | undefined> {
    return getNewest(this.#context, publicKey, options);
  }

  /** Stores a version of a mutable item for two hours. @throws DhtError, see {@link MutablePut} */
  putMutable(put: MutablePut): Promise<Stored & { readonly seq: bigint }> {
    return putMutable(this.#context, put);
  }

  /**
   * Versions of a mutable item as they appear, the current one first, until the loop is left or the
   * signal aborts. What is followed is kept alive. For a mutable torrent (BEP 46) each names an
   * `infoHash`.
   */
  follow(
    publicKey: Uint8Array,
    options: {
      readonly salt?: Uint8Array;
      readonly signal?: AbortSignal;
      /** Between two looks. Default 5 minutes. */
      readonly intervalMs?: number;
    } = {},
  ): AsyncGenerator<MutableItem, void, undefined> {
    const intervalMs = options.intervalMs ?? FOLLOW_MS;
    return followNewest(this.#context, publicKey, { ...options, intervalMs });
  }

  /** Asks a node for some of the info-hashes that it knows (BEP 51). */
  sampleInfohashes(
    to: Endpoint,
    target: Uint8Array = this.ids[0] ?? new Uint8Array(20),
  ): Promise<Sample> {
    return sampleOf(this.#context, to, checkId("target", target));
  }

  /** Walks through the whole DHT and tells the info-hashes that its nodes know (BEP 51). */
  crawl(options: CrawlOptions = {}): AsyncIterableIterator<Crawled> {
    return crawl(this.#context, options);
  }

  /** Whether a node is there, who it is and how far. @throws as `query` */
  ping(to: Endpoint): Promise<Answer> {
    return query(this.#context, to, "ping");
  }

  /** The nodes closest to a target, at most eight for each socket. */
  async findNode(
    target: Uint8Array,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly Contact[]> {
    const task = { target: checkId("target", target), method: "find_node", args: { target } };
    const results = await walk(this.#context, task, options.signal);
    return results
      .flatMap(({ result }) => result.closest.map(({ contact }) => contact))
      .sort((a, b) => compareDistance(target, a.id, b.id));
  }

  /** Sends any query to a node. `id` is added. @throws DhtError */
  query(to: Endpoint, method: string, args: KrpcValues = {}): Promise<Answer> {
    return query(this.#context, to, method, args);
  }

  /** Tells of nodes that may be there: they enter the table if they answer. */
  addNodes(nodes: readonly (Contact | Endpoint)[]): void {
    for (const site of this.#context.sites) {
      site.addRumours(nodes.filter((node): node is Contact => "id" in node));
      site.addDoors(nodes.filter((node): node is Endpoint => !("id" in node)));
    }
  }

  /** All nodes of the tables. */
  nodes(): readonly Contact[] {
    const all = this.#context.sites.flatMap(({ table }) => table.buckets().flat());
    return all.length === 0 ? NO_NODES : all.map(({ id, endpoint }) => ({ id, endpoint }));
  }

  /** Ids and nodes, to be given to the next life as `state`. */
  exportState(): Uint8Array {
    return encodeState(
      this.#context.sites.map(({ family, datagrams, id, table }) => ({
        family,
        local: datagrams.local.address,
        id,
        contacts: table.closest(id, 256),
      })),
    );
  }

  stats(): DhtStats {
    return {
      ...this.#reception.traffic,
      sites: this.#context.sites.map(({ datagrams, externalAddress, table, pending }) => ({
        local: datagrams.local,
        external: externalAddress,
        nodes: table.size,
        pendingQueries: pending,
      })),
      torrents: this.#peers.torrents,
      peers: this.#peers.peers,
      items: this.#items.size,
      announcements: this.#announcer.size,
    };
  }

  /** Ends everything that is under way, and then what the host has `release`. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(closedError());
      this.#announcer.close();
      this.#expiry.clear();
      for (const site of this.#context.sites) site.close();
    }
    this.#released ??= this.#release?.() ?? Promise.resolve();
    await this.#released;
  }

  #newSite(
    { clock, deadlines, rng, entropy }: DhtHost,
    {
      parallel = 5,
      aggressive = true,
      idPolicy = "prefer",
      readOnly = false,
      extendedBuckets = false,
    }: DhtOptions,
    socket: DhtOptions["sockets"][number],
    id: Uint8Array | undefined,
  ): Site {
    const sitesOf = (family: 4 | 6): readonly Site[] =>
      this.#context.sites.filter((site) => site.family === family);
    return new Site(
      {
        clock,
        deadlines,
        rng,
        entropy,
        others: (contacts, family) => sitesOf(family)[0]?.meet(contacts),
        wantsBoth: () =>
          [4, 6].every((family) => this.#context.sites.some((site) => site.family === family)) &&
          this.#context.sites.some(({ table }) => table.size < FEW_NODES),
        verified: (address) => this.#reception.verified(address),
        moved: ({ family, id, externalAddress }) =>
          this.#events.emit("moved", { family, id, address: externalAddress ?? "" }),
      },
      {
        style: {
          parallel,
          aggressive,
          secureOnly: idPolicy === "enforce",
          anyId: idPolicy === "ignore",
        },
        idPolicy,
        isExtended: extendedBuckets,
        readOnly,
      },
      socket,
      id,
    );
  }
}

/** Below so many nodes a site asks the other family for nodes of its own. */
const FEW_NODES = 16;
/** Why a search is stopped whose reader has gone. */
const LEFT = "left";
