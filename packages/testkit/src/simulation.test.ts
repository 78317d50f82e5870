import { expect, it } from "vitest";
import { createSimulation } from "./simulation.ts";

it("moves time only from event to event", async () => {
  const sim = createSimulation({ seed: 1 });
  const rings: number[] = [];
  sim.deadlines.alarm((now) => rings.push(now)).set(1e6);
  sim.deadlines.alarm((now) => rings.push(now)).set(0.5);
  await sim.run(() => rings.length === 2, 2e6);
  expect(rings).toEqual([0.5, 1e6]);
  expect(sim.clock.now()).toBe(1e6);
});

it("lets promises settle between events, however long their chain", async () => {
  const sim = createSimulation({ seed: 1 });
  const order: string[] = [];
  const chain = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await Promise.resolve();
    order.push(`chain ${sim.clock.now()}`);
    sim.deadlines.alarm(() => order.push(`early ${sim.clock.now()}`)).set(15);
  };
  sim.deadlines.alarm(() => void chain()).set(10);
  sim.deadlines.alarm(() => order.push(`late ${sim.clock.now()}`)).set(20);
  await sim.advance(20);
  expect(order).toEqual(["chain 10", "early 15", "late 20"]);
});

it("runs deferred turns at the same time, each on its own, before anything later", async () => {
  const sim = createSimulation({ seed: 1 });
  const order: string[] = [];
  sim.deadlines.alarm(() => order.push("alarm")).set(0);
  sim.defer(() => {
    order.push("one");
    sim.defer(() => order.push("three"));
    void Promise.resolve().then(() => order.push("promise"));
  });
  sim.defer(() => order.push("two"));
  await sim.run(() => order.includes("alarm"), 1);
  expect(order).toEqual(["one", "promise", "two", "three", "alarm"]);
  expect(sim.clock.now()).toBe(0);
});

it("says when what it waits for can't come, or not in time", async () => {
  const sim = createSimulation({ seed: 1 });
  await expect(sim.run(() => false, 100)).rejects.toMatchObject({ code: "ERR_TESTKIT_IDLE" });
  sim.deadlines.alarm(() => {}).set(101);
  await expect(sim.run(() => false, 100)).rejects.toMatchObject({ code: "ERR_TESTKIT_TIMEOUT" });
  expect(sim.clock.now()).toBe(100);
});

it("passes on what an event throws, and what a promise gives", async () => {
  const sim = createSimulation({ seed: 1 });
  sim.defer(() => {
    throw new Error("broken");
  });
  await expect(sim.run(() => false, 1)).rejects.toThrow("broken");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  sim.deadlines.alarm(() => resolve(7)).set(5);
  expect(await sim.settle(promise, 10)).toBe(7);
  reject(new Error("no more"));
  await expect(sim.settle(Promise.reject(new Error("no")), 1)).rejects.toThrow("no");
});

it("gives equal seeds equal randomness, and others another", () => {
  const draw = (seed: number): unknown => {
    const sim = createSimulation({ seed });
    return [sim.rng(), sim.rng(), sim.entropy(20)];
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

it("stamps the history with virtual time", async () => {
  const sim = createSimulation({ seed: 1 });
  sim.log("begin");
  await sim.advance(1.5);
  sim.log("end");
  expect(sim.history).toEqual(["0.000 begin", "1.500 end"]);
});
