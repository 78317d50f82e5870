// Downloads to a slow disk: `slow-leecher.ts <torrent> <folder> <port of the seeder> <cache MiB> <MB/s>`.
import "./built.ts";
import { flushCompileCache } from "node:module";

// Only now, for what is imported statically is compiled before the cache is there.
const { endpoint } = await import("@shoal/core");
const { fsStore, slow } = await import("@shoal/disk-io");
const { createSession } = await import("@shoal/session");

const [torrentFile = "", path = "", port = "", cacheMib = "", speed = ""] = process.argv.slice(2);
const session = await createSession({
  bind: ["127.0.0.1"],
  port: 0,
  cacheSize: Number(cacheMib) * 2 ** 20,
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
});
const store = slow(fsStore({ path }), { bytesPerSecond: Number(speed) * 1e6 });
const torrent = await session.add(torrentFile, { store });
flushCompileCache();
torrent.addPeers([endpoint("127.0.0.1", Number(port))]);
await torrent.completed();
console.log("DONE");
process.exit(0);
