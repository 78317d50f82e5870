// A client that speaks the bench's line protocol: one JSON argument, READY and DONE on stdout.
import "./built.ts";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import type { Session, Torrent } from "@shoal/session";

// Only now, for what is imported statically is compiled before the cache is there.
const { endpoint } = await import("@shoal/core");
const { createSession } = await import("@shoal/session");

interface Task {
  readonly role: "seed" | "leech";
  readonly torrent: string;
  readonly dir: string;
  readonly ip: string;
  readonly port: number;
  /** So many sessions in this process, on consecutive addresses; leechers in dir/0, dir/1… */
  readonly count?: number;
  /** URL of a web seed. */
  readonly webseed?: string;
  readonly settings?: Readonly<Record<string, number>>;
  /** Seconds. */
  readonly timeout?: number;
}

/** Half of the default: more speeds nothing up at these rates, and memory is measured too. */
const CACHE_SIZE = 32 * 1024 * 1024;

const task = JSON.parse(process.argv[2] ?? "{}") as Task;
const count = task.count ?? 1;
const sessions: Session[] = [];
const torrents: Torrent[] = [];

for (let i = 0; i < count; i++) {
  const address = task.ip.replace(/\d+$/, (last) => String(Number(last) + i));
  const session = await createSession({
    bind: [address],
    port: task.port,
    cacheSize: CACHE_SIZE,
    dht: false,
    lsd: false,
    portMapping: false,
    uploadSlots: Number.POSITIVE_INFINITY,
    ...task.settings,
  });
  session.on("warning", (error) => console.log("LOG", error.message));
  const path = count === 1 || task.role === "seed" ? task.dir : join(task.dir, String(i));
  const webSeeds = task.webseed === undefined ? [] : [task.webseed];
  const torrent = await session.add(task.torrent, { path, webSeeds });
  torrent.on("warning", (error) => console.log("LOG", error.message));
  torrent.on("error", (error) => console.log("LOG", error.message));
  sessions.push(session);
  torrents.push(torrent);
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, address = "", port] = line.split(" ");
    if (command === "dial") {
      for (const torrent of torrents) torrent.addPeers([endpoint(address, Number(port))]);
    } else if (command === "quit") {
      process.exit(0);
    }
  })
  .on("close", () => process.exit(0));
setTimeout(() => process.exit(2), (task.timeout ?? 600) * 1000).unref();

flushCompileCache();
// As the command `shoal` does, now that all is loaded.
setFlagsFromString("--invocation-count-for-turbofan=300000");
if (task.role === "leech") console.log("READY");
await Promise.all(torrents.map((torrent) => torrent.completed()));
console.log(task.role === "seed" ? "READY" : `DONE ${(Date.now() / 1000).toFixed(6)}`);
