// Prints how swarms find themselves, alone and among troublemakers: `simulate-finding.ts [peers] [few]`.
import { type FindingOptions, simulateFinding } from "./finding-simulation.ts";
import { liars, poisoners } from "./troublemakers.fixture.ts";

const [peers = "100", few = "20"] = process.argv.slice(2);
const many = { seed: 1, peers: Number(peers), pex: true, dht: true, length: 262_144, limit: 25 };
const siege = { ...many, peers: Number(few), dht: false, limit: 50 };
const scenes: Readonly<Record<string, FindingOptions>> = {
  "PEX alone": { ...many, dht: false },
  "PEX alone, through a peer with 50 places": { ...many, dht: false, places: 50 },
  "DHT alone": { ...many, pex: false },
  both: many,
  neither: { ...many, pex: false, dht: false },
  untroubled: siege,
  "4 poisoners": { ...siege, trouble: poisoners(4) },
  "24 liars": { ...siege, trouble: liars(24) },
};
for (const [name, options] of Object.entries(scenes)) {
  const start = performance.now();
  const { dials, ...report } = await simulateFinding(options);
  const seconds = Math.round(performance.now() - start) / 1000;
  console.log(name, { ...report, dials: dials.length, seconds });
}
