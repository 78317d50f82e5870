// Thousands of torrents and few trackers: no burst, no starvation, no waiting for the dead.
import { describe, expect, it } from "vitest";
import { MINUTE, ok, SECOND, World } from "../testing/world.ts";

const MANY = 5000;

const hashOf = (i: number): Uint8Array => new TextEncoder().encode(nameOf(i));
/** The info-hash as it is found in a query. */
const nameOf = (i: number): string => String(i).padStart(20, "0");

/** Most announces within any second. */
function busiestSecond(times: readonly number[]): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to++) {
    while ((times[to] ?? 0) - (times[from] ?? 0) >= SECOND) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

describe("5,000 torrents of one tracker", () => {
  it("announce without a burst, now and at every interval", { timeout: 30_000 }, async () => {
    const world = new World();
    world.left = 0;
    world.answer = () => ok({ peers: new Uint8Array() });
    const feeds = Array.from({ length: MANY }, (_, i) => world.open([["a"]], hashOf(i)));
    await world.advance(2 * MINUTE);
    const first = world.requests.splice(0);
    expect(first).toHaveLength(MANY);
    expect(busiestSecond(first.map(({ at }) => at))).toBeLessThanOrEqual(70);
    expect(first.at(-1)?.at).toBeLessThan(101 * SECOND);
    expect(feeds.every((feed) => feed.status()[0]?.state === "working")).toBe(true);

    await world.advance(35 * MINUTE);
    const second = world.requests.splice(0);
    expect(second).toHaveLength(MANY);
    expect(new Set(second.map(({ query }) => query.toString())).size).toBe(MANY);
    expect(busiestSecond(second.map(({ at }) => at))).toBeLessThanOrEqual(70);
    expect(world.underWay.most).toBeLessThanOrEqual(8);
    expect(world.resolved.length).toBeLessThanOrEqual(3);
  });

  it("let one that is added go first, and a download before all seeds", async () => {
    const world = new World();
    world.left = 0;
    for (let i = 0; i < MANY; i++) world.open([["a"]], hashOf(i));
    await world.advance(SECOND);
    expect(world.requests.length).toBeLessThanOrEqual(70);
    const place = async (i: number): Promise<number> => {
      const before = world.requests.length;
      await world.advance(SECOND / 2);
      const names = world.requests.slice(before).map(({ query }) => query.get("info_hash"));
      expect(names).toHaveLength(25);
      return names.indexOf(nameOf(i));
    };
    world.open([["a"]], hashOf(MANY), 1);
    world.open([["a"]], hashOf(MANY + 1));
    expect(await place(MANY)).toBe(0);
    expect(world.requests.filter(({ query }) => query.get("left") === "1")).toHaveLength(1);
    world.open([["a"]], hashOf(MANY + 2));
    expect(await place(MANY + 2)).toBe(0);
  });

  it("learn together that it is down, and that each has others", async () => {
    const world = new World();
    world.answer = ({ host }) => (host === "a" ? "hang" : ok());
    const feeds = Array.from({ length: 500 }, (_, i) =>
      world.open([["a"], [`b${i % 100}`]], hashOf(i)),
    );
    await world.advance(31 * SECOND);
    expect(world.requests.filter(({ host }) => host === "a")).toHaveLength(8);
    expect(feeds.every((feed) => feed.status()[1]?.state === "working")).toBe(true);
    expect(world.underWay.most).toBeLessThanOrEqual(50);
  });

  it("leave others' trackers their places", async () => {
    const world = new World();
    world.answer = ({ host }) => (host === "a" ? "hang" : ok());
    for (let i = 0; i < 1000; i++) world.open([["a"]], hashOf(i));
    const other = world.open([["b"]], hashOf(MANY));
    await world.advance();
    expect(other.status()[0]?.state).toBe("working");
    expect(world.underWay.now).toBe(8);
  });

  it("say good-bye in the time that they have", async () => {
    const world = new World();
    const feeds = Array.from({ length: 500 }, (_, i) => world.open([["a"]], hashOf(i)));
    await world.advance(MINUTE);
    world.requests.length = 0;
    await Promise.all(feeds.map((feed) => feed.close(AbortSignal.timeout(60_000))));
    expect(world.requests.filter(({ event }) => event === "stopped")).toHaveLength(500);
    expect(world.underWay.most).toBeLessThanOrEqual(8);
    expect(world.deadlines.size).toBe(0);
  });
});
