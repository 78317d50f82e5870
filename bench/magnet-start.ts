// How soon `shoal download <magnet>` has its first verified piece, with the DHT alone to find peers by.
//
// Everything on loopback, each client a process of its own. The downloads are restarts: the nodes that
// an earlier run met are all that they know of the DHT, for the one they are told to begin with is dead.
// The torrent has one piece, so the first verified piece is the end; times run from the spawning of the
// process until its line `done` is read.
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { formatEndpoint } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import { createDht } from "@shoal/dht/node";

const NODES = 12;
const RUNS = 5;
/** Acceptance, ms. */
const LIMIT = 1500;
/** Whoever runs so long has failed, ms. */
const TIMEOUT = 60_000;
const LOCAL = "127.0.0.1";
const SHOAL = join(import.meta.dirname, "../bin/shoal");
const ONLY_DHT = ["--no-lsd", "--no-pex", "--no-portmap", "--bind", LOCAL];
/** A port of its own for each run: where an earlier one was, the seeder would come and look. */
const OPTIONS = [...ONLY_DHT, "--port", "0", "--json"];

/** When a download told what, ms from its start. */
interface Times {
  readonly metadata: number;
  readonly piece: number;
}

/** A process of the command `shoal`. */
interface Client {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  /** Reads on to a line of this event. */
  line(event: string): Promise<Line>;
}

/** What is read of a line. */
interface Line {
  readonly event: string;
  readonly magnet?: string;
}

const folder = await mkdtemp(join(tmpdir(), "shoal-magnet-"));
const clients: Client[] = [];
const nodes: DhtNode[] = [];
try {
  while (nodes.length < NODES) nodes.push(await localNode(nodes[0]));
  const door = formatEndpoint(nodes[0]?.addresses[0] ?? { address: LOCAL, port: 0 });
  const magnet = await seeded(door);
  await download(magnet, door, "earlier");

  const dead = await deadNode();
  const all: Times[] = [];
  for (let run = 1; run <= RUNS; run++) all.push(await download(magnet, dead, `run${run}`));
  console.log("| ms until | median | worst |\n| --- | --- | --- |");
  row("metadata", all, "metadata");
  const worst = row("first verified piece", all, "piece");
  console.log(`\nlimit ${LIMIT} ms: ${worst <= LIMIT ? "ok" : "TOO SLOW"}`);
  if (worst > LIMIT) process.exitCode = 1;
} finally {
  for (const { child } of clients) child.kill();
  await Promise.all(clients.map(({ ended }) => ended));
  await Promise.all(nodes.map((node) => node.close()));
  await rm(folder, { recursive: true });
}

/** A node that answers as many queries as come: all here have one address, and so one allowance. */
function localNode(door: DhtNode | undefined): Promise<DhtNode> {
  return createDht({
    addresses: [LOCAL],
    bootstrap: door?.addresses ?? [],
    queriesPerSecond: Number.POSITIVE_INFINITY,
  });
}

/** Seeds one piece, and waits until the DHT has heard of it. @returns the magnet link. */
async function seeded(door: string): Promise<string> {
  const payload = join(folder, "payload.bin");
  await writeFile(payload, new Uint8Array(16_384).fill(7));
  const announced = Promise.race(nodes.map((node) => node.once("announced")));
  const seeder = shoal("seeder", ["seed", payload, "--dht-bootstrap", door]);
  const { magnet } = await seeder.line("created");
  await announced;
  return magnet ?? "";
}

/** One run of the command, from its beginning to its end. */
async function download(magnet: string, door: string, output: string): Promise<Times> {
  const args = ["download", magnet, "--no-tracker", "--dht-bootstrap", door];
  const began = performance.now();
  const leecher = shoal("leecher", [...args, "-o", join(folder, output)]);
  await leecher.line("added");
  const metadata = performance.now() - began;
  await leecher.line("done");
  const piece = performance.now() - began;
  await leecher.ended;
  return { metadata, piece };
}

/** A UDP address where nobody is. */
async function deadNode(): Promise<string> {
  const socket = createSocket("udp4").bind(0, LOCAL);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return `${LOCAL}:${port}`;
}

/** Runs the command, with a state folder for each user. */
function shoal(user: string, args: readonly string[]): Client {
  const child = spawn(SHOAL, [...args, ...OPTIONS], {
    env: { ...process.env, XDG_STATE_HOME: join(folder, user) },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: TIMEOUT,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const client: Client = {
    child,
    ended: once(child, "exit"),
    async line(event) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`'shoal ${args[0]}' ended without a line '${event}'`);
        const line: Line = JSON.parse(value);
        if (line.event === event) return line;
      }
    },
  };
  clients.push(client);
  return client;
}

/** Prints a row. @returns the longest of the times. */
function row(name: string, runs: readonly Times[], stage: keyof Times): number {
  const sorted = runs.map((run) => run[stage]).sort((a, b) => a - b);
  const worst = sorted.at(-1) ?? Number.NaN;
  console.log(`| ${name} | ${sorted[sorted.length >> 1]?.toFixed(0)} | ${worst.toFixed(0)} |`);
  return worst;
}
