// Prints how a DHT of the given size does: `simulate-dht.ts [nodes] [lookups]`, with --expose-gc.
import { simulate } from "./dht-simulation.ts";

const [nodes = "10000", lookups = "200"] = process.argv.slice(2);
const report = await simulate({
  nodes: Number(nodes),
  seed: 1,
  dead: 0.2,
  churnPerHour: 0.3,
  hostile: 0.05,
  lookups: Number(lookups),
});
const seconds = Math.round(performance.now() / 1000);
const maxRssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
console.log({ ...report, seconds, maxRssMiB });
if (report.found < 0.95 * report.lookups) process.exitCode = 1;
