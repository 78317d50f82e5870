// A DHT node for the bench: `<port> <JSON [[ip, port, hexid], …]>`; knows these, prints READY.
import { flushCompileCache } from "node:module";
import { join } from "node:path";

// As in line-client.ts: begin anew with a compile cache, so that stripping types costs no memory.
const { NODE_COMPILE_CACHE } = process.env;
if (NODE_COMPILE_CACHE === undefined && process.execve !== undefined) {
  const cache = join(import.meta.dirname, "../node_modules/.cache/compile");
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { ...process.env, NODE_COMPILE_CACHE: cache },
  );
}
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
