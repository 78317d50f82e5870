// A DHT of a thousand nodes: see dht-simulation.ts; ten thousand by simulate-dht.ts.
import { expect, it } from "vitest";
import { simulate } from "./dht-simulation.ts";

it("finds peers in a DHT of which a quarter is dead, leaving or hostile", async () => {
  const report = await simulate({
    nodes: 1000,
    seed: 1,
    dead: 0.2,
    churnPerHour: 0.3,
    hostile: 0.05,
    lookups: 60,
  });
  expect(report.found / report.lookups).toBeGreaterThanOrEqual(0.95);
  expect(report.crawled).toBeGreaterThanOrEqual(0.95 * report.targets);
  expect(report.replays[0]).toBeGreaterThan(1000);
  expect(report.replays[1]).toBe(0);
  expect(report.hops[1]).toBeLessThanOrEqual(8);
  expect(report.queries[1]).toBeLessThanOrEqual(80);
}, 300_000);
