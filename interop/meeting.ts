// Runs on an island (island.ts): clients that can find each other by one way only. Its argument is a
// Meeting; it prints an Outcome.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { toHex } from "@shoal/core";
import { createDht } from "@shoal/dht/node";
import { LSD_GROUPS, parseLsd } from "@shoal/lsd";
import { formatMagnet, parseTorrent } from "@shoal/metainfo";
import { connect } from "./client.ts";
import { startNode } from "./dht-node.ts";
import { islander, makeIsland } from "./island.ts";
import { type ClientName, type Files, Party } from "./party.ts";
import { inTime, until } from "./wait.ts";

/** Who meets, and how. */
export interface Meeting extends Files {
  readonly seed: ClientName;
  readonly leech: ClientName;
  readonly by: "pex" | "lsd" | "dht";
  /** Connected with both others before they know of each other; for PEX. */
  readonly between?: ClientName;
  /** Who announces itself before the other one runs; for local discovery. */
  readonly first?: "seed" | "leech";
  /** Of the addresses; 4 by default. */
  readonly family?: 4 | 6;
}

/** What it came to. */
export interface Outcome {
  /** Between what was sent and what the leech has: none if all is well. */
  readonly differences: readonly string[];
  /** Of what the client between the two lacks: something, or else all could be from there. */
  readonly lacks: readonly string[];
}

/** Bytes per second; far too little for the payload. */
const BETWEEN_LIMIT = 20_000;

/** Where what is no client is. */
const NODE_HOST = 5;
const OBSERVER_HOST = 6;

if (import.meta.main) {
  const meeting = JSON.parse(process.argv[2] ?? "") as Meeting;
  const outcome = await hold(meeting, await makeIsland());
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit());
}

async function hold(meeting: Meeting, abroad: readonly string[]): Promise<Outcome> {
  const party = new Party(meeting, meeting.family ?? 4, abroad);
  try {
    await { pex: chain, lsd: shout, dht: lookUp }[meeting.by](party, meeting);
  } catch (error) {
    throw new Error(`${String(error)}\n${party.logs()}`, { cause: error });
  } finally {
    await party.close();
  }
  return { differences: await party.compare("leech"), lacks: await party.compare("between") };
}

/** The leech knows only the one between, who knows the seed. */
async function chain(party: Party, { seed, leech, between = "shoal" }: Meeting): Promise<void> {
  const find = { by: "pex" } as const;
  const source = await party.start("seed", seed, { find });
  const middle = await party.start("between", between, { find, downloadLimit: BETWEEN_LIMIT });
  await connect(middle, source);
  await middle.running.connected();
  const end = await party.start("leech", leech, { find });
  await connect(end, middle);
  await end.running.finished();
}

/** The second comes when the first's announce has been heard, so that it must be found by its own. */
async function shout(party: Party, meeting: Meeting): Promise<void> {
  const { first = "seed", family = 4 } = meeting;
  const find = { by: "lsd" } as const;
  const infoHash = await infoHashOf(meeting);
  const announces = await listenToGroup(family, toHex(infoHash));
  try {
    const one = await party.start(first, meeting[first], { find });
    await inTime("an announce", announces.of(one.running.endpoint.port));
    const second = first === "seed" ? "leech" : "seed";
    const other = await party.start(second, meeting[second], { find });
    await (second === "leech" ? other : one).running.finished();
  } finally {
    await announces.close();
  }
}

/** Nobody is told of anybody but a node; the leech begins when others find the seed through that. */
async function lookUp(party: Party, meeting: Meeting): Promise<void> {
  const node = await startNode("libtorrent", islander(NODE_HOST));
  const observer = await createDht({
    addresses: [islander(OBSERVER_HOST)],
    bootstrap: [node.endpoint],
    readOnly: true,
  });
  try {
    const find = { by: "dht", node: node.endpoint } as const;
    const infoHash = await infoHashOf(meeting);
    const magnet = formatMagnet({ infoHashes: { v1: infoHash, v2: undefined } });
    const source = await party.start("seed", meeting.seed, { find });
    await until("the seed in the DHT", async () => {
      const { address, port } = source.running.endpoint;
      for await (const peer of observer.lookup(infoHash)) {
        if (peer.address === address && peer.port === port) return true;
      }
      return undefined;
    });
    const end = await party.start("leech", meeting.leech, { find, magnet });
    await end.running.finished();
  } finally {
    await Promise.all([observer.close(), node.close()]);
  }
}

async function infoHashOf({ torrentFile }: Meeting): Promise<Uint8Array> {
  const { v1 } = parseTorrent(await readFile(torrentFile)).infoHashes;
  if (v1 === undefined) throw new Error(`expected a v1 torrent: ${torrentFile}`);
  return v1;
}

interface Announces {
  /** Resolves once a client on that port has announced the torrent; or had before. */
  of(port: number): Promise<void>;
  close(): Promise<void>;
}

async function listenToGroup(family: 4 | 6, infoHash: string): Promise<Announces> {
  const { address, port } = LSD_GROUPS[family];
  const socket = createSocket({ type: `udp${family}`, reuseAddr: true });
  const heard = new Set<number>();
  socket.on("message", (bytes) => {
    const announce = parseLsd(bytes);
    if (announce?.infoHashes.includes(infoHash)) heard.add(announce.port);
    socket.emit("announce");
  });
  socket.bind(port);
  await once(socket, "listening");
  socket.addMembership(address, family === 4 ? islander(OBSERVER_HOST) : "::%shore");
  return {
    of: async (one) => {
      while (!heard.has(one)) await once(socket, "announce");
    },
    close: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}
