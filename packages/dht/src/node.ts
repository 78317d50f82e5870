/**
 * A DHT node on UDP, over IPv4 and IPv6 at once.
 *
 * @packageDocumentation
 */
import { createPublicKey, createPrivateKey, hash, randomBytes, randomInt, sign, verify } from "node:crypto";
import { createRng, type Datagrams, Deadlines, type Endpoint, ipFamily } from "@shoal/core";
import { clock, deadlineDriver, resolve, udpSocket } from "@shoal/net";
import type { DhtCrypto, Signer } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { DhtError } from "./error.ts";
import type { DhtOptions } from "./options.ts";

/** Where most nodes begin. */
export const DEFAULT_BOOTSTRAP: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
];

/** Settings of {@link createDht}. */
export interface CreateDhtOptions extends Omit<DhtOptions, "sockets" | "bootstrap"> {
  /** UDP port of all addresses; 0, the default, takes any that is free. */
  readonly port?: number;
  /** Addresses to take part with. Default: all of the host, `0.0.0.0` and `::`. */
  readonly addresses?: readonly string[];
  /** `host:port` of nodes to begin with, or none. Default {@link DEFAULT_BOOTSTRAP}. */
  readonly bootstrap?: readonly (string | Endpoint)[];
}

/** A node that runs on sockets of its own. */
export interface RunningDht extends DhtNode {
  /** Where it listens. */
  readonly addresses: readonly Endpoint[];
  /** Ends it and closes its sockets. */
  shutdown(): Promise<void>;
}

/**
 * Starts a node. Where there is no IPv6 it runs on IPv4 alone.
 *
 * @throws NetError if an address can't be bound; DhtError `ERR_DHT_OPTION`, `ERR_DHT_STATE`
 */
export async function createDht(options: CreateDhtOptions = {}): Promise<DhtService> {
  const { port = 0, addresses = ["0.0.0.0", "::"], bootstrap = DEFAULT_BOOTSTRAP, ...rest } = options;
  const sockets = await bindAll(addresses, port, options.addresses === undefined);
  const deadlines = new Deadlines();
  const driver = deadlineDriver(deadlines, clock());
  try {
    const host = {
      clock: clock(),
      deadlines,
      rng: createRng(randomInt(2 ** 32)),
      entropy: (size: number): Uint8Array => randomBytes(size),
      crypto: nodeCrypto,
    };
    const node = new DhtNode(host, { ...rest, sockets });
    return new DhtService(node, sockets, driver, bootstrap);
  } catch (error) {
    driver.close();
    await Promise.all(sockets.map((socket) => socket.close()));
    throw error;
  }
}
