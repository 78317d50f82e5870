// What seeding costs the disk: 50 peers read random pieces of a large torrent through a 64 MiB cache.
//
//     node --conditions=shoal-source bench/cold-seed.ts [<MiB> [<KiB of a piece> [<MiB to serve>]]]
//
// The torrent is one sparse file: what is counted are reads, not the speed of a device.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { encode } from "@shoal/bencode";
import { BLOCK_SIZE, createRng, type Rng } from "@shoal/core";
import {
  encodeHandshake,
  HandshakeDecoder,
  MessageDecoder,
  MessageEncoder,
  type MessageHandler,
} from "@shoal/wire";

const MIB = 2 ** 20;
const PEERS = 50;
/** Blocks that each peer asks for ahead. */
const PIPELINE = 16;
const PYTHON = "/usr/bin/python3";

const numbers = process.argv.slice(2).map(Number);
const total = (numbers[0] ?? 1024) * MIB;
const pieceLength = (numbers[1] ?? 2048) * 1024;
const toServe = (numbers[2] ?? 2048) * MIB;

/** What a seeder's process has used until now. */
interface Usage {
  readonly cpuSeconds: number;
  readonly pageFaults: number;
  readonly anonMib: number;
}

function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  const field = (index: number): number => Number(stat[index]);
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return {
    cpuSeconds: (field(11) + field(12)) / 100,
    pageFaults: field(7) + field(9),
    anonMib: Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

/** One peer: reads pieces at random, each from its first block to its last. */
class Peer {
  readonly #encoder = new MessageEncoder();
  readonly #rng: Rng;
  #piece = 0;
  #begin = pieceLength;

  constructor(seed: number) {
    this.#rng = createRng(seed);
  }

  /** Connects, and serves `taken` with the length of each block that came. */
  start(port: number, infoHash: Uint8Array, taken: (bytes: number) => void): () => void {
    const socket = connect({ host: "127.0.0.1", port });
    const peerId = Buffer.from(`-SB0100-${Math.floor(this.#rng() * 1e12)}`.padEnd(20, "0"));
    const features = { fast: false, extended: false, dht: false, v2: false };
    const send = (): void => void socket.write(Buffer.concat(this.#encoder.take()));
    const ignore = (): void => {};
    const handler: MessageHandler = {
      keepAlive: ignore,
      choke: ignore,
      unchoke: () => {
        for (let i = 0; i < PIPELINE; i++) this.#request();
      },
      interested: ignore,
      notInterested: ignore,
      have: ignore,
      bitfield: ignore,
      request: ignore,
      cancel: ignore,
      reject: ignore,
      pieceStart: (_piece, _begin, length) => taken(length),
      pieceData: ignore,
      pieceEnd: () => this.#request(),
      port: ignore,
      suggest: ignore,
      haveAll: ignore,
      haveNone: ignore,
      allowedFast: ignore,
      extended: ignore,
      hashRequest: ignore,
      hashes: ignore,
      hashReject: ignore,
      unknown: ignore,
    };
    const handshake = new HandshakeDecoder();
    const decoder = new MessageDecoder(handler);
    socket.on("data", (chunk) => {
      decoder.receive(chunk.subarray(handshake.receive(chunk)));
      if (this.#encoder.pendingBytes > 0) send();
    });
    socket.on("error", ignore);
    socket.write(encodeHandshake({ infoHash, peerId, features }));
    this.#encoder.interested();
    send();
    return () => socket.destroy();
  }

  #request(): void {
    if (this.#begin >= pieceLength) {
      this.#piece = Math.floor(this.#rng() * (total / pieceLength));
      this.#begin = 0;
    }
    this.#encoder.request(this.#piece, this.#begin, BLOCK_SIZE);
    this.#begin += BLOCK_SIZE;
  }
}

/** Lines of a child, one by one. */
function linesOf(child: ChildProcess): () => Promise<string> {
  const lines: string[] = [];
  let wake = (): void => {};
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      wake();
    });
  }
  return async () => {
    while (lines.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return lines.shift() ?? "";
  };
}

async function measure(name: string, command: string, args: string[], port: number): Promise<void> {
  const child = spawn(command, [...args, String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  const next = linesOf(child);
  await next();
  const ask = async (): Promise<Record<string, number>> => {
    child.stdin.write("stats\n");
    return JSON.parse(await next());
  };
  const pid = child.pid ?? 0;
  const before = { ...usageOf(pid), ...(await ask()) } as Record<string, number>;
  const start = performance.now();
  let served = 0;
  const stops: (() => void)[] = [];
  await new Promise<void>((resolve) => {
    for (let i = 0; i < PEERS; i++) {
      const taken = (bytes: number): void => {
        served += bytes;
        if (served >= toServe) resolve();
      };
      stops.push(new Peer(i).start(port, infoHash, taken));
    }
  });
  const seconds = (performance.now() - start) / 1000;
  const usage = usageOf(pid);
  const after = { ...usage, ...(await ask()) } as Record<string, number>;
  for (const stop of stops) stop();
  child.kill();
  const spent = (key: string): number => (after[key] ?? Number.NaN) - (before[key] ?? 0);
  const mib = served / MIB;
  const cells = [
    (served / 1e6 / seconds).toFixed(0),
    spent("cpuSeconds").toFixed(2),
    usage.anonMib.toFixed(0),
    cell(spent("reads") / mib),
    cell(spent("bytesRead") / served),
    cell((100 * (spent("readHits") - spent("readMisses"))) / spent("readHits"), " %"),
    cell(
      (100 * spent("readAheadWasted")) / (spent("readAheadUsed") + spent("readAheadWasted")),
      " %",
    ),
    cell(spent("pageFaults") / mib),
  ];
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}

function cell(value: number, unit = ""): string {
  return Number.isNaN(value) ? "–" : `${value.toFixed(2)}${unit}`;
}

const folder = mkdtempSync(join(tmpdir(), "shoal-cold-"));
writeFileSync(join(folder, "payload"), "");
truncateSync(join(folder, "payload"), total);
const digest = createHash("sha1").update(Buffer.alloc(pieceLength)).digest();
const pieces = Buffer.alloc((total / pieceLength) * 20);
for (let at = 0; at < pieces.length; at += 20) digest.copy(pieces, at);
const info = { length: total, name: "payload", "piece length": pieceLength, pieces };
const infoHash = createHash("sha1").update(encode(info)).digest();
const torrentFile = join(folder, "payload.torrent");
writeFileSync(torrentFile, encode({ info }));

console.log(
  `${PEERS} peers, ${total / MIB} MiB in pieces of ${pieceLength / 1024} KiB, cache 64 MiB, ${toServe / MIB} MiB served\n`,
);
console.log(
  "| seeder | MB/s | CPU s | anon MiB | reads/MiB | read/served | hit rate | wasted | page faults/MiB |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
try {
  const here = (file: string): string => join(import.meta.dirname, file);
  const node = ["--conditions=shoal-source", here("cold-seeder.ts"), torrentFile, folder];
  await measure("Shoal", process.execPath, node, 26_881);
  if (spawnSync(PYTHON, ["-c", "import libtorrent"]).status === 0) {
    await measure("libtorrent", PYTHON, [here("cold-seeder.py"), torrentFile, folder], 26_882);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
