import type { PeerSource, SwarmFacts } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { createSimulation } from "../simulation.ts";
import { peerSourceCompliance } from "./peer-source.ts";

const peer = { address: "10.0.0.9", port: 6881 };

describe("a plain source", () => {
  for (const { name, run } of suite(plain)) it(name, run);
});

it.each<[string, string, (source: PeerSource) => Partial<PeerSource>]>([
  ["tells inside open", "tells nothing inside `open`", () => ({ open: eager })],
  ["has no name", "has a name", () => ({ name: "" })],
  [
    "finds port 0",
    "finds peers that can be dialled, and the one that is there",
    (source) => ({
      open: (swarm) => source.open({ ...swarm, found: () => swarm.found([{ ...peer, port: 0 }]) }),
    }),
  ],
])("finds out a source that %s", async (_, wanted, change) => {
  const broken = suite((later) => ({ ...plain(later), ...change(plain(later)) }));
  await expect(broken.find(({ name }) => name === wanted)?.run()).rejects.toThrow();
});

/** Runs each case in a simulation of its own. */
function suite(make: (later: (act: () => void) => void) => PeerSource) {
  let sim = createSimulation({ seed: 1 });
  const cases = peerSourceCompliance(() => ({
    source: make((act) => sim.defer(act)),
    finds: peer,
    pass: () =>
      new Promise((resolve) => {
        sim.deadlines.alarm(() => resolve()).set(sim.clock.now() + 1000);
      }),
  }));
  return cases.map(({ name, run }) => ({
    name,
    run: () => {
      sim = createSimulation({ seed: 1 });
      return sim.settle(run(), 1_000_000);
    },
  }));
}

function plain(later: (act: () => void) => void): PeerSource {
  let isClosed = false;
  return {
    name: "plain",
    open: (swarm) => {
      let isOver = false;
      const tell = (): void =>
        later(() => {
          if (!isOver && !isClosed) swarm.found([peer]);
        });
      tell();
      return {
        completed: () => {},
        refresh: tell,
        close: async () => {
          isOver = true;
        },
      };
    },
    close: async () => {
      isClosed = true;
    },
  };
}

function eager(swarm: SwarmFacts) {
  swarm.found([peer]);
  return plain(() => {}).open(swarm);
}
