// Peers that the user names, as addresses.
import { lookup } from "node:dns/promises";
import { type Endpoint, endpoint } from "@shoal/core";
import type { PeerName } from "./arguments.ts";
import { CliError } from "./error.ts";

/**
 * All addresses of all peers.
 *
 * @param what They are, in words.
 * @throws CliError `ERR_CLI_PEER` if a host has none; the signal's reason.
 */
export async function resolvePeers(
  names: readonly PeerName[],
  signal: AbortSignal,
  what = "peer",
): Promise<Endpoint[]> {
  signal.throwIfAborted();
  const found = Promise.all(names.map((name) => resolvePeer(name, what)));
  // A system's name resolution takes long to give up, and can't be ended.
  const left = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return (await Promise.race([found, left])).flat();
}

async function resolvePeer({ host, port }: PeerName, what: string): Promise<Endpoint[]> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => endpoint(address, port));
  } catch (cause) {
    throw new CliError(
      "ERR_CLI_PEER",
      `no address is known for the ${what} '${host}'; check the name and the network`,
      { cause },
    );
  }
}
