// How fast the DHT finds peers: after a first start, and after a restart with saved state.
//
// A hundred nodes on loopback, all in this process; times in ms, of ten runs each.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Endpoint, formatEndpoint } from "@shoal/core";
import { compareDistance, type DhtNode } from "@shoal/dht";
import { type CreateDhtOptions, createDht } from "@shoal/dht/node";
import { memoryStore } from "@shoal/disk-io";
import { buildTorrent, parseTorrent } from "@shoal/metainfo";
import { createSession } from "@shoal/session";

const NODES = 100;
const RUNS = 10;
const LOCAL = "127.0.0.1";
/** Acceptance: of a first start until the eight closest nodes are known, of a restart to a peer. */
const LIMITS = { bootstrap: 2000, restart: 500, session: 500 };

const local = (options: CreateDhtOptions = {}): Promise<DhtNode> =>
  createDht({ addresses: [LOCAL], bootstrap: [], ...options });

const first = await local({ queriesPerSecond: Number.POSITIVE_INFINITY });
const doors = first.addresses;
const network = [first];
while (network.length < NODES) {
  // Everybody here has one address, and so one allowance.
  network.push(await local({ bootstrap: doors, queriesPerSecond: Number.POSITIVE_INFINITY }));
}
await until(() => network.every((node) => node.nodes().length >= 16));

const torrent = parseTorrent(
  buildTorrent({
    name: "restart.bin",
    files: [{ path: ["restart.bin"], length: 16_384 }],
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20),
  }),
);
const infoHash = torrent.infoHashes.v1 ?? new Uint8Array(20);
const seeder = await createSession({
  port: 0,
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
});
await seeder.add(torrent, { store: memoryStore() });
await new Promise((announced) => {
  network[50]?.announce(infoHash, { port: seeder.port, announced });
});

const folder = await mkdtemp(join(tmpdir(), "shoal-restart-"));
const stateFile = join(folder, "dht.state");
const bootstrap: number[] = [];
const restart: number[] = [];
const session: number[] = [];
try {
  for (let i = 0; i < RUNS; i++) {
    bootstrap.push(await timed(firstStart));
    const stop = await connected(doors.map(formatEndpoint));
    await sleep(1000);
    await stop();
    restart.push(await timed(async () => restarted(await readFile(stateFile))));
    session.push(await timed(() => connected([])));
  }
} finally {
  await rm(folder, { recursive: true });
}
const results = { bootstrap, restart, session };
for (const [name, title] of [
  ["bootstrap", "first start to the eight closest nodes"],
  ["restart", "restarted node to its first peer"],
  ["session", "restarted session to its first connection"],
] as const) {
  const times = results[name].sort((a, b) => a - b);
  const worst = times.at(-1) ?? Number.POSITIVE_INFINITY;
  const verdict = worst <= LIMITS[name] ? "ok" : "TOO SLOW";
  console.log(
    `${title}: median ${ms(times[RUNS >> 1])}, worst ${ms(worst)} (≤ ${LIMITS[name]}: ${verdict})`,
  );
  if (worst > LIMITS[name]) process.exitCode = 1;
}
await Promise.all([seeder.close(), ...network.map((node) => node.close())]);

/** Until the table has the eight nodes that are closest to us, of all that there are. */
async function firstStart(): Promise<() => Promise<void>> {
  const node = await local({ bootstrap: doors });
  const [id = new Uint8Array(20)] = node.ids;
  const closest = network
    .map((other) => other.addresses[0])
    .map((address, i) => ({ address, id: network[i]?.ids[0] ?? id }))
    .sort((a, b) => compareDistance(id, a.id, b.id))
    .slice(0, 8)
    .map(({ address }) => address?.port);
  await until(() => {
    const known = new Set(node.nodes().map(({ endpoint }) => endpoint.port));
    return closest.every((port) => port !== undefined && known.has(port));
  });
  return () => node.close();
}

async function restarted(state: Uint8Array): Promise<() => Promise<void>> {
  const node = await local({ state });
  const found = new Promise<Endpoint>((resolve) => {
    const announcement = node.announce(infoHash, {
      port: 0,
      found: ([peer]) => {
        if (peer !== undefined) resolve(peer);
        announcement.close();
      },
    });
  });
  await found;
  return () => node.close();
}

/** A session's whole life up to the first connection; its end saves the state. */
async function connected(bootstrap: readonly string[]): Promise<() => Promise<void>> {
  const leecher = await createSession({
    // It would be announced, and found by those who come after it.
    listen: false,
    trackers: false,
    dht: { bootstrap, stateFile },
  });
  const added = await leecher.add(torrent, { store: memoryStore() });
  await added.once("connected");
  return () => leecher.close();
}

/** How long until it is done; the clean-up that it returns is not counted. */
async function timed(task: () => Promise<() => Promise<void>>): Promise<number> {
  const began = performance.now();
  const close = await task();
  const took = performance.now() - began;
  await close();
  return took;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

function ms(time: number | undefined): string {
  return `${(time ?? Number.POSITIVE_INFINITY).toFixed(0)} ms`;
}
