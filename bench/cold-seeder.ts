// A seeder that tells what its disk did: `cold-seeder.ts <torrent> <folder> <port>`.
import "./built.ts";
import { flushCompileCache } from "node:module";
import { createInterface } from "node:readline";

// Only now, for what is imported statically is compiled before the cache is there.
const { createSession } = await import("@shoal/session");

const [torrentFile = "", path = "", port = ""] = process.argv.slice(2);
const session = await createSession({
  bind: ["127.0.0.1"],
  port: Number(port),
  cacheSize: 64 * 2 ** 20,
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
  uploadSlots: Number.POSITIVE_INFINITY,
});
const torrent = await session.add(torrentFile, { path });
await torrent.completed();
createInterface({ input: process.stdin })
  .on("line", () => console.log(JSON.stringify(session.stats.disk)))
  .on("close", () => process.exit(0));
flushCompileCache();
console.log("READY");
