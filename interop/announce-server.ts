// The smallest tracker: it answers every announce with the peers that a test names (BEP 3, 23, 7).
import { once } from "node:events";
import { createServer } from "node:http";
import { type Endpoint, encodeCompact } from "@shoal/core";

/** A running tracker. */
export interface AnnounceServer {
  readonly endpoint: Endpoint;
  /** Adds a peer to all later answers. */
  name(peer: Endpoint): void;
  /** How many announces came. */
  announces(): number;
  close(): Promise<void>;
}

/** Starts a tracker on a free port of `address`. */
export async function startAnnounceServer(address: string): Promise<AnnounceServer> {
  const peers: Endpoint[] = [];
  let announces = 0;
  const server = createServer((_request, response) => {
    announces++;
    response.end(reply(peers));
  }).listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("expected a TCP address");
  return {
    endpoint: { address, port: bound.port },
    name: (peer) => void peers.push(peer),
    announces: () => announces,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function reply(peers: readonly Endpoint[]): Buffer {
  const isV6 = ({ address }: Endpoint): boolean => address.includes(":");
  const v4 = Buffer.concat(peers.filter((peer) => !isV6(peer)).map(encodeCompact));
  const v6 = Buffer.concat(peers.filter(isV6).map(encodeCompact));
  return Buffer.concat([
    Buffer.from(`d8:intervali1800e5:peers${v4.length}:`),
    v4,
    Buffer.from(`6:peers6${v6.length}:`),
    v6,
    Buffer.from("e"),
  ]);
}
