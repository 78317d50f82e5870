// A DHT node for the bench: `<port> <JSON [[ip, port, hexid], …]>`; knows these, prints READY.
import "./built.ts";
import { flushCompileCache } from "node:module";

// Only now, for what is imported statically is compiled before the cache is there.
const { fromHex } = await import("@shoal/core");
const { createDht } = await import("@shoal/dht/node");

const port = Number(process.argv[2]);
const known = JSON.parse(process.argv[3] ?? "[]") as [string, number, string][];

const node = await createDht({
  port,
  addresses: ["127.0.0.1"],
  bootstrap: [],
  // One address asks everything.
  queriesPerSecond: Number.POSITIVE_INFINITY,
});
node.addNodes(
  known.map(([address, port, id]) => ({
    id: fromHex(id) ?? new Uint8Array(20),
    endpoint: { address, port },
  })),
);
process.stdin.resume().on("end", () => process.exit(0));
setTimeout(() => {
  flushCompileCache();
  console.log("READY", node.nodes().length);
}, 3000);
