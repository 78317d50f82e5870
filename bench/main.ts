// Runs the benchmarks one after the other, or those named on the command line.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ALL = [
  "bencode",
  "wire",
  "picker",
  "ip-filter",
  "disk",
  "cold-seed",
  "slow-disk",
  "bundle-size",
  "magnet-start",
];
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !ALL.includes(name));
if (unknown !== undefined) {
  console.error(`there is no benchmark '${unknown}'; there are: ${ALL.join(", ")}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : ALL) {
  console.log(`\n# ${name}`);
  const program = join(import.meta.dirname, `${name}.ts`);
  const { status } = spawnSync(process.execPath, ["--conditions=shoal-source", program], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}
