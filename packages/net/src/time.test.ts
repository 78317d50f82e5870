import { Deadlines } from "@shoal/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { clock, deadlineDriver } from "./time.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const deadlines = new Deadlines();
  const rings: number[] = [];
  const start = clock().now();
  const driver = deadlineDriver(deadlines, clock());
  const alarm = () => deadlines.alarm((now) => rings.push(Math.round(now - start)));
  return { deadlines, driver, rings, alarm, at: (ms: number) => start + ms };
}

it("needs no timer while nothing waits", () => {
  const { driver } = setUp();
  expect(vi.getTimerCount()).toBe(0);
  driver.close();
});

it("rings each alarm in its time with one timer", () => {
  const { alarm, rings, at } = setUp();
  alarm().set(at(50));
  alarm().set(at(20));
  alarm().set(at(80.5));
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(19);
  expect(rings).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(rings).toEqual([20, 50, 81]);
  expect(vi.getTimerCount()).toBe(0);
});

it("rings an alarm that is moved forth or back", () => {
  const { alarm, rings, at } = setUp();
  const moved = alarm();
  moved.set(at(10));
  moved.set(at(30));
  vi.advanceTimersByTime(29);
  expect(rings).toEqual([]);
  moved.set(at(29.5));
  vi.advanceTimersByTime(1);
  expect(rings).toEqual([30]);
});

it("drives alarms that are set while one rings, those due already at the next turn", () => {
  const { deadlines, rings, at } = setUp();
  const again = deadlines.alarm((now) => {
    rings.push(now - at(0));
    if (rings.length < 3) again.set(now);
  });
  again.set(at(5));
  vi.advanceTimersByTime(5);
  expect(rings).toEqual([5]);
  vi.advanceTimersByTime(2);
  expect(rings).toEqual([5, 6, 7]);
});

it("waits longer than one timer can", () => {
  const { alarm, rings, at } = setUp();
  const far = 2 ** 31 + 1000;
  alarm().set(at(far));
  vi.advanceTimersByTime(2 ** 31 - 1);
  expect(rings).toEqual([]);
  vi.advanceTimersByTime(1001);
  expect(rings).toEqual([far]);
});

it("leaves no timer after close, and starts none", () => {
  const { driver, alarm, rings, at } = setUp();
  alarm().set(at(10));
  driver.close();
  expect(vi.getTimerCount()).toBe(0);
  alarm().set(at(5));
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(100);
  expect(rings).toEqual([]);
});

it("stays closed when it is closed while ringing", () => {
  const { deadlines, driver, at } = setUp();
  deadlines.alarm(() => driver.close()).set(at(1));
  deadlines.alarm(() => {}).set(at(50));
  vi.advanceTimersByTime(1);
  expect(vi.getTimerCount()).toBe(0);
});
