// The gate: places, order, and giving up.
import { expect, it } from "vitest";
import { Gate } from "./gate.ts";

const never = new AbortController().signal;

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("admits so many at once, urgent ones first, each in order", async () => {
  const gate = new Gate(1);
  const leave = await gate.enter(false, never);
  const order: string[] = [];
  for (const name of ["a", "b", "C", "D"]) {
    void gate.enter(name < "a", never).then((leave) => {
      order.push(name);
      leave();
    });
  }
  await settled();
  expect(order).toEqual([]);
  leave();
  await settled();
  expect(order).toEqual(["C", "D", "a", "b"]);
});

it("loses no place to those who gave up", async () => {
  const gate = new Gate(1);
  const leave = await gate.enter(false, never);
  const bored = new AbortController();
  const waiting = gate.enter(false, bored.signal);
  bored.abort(new Error("bored"));
  await expect(waiting).rejects.toThrow("bored");
  await expect(gate.enter(true, bored.signal)).rejects.toThrow("bored");
  leave();
  (await gate.enter(false, never))();
  (await gate.enter(false, never))();
});
