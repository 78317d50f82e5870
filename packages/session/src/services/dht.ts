// The DHT as a service of a session: its node starts with the first torrent that may use it.
import {
  type Alarm,
  asError,
  type DhtLink,
  errorCode,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
} from "@shoal/core";
import { createDhtSource, type DhtNode, type DhtSource } from "@shoal/dht";
import { type CreateDhtOptions, createDht } from "@shoal/dht/node";
import type { Network } from "@shoal/net";
import type { ServiceHost } from "../init.ts";
import { readState, writeState } from "./state-file.ts";

/** How often the state is saved, in ms. */
const SAVE_MS = 15 * 60_000;

/** Settings of the session's DHT node. */
export interface DhtServiceOptions {
  /** `host:port` of nodes to begin with. Default: well-known ones. */
  readonly bootstrap?: readonly string[];
  /**
   * File that keeps the nodes that were met, so that the next start finds peers at once. Its folder
   * is made if needed. Nothing is kept by default.
   */
  readonly stateFile?: string;
}

/** A service that finds peers in the DHT, on the UDP port of the session's number if that is free. */
export function dhtService(
  network: Network,
  options: DhtServiceOptions = {},
): (host: ServiceHost) => PeerSource {
  return (host) => new DhtService(host, network, options);
}

/** Binds nothing until a torrent comes that is not private (BEP 27). */
class DhtService implements PeerSource {
  readonly name = "dht";
  readonly dht: DhtLink;
  readonly #host: ServiceHost;
  readonly #network: Network;
  readonly #options: DhtServiceOptions;
  readonly #saving: Alarm;
  #starting: Promise<DhtSource | undefined> | undefined;
  #node: DhtNode | undefined;
  #source: DhtSource | undefined;
  #saved: Promise<void> = Promise.resolve();

  constructor(host: ServiceHost, network: Network, options: DhtServiceOptions) {
    this.#host = host;
    this.#network = network;
    this.#options = options;
    const port = (): number => this.#source?.dht.port ?? 0;
    this.dht = {
      get port() {
        return port();
      },
      // The first peers may tell while our node is about to start.
      heardOf: (node) => void this.#starting?.then((source) => source?.dht.heardOf(node)),
    };
    this.#saving = host.deadlines.alarm((now) => {
      this.#save();
      this.#saving.set(now + SAVE_MS);
    });
  }

  open(swarm: SwarmFacts): PeerFeed {
    if (swarm.isPrivate) return { completed: () => {}, refresh: () => {}, close: async () => {} };
    let feed: PeerFeed | undefined;
    let isClosed = false;
    this.#starting ??= this.#start();
    void this.#starting.then((source) => {
      if (!isClosed) feed = source?.open(swarm);
    });
    return {
      // What happens before the node runs is known to it by the facts that it then looks at.
      completed: () => feed?.completed(),
      refresh: () => feed?.refresh(),
      close: async (signal) => {
        isClosed = true;
        await feed?.close(signal);
      },
    };
  }

  async close(): Promise<void> {
    await this.#starting;
    this.#saving.clear();
    this.#save();
    await this.#source?.close();
    await this.#node?.close();
    await this.#saved;
  }

  /** Never rejects: the torrents' other sources do without. */
  async #start(): Promise<DhtSource | undefined> {
    try {
      const node = await this.#createNode();
      this.#node = node;
      this.#source = createDhtSource(node, {
        listenPort: () => this.#host.listenPort(),
        resolve: (name, { signal }) => this.#network.resolve(name, { signal }),
      });
      this.#saving.set(this.#host.clock.now() + SAVE_MS);
    } catch (error) {
      // The next torrent tries again.
      this.#starting = undefined;
      this.#host.warn(asError(error));
    }
    return this.#source;
  }

  async #createNode(): Promise<DhtNode> {
    const { bootstrap, stateFile } = this.#options;
    const at = this.#network.listenAddresses(0).map(({ address }) => address);
    const options: CreateDhtOptions = {
      runtime: this.#host,
      network: this.#network,
      // A wildcard stands for both families: then the node takes those that there are.
      ...(at.includes("::") ? {} : { addresses: at }),
      ...(bootstrap === undefined ? {} : { bootstrap }),
    };
    let port = this.#host.listenPort();
    let state = stateFile && (await readState(stateFile).catch((error) => this.#host.warn(error)));
    for (;;) {
      try {
        return await createDht({ ...options, port, ...(state ? { state } : {}) });
      } catch (error) {
        const code = errorCode(error);
        if (code === "ERR_NET_ADDRESS_IN_USE" && port !== 0) port = 0;
        else if (code === "ERR_DHT_STATE" && state) {
          state = undefined;
          this.#host.warn(asError(error));
        } else throw error;
      }
    }
  }

  /** One at a time; a node that has met nobody has nothing to say. */
  #save(): void {
    const { stateFile } = this.#options;
    const node = this.#node;
    if (stateFile === undefined || node === undefined || node.nodes().length === 0) return;
    const state = node.exportState();
    this.#saved = this.#saved
      .then(() => writeState(stateFile, state))
      .catch((error) => this.#host.warn(asError(error)));
  }
}
