// Tiers: order, promotion, editing.
import { createRng } from "@shoal/core";
import { expect, it } from "vitest";
import { MAX_TRACKERS, TrackerList } from "./tracker-list.ts";

const url = (name: string): string => `http://${name}.example/announce`;
const names = (list: TrackerList): string[][] =>
  list.tiers.map((tier) => tier.map(({ target }) => target?.host.split(".")[0] ?? "?"));

function listOf(...tiers: string[][]): TrackerList {
  const list = new TrackerList(createRng(1), [4, 6]);
  list.sync(tiers.map((tier) => tier.map(url)));
  return list;
}

it("shuffles inside tiers, never across", () => {
  const many = Array.from({ length: 20 }, (_, i) => `a${i}`);
  const list = listOf(many, ["b"]);
  expect(names(list)[0]).not.toEqual(many);
  expect(names(list)[0]?.toSorted()).toEqual(many.toSorted());
  expect(names(list)[1]).toEqual(["b"]);
});

it("moves who answered to the front of its tier (BEP 12)", () => {
  const list = listOf(["a", "b", "c"], ["d"]);
  const [first, second, third] = list.tiers[0] ?? [];
  if (!first || !second || !third) throw new Error("expected three trackers");
  list.promote(second);
  list.promote(third);
  expect(list.tiers[0]).toEqual([third, second, first]);
});

it("keeps state and order when trackers are edited", () => {
  const list = listOf(["a", "b", "c"], ["d"]);
  const before = list.all();
  for (const [i, tracker] of before.entries()) tracker.peersReceived = i;
  const gone = before[1];
  const kept = before.filter((tracker) => tracker !== gone);
  const { added, removed } = list.sync([
    ["new", ...kept.map(({ url }) => url), url("new")].map((name) =>
      name.replace(/^new$/, url("new")),
    ),
  ]);
  expect(removed).toEqual([gone]);
  expect(added.map((tracker) => tracker.url)).toEqual([url("new")]);
  expect(list.tiers).toHaveLength(1);
  expect(list.tiers[0]).toEqual([...kept, ...added]);
  expect(gone && list.has(gone)).toBe(false);
});

it("takes a URL once and refuses bad ones for good", () => {
  const list = new TrackerList(createRng(1), [4, 6]);
  list.sync([[url("a")], [url("a"), "ws://x.example"]]);
  expect(list.tiers.map((tier) => tier.length)).toEqual([1, 1]);
  expect(list.tiers[1]?.[0]).toMatchObject({
    target: undefined,
    routes: [],
    refusal: { code: "ERR_TRACKER_URL" },
  });
});

it("knows one route to an IP address, and those wanted to a name", () => {
  const routes = (families: (4 | 6)[], url: string): (4 | 6)[] => {
    const list = new TrackerList(createRng(1), families);
    list.sync([[url]]);
    return list.all().flatMap(({ routes }) => routes.map(({ family }) => family));
  };
  expect(routes([4, 6], "udp://192.0.2.1:1")).toEqual([4]);
  expect(routes([4, 6], "http://[2001:db8::1]/announce")).toEqual([6]);
  expect(routes([6, 4], "udp://t.example:1")).toEqual([6, 4]);
  expect(routes([4], "udp://t.example:1")).toEqual([4]);
  expect(routes([4], "udp://[2001:db8::1]:1")).toEqual([]);
});

it("ignores trackers beyond the limit", () => {
  const list = new TrackerList(createRng(1), [4, 6]);
  const tiers = Array.from({ length: 1000 }, (_, i) => [url(`a${i}`), url(`b${i}`)]);
  list.sync(tiers);
  expect(list.all()).toHaveLength(MAX_TRACKERS);
});
