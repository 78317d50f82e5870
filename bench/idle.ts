// Seeds many small torrents and does nothing else: `idle.ts <folder> <count>`, prints READY <count>.
import "./built.ts";
import { flushCompileCache } from "node:module";
import { join } from "node:path";

// Only now, for what is imported statically is compiled before the cache is there.
const { createSession } = await import("@shoal/session");

/** Torrents that are read and verified at the same time. */
const AT_ONCE = 8;

const [folder = ".", count = "0"] = process.argv.slice(2);
const session = await createSession({
  bind: ["127.0.0.1"],
  port: 0,
  trackers: false,
  dht: false,
  lsd: false,
  portMapping: false,
  cacheSize: 4 * 1024 * 1024,
});
session.on("warning", ({ message }) => console.log("ERR", message));
const path = join(folder, "f");
let next = 0;
await Promise.all(Array.from({ length: AT_ONCE }, addInTurn));
flushCompileCache();
console.log(`READY ${session.torrents.filter(({ state }) => state === "seeding").length}`);
process.stdin.on("close", () => process.exit(0)).resume();

/** Adds one after the other, each when the last one is verified. */
async function addInTurn(): Promise<void> {
  while (next < Number(count)) {
    const torrent = await session.add(join(folder, "t", `${next++}.torrent`), { path });
    await torrent.completed();
  }
}
