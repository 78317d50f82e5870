// Private torrents (BEP 27): one tracker at a time, one family at a time, and nothing said too much.
import { beforeEach, expect, it } from "vitest";
import { MINUTE, ok, SECOND, urlOf, World } from "../testing/world.ts";

const BOTH = ["192.0.2.1", "2001:db8::1"];
const down = new Error("connect ECONNREFUSED");

let world: World;

beforeEach(() => {
  world = new World({ announceToAllTrackers: true, announceToAllTiers: true });
  world.isPrivate = true;
});

it("uses one tracker though the options say all", async () => {
  world.open([["a", "b"], ["c"]]);
  await world.advance(60 * MINUTE);
  expect(world.said()).toHaveLength(2);
  expect(world.underWay.most).toBe(1);
});

it("goes on with the tracker that it uses when an earlier one works again", async () => {
  let isAlive = false;
  world.answer = ({ host }) => (host === "b" || isAlive ? ok() : down);
  const feed = world.open([["a"], ["b"], ["c"]]);
  await world.advance();
  expect(world.said()).toEqual(["a started", "b started"]);
  isAlive = true;
  await world.advance(45 * MINUTE);
  feed.refresh();
  await world.advance(45 * MINUTE);
  expect(new Set(world.said())).toEqual(new Set(["b"]));
});

it("changes to another tracker when that one fails", async () => {
  world.answer = ({ host, at }) => (host === "a" && at > MINUTE ? down : ok());
  world.open([["a"], ["b"]]);
  await world.advance(60 * MINUTE);
  expect(world.said()).toEqual(["a started", "a", "b started"]);
  expect(world.underWay.most).toBe(1);
});

it("asks no second tracker while one takes its time", async () => {
  world.answer = ({ at, host }) => (host === "a" ? (at < SECOND ? down : "hang") : down);
  world.open([["a"], ["b"]]);
  await world.advance(60 * SECOND);
  expect(world.said()).toEqual(["a started", "b started", "a started", "b started"]);
  expect(world.underWay.most).toBe(1);
});

it("forgets the tracker that it used when that is removed", async () => {
  const feed = world.open([["a"]]);
  await world.advance(SECOND);
  world.trackers = [[urlOf("b")]];
  feed.refresh();
  await world.advance(SECOND);
  expect(world.said()).toEqual(["a started", "a stopped", "b started"]);
});

it("is announced over one family, and over the other when that fails, as by a new client", async () => {
  world.addresses = { a: BOTH };
  const failing = new Set<number | undefined>();
  world.answer = ({ family }) => (failing.has(family) ? down : ok());
  const told = (): string[] =>
    world.requests
      .splice(0)
      .map(({ family, event, query }) => `${family} ${event ?? "-"} ${query.get("uploaded")}`);
  world.open([["a"]]);
  await world.advance(MINUTE);
  expect(told()).toEqual(["4 started 1"]);
  failing.add(4);
  world.bytes.uploaded = 5;
  await world.advance(35 * MINUTE);
  expect(told()).toEqual(["4 - 5", "6 started 4"]);
  failing.delete(4);
  await world.advance(60 * MINUTE);
  world.bytes.uploaded = 7;
  failing.add(6);
  await world.advance(35 * MINUTE);
  const later = told();
  expect(later.slice(0, -1).every((each) => each.startsWith("6 - "))).toBe(true);
  // A tracker that keeps its books by peer id would take more than 2 for bytes it has not heard of.
  expect(later.at(-1)).toBe("4 started 2");
  expect(world.warnings).toEqual([]);
});

it("tells trackers no address, so that none leaks past a proxy", async () => {
  world.addresses = { a: BOTH };
  world.open([["a"]]);
  await world.advance();
  const query = world.requests[0]?.query;
  expect([...(query?.keys() ?? [])].toSorted().join(" ")).toBe(
    "compact downloaded event info_hash key left no_peer_id numwant peer_id port uploaded",
  );
});
