// Peers that the user names, as addresses.
import { asError, type Endpoint, endpoint } from "@shoal/core";
import { createNetwork, type Network } from "@shoal/net";
import type { PeerName } from "./arguments.ts";
import { CliError } from "./error.ts";

/** What may be asked for names. */
export interface ResolveOptions {
  readonly signal: AbortSignal;
  /** IP addresses and interfaces to ask from; any by default. */
  readonly bind?: readonly string[] | undefined;
  /** What the hosts are, in words. */
  readonly what?: string;
}

/**
 * All addresses of all peers.
 *
 * @throws CliError `ERR_CLI_PEER` if a host has none; NetError if there is nothing to ask from; the
 *   signal's reason.
 */
export async function resolvePeers(
  names: readonly PeerName[],
  { signal, bind, what = "peer" }: ResolveOptions,
): Promise<Endpoint[]> {
  signal.throwIfAborted();
  const network = createNetwork(bind === undefined ? {} : { bind });
  const found = names.map((name) => resolvePeer(network, name, what, signal));
  return (await Promise.all(found)).flat();
}

async function resolvePeer(
  network: Network,
  { host, port }: PeerName,
  what: string,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  try {
    const found = await network.resolve(host, { signal });
    return found.map((address) => endpoint(address, port));
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new CliError(
      "ERR_CLI_PEER",
      `no address is known for the ${what} '${host}'; check the name and the network`,
      { cause: asError(error) },
    );
  }
}
