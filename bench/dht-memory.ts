// How much memory a DHT node takes that is asked by everybody: `dht-memory.ts [addresses] [queries]`.
// Each address of 127.0.0.0/8 sends its share of all kinds of queries to a node in a process of its
// own; prints that node's resident memory, its peak, and how many replies came.
import { spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type BencodeInput, decodeDict, encode } from "@shoal/bencode";
import { createRng, randomInt } from "@shoal/core";

const [addresses = 100_000, queries = 1_000_000] = process.argv.slice(2).map(Number);
/** Addresses that are active at a time. */
const PARALLEL = 32;
const LIMIT_MIB = 90;
const TIMEOUT_MS = 500;
const NODE = { address: "127.0.0.1", port: 45_001 };

const rng = createRng(1);
const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, () => randomInt(rng, 256));
/** Most ask for something else than everybody else; some are popular. */
const popular = Array.from({ length: 1000 }, () => bytes(20));
const hash = (): Uint8Array =>
  rng() < 0.5 ? (popular[randomInt(rng, popular.length)] as Uint8Array) : bytes(20);

const program = fileURLToPath(new URL("dht-node.ts", import.meta.url));
const args = [...process.execArgv, program, String(NODE.port), "[]"];
const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: child.stdout });
await once(lines, "line");
const before = memoryOf(child.pid);
let replies = 0;
let next = 0;
const begun = performance.now();
await Promise.all(Array.from({ length: PARALLEL }, work));
const seconds = (performance.now() - begun) / 1000;
const after = memoryOf(child.pid);
child.stdin.end();
await once(child, "exit");
console.log({ addresses, queries, replies, seconds: Math.round(seconds), before, after });
if (after.VmRSS > LIMIT_MIB || replies < 0.9 * queries) process.exitCode = 1;

async function work(): Promise<void> {
  while (next < addresses) {
    const index = next++;
    const host = `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
    const socket = createSocket("udp4");
    socket.bind({ address: host, port: 0 });
    await once(socket, "listening");
    const id = bytes(20);
    let token: Uint8Array | undefined;
    let infoHash = hash();
    for (let i = 0; i < queries / addresses; i++) {
      const [q, more] = queryAt(i, infoHash, token);
      const reply = await ask(socket, encode({ a: { id, ...more }, q, t: "aa", y: "q" }));
      token = reply?.dict("r")?.bytes("token") ?? token;
      if (q === "announce_peer") infoHash = hash();
    }
    socket.close();
  }
}

/** Searches, announces, stores and samples by turns. */
function queryAt(
  turn: number,
  infoHash: Uint8Array,
  token: Uint8Array | undefined,
): [string, Record<string, BencodeInput>] {
  const target = bytes(20);
  if (turn % 5 === 0) return ["get_peers", { info_hash: infoHash }];
  if (turn % 5 === 1 && token !== undefined) {
    return ["announce_peer", { info_hash: infoHash, port: 1 + randomInt(rng, 65_535), token }];
  }
  if (turn % 5 === 2) return ["get", { target }];
  return [turn % 5 === 3 ? "sample_infohashes" : "find_node", { target }];
}

/** The reply, `undefined` if none came. */
function ask(
  socket: Socket,
  query: Uint8Array,
): Promise<ReturnType<typeof decodeDict> | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(undefined), TIMEOUT_MS);
    const receive = (datagram: Uint8Array): void => {
      const message = decodeDict(datagram);
      // The node asks in turn whether we are there: no answer.
      if (message.text("y") === "q") return;
      replies++;
      end(message);
    };
    const end = (message: ReturnType<typeof decodeDict> | undefined): void => {
      clearTimeout(timer);
      socket.off("message", receive);
      resolve(message);
    };
    socket.on("message", receive);
    socket.send(query, NODE.port, NODE.address);
  });
}

/** Resident memory now and at its peak, in MiB, as Linux tells. */
function memoryOf(pid: number | undefined): { VmRSS: number; VmHWM: number; RssAnon: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { VmRSS: of("VmRSS"), VmHWM: of("VmHWM"), RssAnon: of("RssAnon") };
}
