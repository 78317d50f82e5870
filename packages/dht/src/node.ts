/**
 * A DHT node on UDP, over IPv4 and IPv6 at once.
 *
 * @packageDocumentation
 */
import {
  createPrivateKey,
  createPublicKey,
  hash,
  randomBytes,
  randomInt,
  sign,
  verify,
} from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { createRng, type Datagrams, Deadlines, type Endpoint } from "@shoal/core";
import { clock, createNetwork, deadlineDriver, type Network } from "@shoal/net";
import type { DhtCrypto, Signer } from "./crypto.ts";
import { DhtNode } from "./dht-node.ts";
import { DhtError } from "./error.ts";
import type { DhtHost, DhtOptions } from "./options.ts";

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
  /** What everything goes through; by default all of the host. */
  readonly network?: DhtNetwork;
  /** Time and chance, for a node within an engine; by default it has a timer of its own. */
  readonly runtime?: DhtRuntime;
}

/** Sockets and names for a node. */
export type DhtNetwork = Pick<Network, "udp" | "resolve">;

/** What drives a node; whoever gives it also drives its deadlines. */
export type DhtRuntime = Pick<DhtHost, "clock" | "deadlines" | "rng" | "entropy">;

/**
 * Starts a node. Where there is no IPv6 it runs on IPv4 alone. Its `close` closes the sockets too.
 *
 * @throws NetError if an address can't be bound; DhtError `ERR_DHT_OPTION`, `ERR_DHT_STATE`
 */
export async function createDht(options: CreateDhtOptions = {}): Promise<DhtNode> {
  const { port = 0, addresses, bootstrap = DEFAULT_BOOTSTRAP, ...rest } = options;
  const doors = bootstrap.map(parseBootstrap);
  const network = options.network ?? createNetwork();
  const sockets = await bindAll(network, addresses, port);
  const runtime = options.runtime ?? realRuntime();
  // An engine drives its deadlines itself.
  const driver = options.runtime ? undefined : deadlineDriver(runtime.deadlines, runtime.clock);
  const stop = new AbortController();
  const release = async (): Promise<void> => {
    stop.abort();
    driver?.close();
    await Promise.all(sockets.map((socket) => socket.close()));
  };
  try {
    const node = new DhtNode({ ...runtime, crypto: nodeCrypto, release }, { ...rest, sockets });
    for (const door of doors) void knock(node, network, door, stop.signal);
    return node;
  } catch (error) {
    await release();
    throw error;
  }
}

/** SHA-1 and ed25519 of OpenSSL. */
export const nodeCrypto: DhtCrypto = {
  sha1: (bytes) => hash("sha1", bytes, "buffer"),
  verify: (signature, message, publicKey) => {
    try {
      const key = createPublicKey({ key: jwk(publicKey), format: "jwk" });
      return verify(null, message, key, signature);
    } catch {
      return false;
    }
  },
};

/**
 * Signs mutable items with OpenSSL.
 *
 * @param seed RFC 8032's private key of 32 bytes; by default a new one.
 */
export function nodeSigner(
  seed: Uint8Array = randomBytes(32),
): Signer & { readonly seed: Uint8Array } {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519, seed]),
    format: "der",
    type: "pkcs8",
  });
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  const publicKey = new Uint8Array(Buffer.from(x, "base64url"));
  return { seed, publicKey, sign: (message) => sign(null, message, key) };
}

/** What stands before the seed in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
/** Time until a name is looked up again that could not be, in ms. */
const RETRY_MS = 30_000;

interface Door {
  readonly host: string;
  readonly port: number;
}

function jwk(publicKey: Uint8Array): { kty: string; crv: string; x: string } {
  return { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") };
}

async function bindAll(
  network: DhtNetwork,
  addresses: readonly string[] | undefined,
  port: number,
): Promise<Datagrams[]> {
  const sockets: Datagrams[] = [];
  try {
    for (const address of addresses ?? ["0.0.0.0", "::"]) {
      try {
        sockets.push(await network.udp({ address, port: sockets[0]?.local.port ?? port }));
      } catch (error) {
        // The host may have no IPv6, or the port may be taken there.
        if (addresses !== undefined || sockets.length === 0) throw error;
      }
    }
  } catch (error) {
    await Promise.all(sockets.map((socket) => socket.close()));
    throw error;
  }
  return sockets;
}

function realRuntime(): DhtRuntime {
  return {
    clock: clock(),
    deadlines: new Deadlines(),
    rng: createRng(randomInt(2 ** 32)),
    entropy: (size) => randomBytes(size),
  };
}

/** @throws DhtError `ERR_DHT_OPTION` */
function parseBootstrap(door: string | Endpoint): Door {
  if (typeof door !== "string") return { host: door.address, port: door.port };
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(door);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port > 0 && port < 65_536)) {
    throw new DhtError("ERR_DHT_OPTION", `expected bootstrap nodes as host:port, got '${door}'`);
  }
  return { host, port };
}

/** Tells the node of a door as soon as its name can be resolved. */
async function knock(
  node: DhtNode,
  network: DhtNetwork,
  { host, port }: Door,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const addresses = await network.resolve(host, { signal });
      if (!signal.aborted) node.addNodes(addresses.map((address) => ({ address, port })));
      return;
    } catch {
      // No network yet: wait, but keep no process alive for it.
      await setTimeout(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
