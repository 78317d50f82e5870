import { describe, it } from "vitest";
import { memoryTransport } from "../memory-transport.ts";
import { createSimulation } from "../simulation.ts";
import { transportCompliance } from "./transport.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("memoryTransport", () => {
  const cases = transportCompliance(() => {
    const [dialer, transport] = memoryTransport();
    const pass = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await turn();
    };
    return { dialer, transport, address: "10.0.0.2", pass };
  });
  for (const { name, run } of cases) it(name, run);
});

describe.each([
  { latencyMs: 0 },
  { latencyMs: 20, uploadBytesPerSecond: 5e6, downloadBytesPerSecond: 3e6 },
])("the simulated transport with %o", (options) => {
  let sim = createSimulation({ seed: 1 });
  const cases = transportCompliance(() => {
    const { network, deadlines, clock } = sim;
    return {
      dialer: network.host("10.0.0.1", options).transport(),
      transport: network.host("10.0.0.2", options).transport(),
      address: "10.0.0.2",
      pass: () =>
        new Promise((resolve) => {
          deadlines.alarm(() => resolve()).set(clock.now() + 1000);
        }),
    };
  });
  for (const { name, run } of cases) {
    it(name, async () => {
      sim = createSimulation({ seed: 1 });
      await sim.settle(run(), 600_000);
    });
  }
});
