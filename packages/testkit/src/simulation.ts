// The simulation: virtual time, seeded randomness and a network, and the loop that runs them.
import {
  type Clock,
  createRng,
  type Deadlines,
  type Entropy,
  type Rng,
  randomInt,
} from "@shoal/core";
import { TestkitError } from "./error.ts";
import { createNetwork, type SimNetwork } from "./network.ts";
import { VirtualTime } from "./virtual-time.ts";

/**
 * A world of its own, in which equal seeds give equal event logs.
 *
 * Code under test takes its time, randomness and sockets from here and may use promises freely:
 * between two events every promise that can settle does. It must not wait for real I/O or timers.
 */
export interface Simulation {
  /** Virtual ms since the beginning. */
  readonly clock: Clock;
  /** Driven by the simulation: for the code under test. */
  readonly deadlines: Deadlines;
  readonly rng: Rng;
  /** Predictable, unlike what it stands for. */
  readonly entropy: Entropy;
  readonly network: SimNetwork;
  /** Every event so far, as `<ms> <event>`. */
  readonly history: readonly string[];
  /** Writes an event of your own to the history. */
  log(event: string): void;
  /** Calls `turn` in a fresh turn at the same virtual time. */
  defer(turn: () => void): void;
  /**
   * Runs until `until` holds, looking after each event.
   *
   * @throws TestkitError `ERR_TESTKIT_TIMEOUT` after `limitMs` of virtual time, `ERR_TESTKIT_IDLE`
   *   when nothing is left to happen; whatever an event throws.
   */
  run(until: () => boolean, limitMs: number): Promise<void>;
  /** Runs until the promise settles. @returns its value. @throws as `run`; its reason. */
  settle<T>(promise: Promise<T>, limitMs: number): Promise<T>;
  /** Runs everything that happens in the next `ms` of virtual time. */
  advance(ms: number): Promise<void>;
}

/** Begins a simulation at time 0. */
export function createSimulation({ seed }: { seed: number }): Simulation {
  const time = new VirtualTime();
  const rng = createRng(seed);
  const secrets = createRng(seed ^ 0x5ec2e75);
  const history: string[] = [];
  const log = (event: string): void => {
    history.push(`${time.now().toFixed(3)} ${event}`);
  };
  const run = async (until: () => boolean, limitMs: number): Promise<void> => {
    const limit = time.now() + limitMs;
    for (;;) {
      await settlePromises();
      if (until()) return;
      const next = time.next();
      if (next === undefined) {
        throw new TestkitError("ERR_TESTKIT_IDLE", "nothing is left to happen; what is awaited?");
      }
      if (next > limit) {
        time.skipTo(limit);
        throw new TestkitError("ERR_TESTKIT_TIMEOUT", `still waiting after ${limitMs} virtual ms`);
      }
      time.step();
    }
  };
  return {
    clock: time,
    deadlines: time.deadlines,
    rng,
    entropy: (bytes) => Uint8Array.from({ length: bytes }, () => randomInt(secrets, 256)),
    network: createNetwork(time, createRng(seed ^ 0x2e7), log),
    history,
    log,
    defer: (turn) => time.defer(turn),
    run,
    settle: async (promise, limitMs) => {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      promise.then(settled, settled);
      await run(() => isSettled, limitMs);
      return promise;
    },
    advance: async (ms) => {
      const end = time.now() + ms;
      await settlePromises();
      for (let next = time.next(); next !== undefined && next <= end; next = time.next()) {
        time.step();
        await settlePromises();
      }
      time.skipTo(end);
    },
  };
}

/** A turn of the real event loop: all reactions of promises have run when it is over. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
