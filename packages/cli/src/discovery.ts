// How the user wants peers and data to be found, as options of a session.
import { join } from "node:path";
import { formatEndpoint } from "@shoal/core";
import type { CreateSessionOptions } from "@shoal/session";
import type { PeerName } from "./arguments.ts";
import type { Context } from "./context.ts";
import { stateFolder } from "./state-folder.ts";

/** What the user chose, the same for all commands that meet peers. */
export interface DiscoveryOptions {
  /** IP addresses and interfaces to do everything from. */
  readonly bind?: readonly string[];
  readonly dht: boolean;
  /** Instead of the well-known nodes. */
  readonly dhtBootstrap?: readonly PeerName[];
  readonly lsd: boolean;
  readonly pex: boolean;
  readonly portmap: boolean;
  /** Path or URL of a list of addresses to have nothing to do with. */
  readonly blocklist?: string;
}

/** The session's options for that. */
export function discoveryOptions(
  options: DiscoveryOptions,
  { env }: Context,
): Pick<CreateSessionOptions, "bind" | "dht" | "lsd" | "pex" | "portMapping" | "blocklist"> {
  const { bind, lsd, pex, portmap, blocklist } = options;
  const dht = dhtOptions(options, env);
  return { ...(bind ? { bind } : {}), dht, lsd, pex, portMapping: portmap, blocklist };
}

function dhtOptions(
  { dht, dhtBootstrap }: DiscoveryOptions,
  env: Context["env"],
): NonNullable<CreateSessionOptions["dht"]> {
  if (!dht) return false;
  const stateFile = join(stateFolder(env), "dht.state");
  if (dhtBootstrap === undefined) return { stateFile };
  const bootstrap = dhtBootstrap.map(({ host, port }) => formatEndpoint({ address: host, port }));
  return { stateFile, bootstrap };
}
