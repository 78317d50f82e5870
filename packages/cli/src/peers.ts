// Peers that the user names, as addresses.
import { lookup } from "node:dns/promises";
import { type Endpoint, endpoint } from "@shoal/core";
import type { PeerName } from "./arguments.ts";
import { CliError } from "./error.ts";

/** All addresses of all peers. @throws CliError `ERR_CLI_PEER` if a host has none. */
export async function resolvePeers(names: readonly PeerName[]): Promise<Endpoint[]> {
  return (await Promise.all(names.map(resolvePeer))).flat();
}

async function resolvePeer({ host, port }: PeerName): Promise<Endpoint[]> {
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => endpoint(address, port));
  } catch (cause) {
    throw new CliError(
      "ERR_CLI_PEER",
      `no address is known for the peer '${host}'; check the name and the network`,
      { cause },
    );
  }
}
