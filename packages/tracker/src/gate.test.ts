// The gate: places, pace, order, and giving up.
import { Deadlines } from "@shoal/core";
import { beforeEach, expect, it } from "vitest";
import { settled } from "../testing/world.ts";
import { Gate, type GateLimits, type Lane, type Leave } from "./gate.ts";

const never = new AbortController().signal;
const WIDE: GateLimits = { places: 100, placesOfOne: 100, burst: 100, perSecond: 100 };

let now: number;
let deadlines: Deadlines;
/** `name` of everyone admitted, in order. */
let order: string[];

beforeEach(() => {
  now = 0;
  deadlines = new Deadlines();
  order = [];
});

const gateOf = (limits: Partial<GateLimits>): Gate =>
  new Gate({ ...WIDE, ...limits }, { now: () => now }, deadlines);

async function at(time: number): Promise<string[]> {
  now = time;
  deadlines.advance(now);
  await settled();
  return order.splice(0);
}

/** Waits for a turn, which ends at once. */
async function pass(gate: Gate, name: string, lane: Lane = "regular", host = "a"): Promise<void> {
  const leave = await gate.enter(host, lane, never);
  order.push(name);
  leave();
}

it("lets the most pressing go first, and of first announces the newest", async () => {
  const gate = gateOf({ places: 1 });
  const leave = await gate.enter("a", "regular", never);
  for (const lane of ["regular", "seed", "download", "farewell"] as const) {
    for (const i of [1, 2]) void pass(gate, `${lane} ${i}`, lane);
  }
  expect(await at(0)).toEqual([]);
  leave();
  expect(await at(0)).toEqual([
    "farewell 1",
    "farewell 2",
    "download 2",
    "download 1",
    "seed 2",
    "seed 1",
    "regular 1",
    "regular 2",
  ]);
});

it("keeps places for other trackers, which take turns", async () => {
  const gate = gateOf({ places: 3, placesOfOne: 2 });
  const inside: Leave[] = [];
  for (const host of ["a", "a", "a", "b"]) {
    void gate.enter(host, "regular", never).then((leave) => {
      order.push(host);
      inside.push(leave);
    });
  }
  expect(await at(0)).toEqual(["a", "a", "b"]);
  for (const i of [1, 2]) void pass(gate, `a${i}`);
  for (const i of [1, 2]) void pass(gate, `b${i}`, "regular", "b");
  inside[2]?.();
  expect(await at(0)).toEqual(["b1", "b2"]);
  for (const leave of inside.slice(0, 2)) leave();
  expect(await at(0)).toEqual(["a", "a1", "a2"]);
});

it("paces each tracker, but not good-byes", async () => {
  const gate = gateOf({ burst: 2, perSecond: 10 });
  for (const i of [1, 2, 3, 4]) void pass(gate, `${i}`);
  void pass(gate, "other", "regular", "b");
  expect(await at(0)).toEqual(["1", "2", "other"]);
  expect(deadlines.nextDeadline()).toBe(100);
  void pass(gate, "bye", "farewell");
  expect(await at(99)).toEqual(["bye"]);
  expect(await at(100)).toEqual(["3"]);
  expect(await at(200)).toEqual(["4"]);
  expect(deadlines.size).toBe(0);
  for (const i of [5, 6, 7]) void pass(gate, `${i}`);
  expect(await at(1000)).toEqual(["5", "6"]);
});

it("turns away those who wait for a tracker that is out of reach", async () => {
  const gate = gateOf({ placesOfOne: 2 });
  const down = new Error("down");
  const leaveFirst = await gate.enter("a", "regular", never);
  const leaveSecond = await gate.enter("a", "regular", never);
  const turnedAway = gate.enter("a", "download", never);
  const elsewhere = gate.enter("b", "download", never);
  leaveFirst(down);
  await expect(turnedAway).rejects.toBe(down);
  (await elsewhere)();

  now = 5;
  await pass(gate, "answered");
  const leaveThird = await gate.enter("a", "regular", never);
  const patient = pass(gate, "patient");
  // The tracker has answered another one since this turn began: the failure is its own.
  leaveSecond(down);
  await patient;
  leaveThird();
});

it("waits for no one when all who waited gave up", async () => {
  const gate = gateOf({ burst: 1, perSecond: 1 });
  await pass(gate, "first");
  const bored = new AbortController();
  const waiting = gate.enter("a", "regular", bored.signal);
  expect(deadlines.nextDeadline()).toBe(1000);
  bored.abort(new Error("bored"));
  await expect(waiting).rejects.toThrow("bored");
  expect(deadlines.size).toBe(0);
});

it("loses no place to those who gave up", async () => {
  const gate = gateOf({ places: 1 });
  const leave = await gate.enter("a", "regular", never);
  const bored = new AbortController();
  const waiting = gate.enter("a", "regular", bored.signal);
  bored.abort(new Error("bored"));
  await expect(waiting).rejects.toThrow("bored");
  await expect(gate.enter("a", "download", bored.signal)).rejects.toThrow("bored");
  leave();
  await pass(gate, "first");
  await pass(gate, "second");
  expect(order).toEqual(["first", "second"]);
  expect(deadlines.size).toBe(0);
});
