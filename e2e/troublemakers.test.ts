// What poisoned peer exchange and lies about metadata cost a swarm: no more virtual time than stated.
import { beforeAll, describe, expect, it } from "vitest";
import { CONNECT_TIMEOUT_MS, endpointOf } from "./finding.fixture.ts";
import { type FindingReport, simulateFinding } from "./finding-simulation.ts";
import { FORBIDDEN, isDead, LIES, liars, poisoners } from "./troublemakers.fixture.ts";

const PEERS = 20;
const SEEDS = [1, 2, 3];
const options = (seed: number) => ({ seed, peers: PEERS, pex: true, dht: false, length: 262_144 });

let calm: readonly FindingReport[];

beforeAll(async () => {
  calm = await Promise.all(SEEDS.map((seed) => simulateFinding(options(seed))));
});

describe.each(SEEDS.map((seed, i) => [seed, i] as const))("in swarm %i", (seed, i) => {
  const calmS = (): number => calm[i]?.allS ?? Number.NaN;

  it("poisoners make everybody dial as many dead addresses as are believed of them", async () => {
    const poisoned = 4;
    const report = await simulateFinding({ ...options(seed), trouble: poisoners(poisoned) });
    expect(report.completed).toBe(PEERS);
    // Of an address a hundred peers are believed at once, and ten more in a minute.
    const believed = poisoned * (100 + (10 * report.allS) / 60);
    for (let index = 0; index < PEERS; index++) {
      const { address } = endpointOf(index);
      const dialed = report.dials.filter(({ from }) => from === address).map(({ to }) => to);
      expect(new Set(dialed.filter(isDead)).size).toBeLessThanOrEqual(believed);
      expect(dialed.filter((to) => FORBIDDEN.includes(to))).toEqual([]);
      expect(dialed.filter((to) => to === address).length).toBeLessThanOrEqual(poisoned);
    }
    // Fifty dials are under way at a time, and each dead one for as long as it may take.
    const costS = (believed / 50) * (CONNECT_TIMEOUT_MS / 1000);
    expect(report.allS).toBeGreaterThan(calmS());
    expect(report.allS).toBeLessThan(calmS() + costS);
    expect(report.left).toBe(0);
  });

  it("liars about metadata have their turns, and no more", async () => {
    const lying = 4 * LIES.length;
    const report = await simulateFinding({ ...options(seed), trouble: liars(lying) });
    expect(report.completed).toBe(PEERS);
    // Two lies in six name a small size of their own, and eight sizes are tried at a time, for 20 s.
    const sizes = 1 + (2 / LIES.length) * lying;
    const costS = 20 * Math.ceil(sizes / 8);
    expect(report.allS).toBeLessThan(calmS() + costS);
    expect(report.left).toBe(0);
  });
});
