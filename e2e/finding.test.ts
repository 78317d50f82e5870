// A hundred peers of which one has a tracker: see finding-simulation.ts; figures by simulate-finding.ts.
import { describe, expect, it } from "vitest";
import { type FindingOptions, simulateFinding } from "./finding-simulation.ts";

const PEERS = 100;
const LENGTH = 262_144;
const OPTIONS: FindingOptions = {
  seed: 1,
  peers: PEERS,
  pex: false,
  dht: false,
  length: LENGTH,
  limit: 25,
};

/** What the one with the tracker alone needs to give everybody everything, in seconds. */
const ALONE_S = ((PEERS - 2) * LENGTH) / 100_000;

describe("a swarm of which one peer has a tracker completes by", () => {
  it.each([
    ["PEX alone", true, false],
    ["the DHT alone", false, true],
    ["both", true, true],
  ])("%s", async (_, pex, dht) => {
    const report = await simulateFinding({ ...OPTIONS, pex, dht });
    expect(report.completed).toBe(PEERS);
    // The last one came after 5 s.
    expect(report.allS).toBeLessThan(30);
    expect(report.fromOne).toBeLessThan(0.1);
    expect(report.messages.get("ut_metadata")).toBeGreaterThan(0);
    expect(report.messages.has("ut_pex")).toBe(pex);
    expect(report.messages.has("port")).toBe(dht);
    expect(report.datagrams > 0).toBe(dht);
    expect(report.left).toBe(0);
  });
});

describe("the simulation", () => {
  it("shows what neither of them comes to", async () => {
    const report = await simulateFinding(OPTIONS);
    expect(report.allS).toBeGreaterThan(ALONE_S);
    expect(report.fromOne).toBeGreaterThan(0.95);
  });

  it("gives equal reports for equal seeds only", async () => {
    const options = { ...OPTIONS, peers: 12, pex: true, dht: true };
    const report = await simulateFinding(options);
    expect(await simulateFinding(options)).toEqual(report);
    expect(await simulateFinding({ ...options, seed: 2 })).not.toEqual(report);
  });
});
