// Scheduling on virtual time: tiers, events, intervals, back-off, and trackers that mean harm.
import { beforeEach, describe, expect, it } from "vitest";
import { MINUTE, ok, type Reply, reply, SECOND, settled, urlOf, World } from "../testing/world.ts";
import { backOff, type TrackerFeed } from "./feed.ts";
import type { HttpAnswer } from "./host.ts";
import type { TrackerStatus } from "./tracker-status.ts";

const down = new Error("connect ECONNREFUSED");

let world: World;

beforeEach(() => {
  world = new World();
});

describe("one tracker", () => {
  it("is told started, then asked at its interval, and fills the swarm", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    expect(world.requests.map(({ query }) => query.get("left"))).toEqual(["1000"]);
    expect(world.said()).toEqual(["a started"]);
    expect(world.found).toEqual([{ address: "192.0.2.1", port: 80 }]);
    const [status] = feed.status();
    expect(status).toMatchObject({
      url: "http://a.example/announce",
      tier: 0,
      state: "working",
      seeders: 5,
      leechers: 6,
      peersReceived: 1,
    });
    expect(status?.nextAnnounce).toBeGreaterThanOrEqual(1800 * SECOND);
    expect(status?.nextAnnounce).toBeLessThanOrEqual(1890 * SECOND);
    expect(world.deadlines.size).toBe(1);
    await world.advance(30 * MINUTE - 1);
    expect(world.said()).toEqual([]);
    await world.advance(30 * MINUTE);
    expect(world.said()).toEqual(["a"]);
    expect(world.warnings).toEqual([]);
  });

  it("is given the same key every time, and its tracker id", async () => {
    world.answer = () => ok({ "tracker id": "t1" });
    const feed = world.open([["a"]]);
    await world.advance(60 * MINUTE);
    await feed.close(AbortSignal.timeout(60_000));
    expect(new Set(world.requests.map(({ query }) => query.get("key")))).toEqual(
      new Set(["abababab"]),
    );
    expect(world.requests.map(({ query }) => query.get("trackerid"))).toEqual([null, "t1", "t1"]);
    expect(world.requests[0]?.limits).toEqual({
      maxBytes: 1 << 20,
      timeoutMs: 30_000,
      headers: { "user-agent": "test/1" },
    });
  });

  it("is told completed once, at once", async () => {
    world.answer = () => ok({ "min interval": 1800 });
    const feed = world.open([["a"]]);
    await world.advance(10 * SECOND);
    world.left = 0;
    feed.completed();
    await world.advance(120 * MINUTE);
    expect(world.said()).toEqual(["a started", "a completed", "a", "a", "a"]);
  });

  it("is told completed after started if the download was faster", async () => {
    const feed = world.open([["a"]]);
    world.left = 0;
    feed.completed();
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "a completed"]);
  });

  it("is not told completed by who came as a seed", async () => {
    world.left = 0;
    const feed = world.open([["a"]]);
    feed.completed();
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started"]);
  });

  it("is told completed again until it hears it", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    world.left = 0;
    world.answer = () => down;
    feed.completed();
    await world.advance(SECOND);
    world.answer = () => ok();
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "a completed", "a completed"]);
  });

  it("is told before metadata that something is left", async () => {
    world.left = undefined;
    world.open([["a"]]);
    await world.advance();
    expect(world.requests[0]?.query.get("left")).toBe("16384");
  });

  it("reports our address", async () => {
    world.answer = () => ok({ "external ip": Uint8Array.of(203, 0, 113, 1) });
    world.open([["a"]]);
    await world.advance();
    expect(world.externalIps).toEqual(["203.0.113.1 by http://a.example/announce"]);
  });

  it("warns, once for each text", async () => {
    world.answer = ({ at }) => ok({ "warning message": at < 90 * MINUTE ? "old" : "new" });
    world.open([["a"]]);
    await world.advance(150 * MINUTE);
    expect(world.warnings.map(({ message }) => message)).toEqual([
      "tracker http://a.example: it warned: 'old'; it stays in use",
      "tracker http://a.example: it warned: 'new'; it stays in use",
    ]);
    expect(world.warnings[0]).toMatchObject({ code: "ERR_TRACKER_WARNING" });
  });
});

describe("refresh", () => {
  it("asks now, but never before the min interval", async () => {
    world.answer = () => ok({ "min interval": 300 });
    const feed = world.open([["a"]]);
    await world.advance(299 * SECOND);
    for (let i = 0; i < 10; i++) feed.refresh();
    await world.advance(999);
    expect(world.said()).toEqual(["a started"]);
    await world.advance(1);
    expect(world.said()).toEqual(["a"]);
    await world.advance(400 * SECOND);
    feed.refresh();
    await world.advance();
    expect(world.said()).toEqual(["a"]);
  });

  it("hurries a failed tracker, within reason", async () => {
    world.answer = () => down;
    const feed = world.open([["a"]]);
    await world.advance(10 * MINUTE);
    world.said();
    feed.refresh();
    feed.refresh();
    await world.advance();
    expect(world.said()).toEqual(["a started"]);
    await world.advance(10 * SECOND);
    feed.refresh();
    await world.advance(4 * SECOND);
    expect(world.said()).toEqual([]);
    await world.advance(SECOND);
    expect(world.said()).toEqual(["a started"]);
  });

  it("takes over edited trackers and says good-bye to those removed", async () => {
    const feed = world.open([["a"]]);
    await world.advance(MINUTE);
    world.trackers = [[urlOf("b")], ["ws://c.example"]];
    feed.refresh();
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "a stopped", "b started"]);
    expect(feed.status().map(({ state }) => state)).toEqual(["working", "failed"]);
    expect(world.warnings.map(({ message }) => message)).toEqual([
      "tracker URL: expected a URL of http, https or udp, got 'ws://c.example'; it is not used",
    ]);
  });

  it("starts at trackers that are added, and leaves the others in peace", async () => {
    world = new World({ announceToAllTiers: true });
    const feed = world.open([["a"]]);
    await world.advance(MINUTE / 2);
    world.trackers = [[urlOf("a")], [urlOf("b")]];
    feed.refresh();
    await world.advance(MINUTE / 4);
    expect(world.said()).toEqual(["a started", "b started"]);
  });

  it("says good-bye to one that was removed while it answered", async () => {
    const feed = world.open([["a"]]);
    world.trackers = [];
    feed.refresh();
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "a stopped"]);
    expect(world.deadlines.size).toBe(0);
  });
});

describe("tiers", () => {
  const states = (feed: TrackerFeed): Record<string, TrackerStatus["state"]> =>
    Object.fromEntries(feed.status().map(({ url, state }) => [new URL(url).hostname, state]));

  it("asks only the first that answers, after all before it", async () => {
    world.answer = ({ host }) => (host === "d" ? ok() : down);
    const feed = world.open([["a", "b", "c"], ["d"], ["e"]]);
    await world.advance();
    const asked = world.said();
    expect(asked.slice(0, 3).toSorted()).toEqual(["a started", "b started", "c started"]);
    expect(asked.slice(3)).toEqual(["d started"]);
    expect(states(feed)).toEqual({
      "a.example": "failed",
      "b.example": "failed",
      "c.example": "failed",
      "d.example": "working",
      "e.example": "idle",
    });
  });

  it("moves the one that answered to the front of its tier", async () => {
    const feed = world.open([["a", "b", "c"]]);
    const last = feed.status().at(-1)?.url;
    world.answer = ({ host }) => (urlOf(host) === last ? ok() : down);
    await world.advance();
    expect(world.said()).toHaveLength(3);
    expect(feed.status()[0]?.url).toBe(last);
  });

  it("returns to an earlier tier when that works again", async () => {
    world.answer = ({ host, at }) => (host === "b" || at > 5 * MINUTE ? ok() : down);
    const feed = world.open([["a"], ["b"]]);
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "b started", "a started"]);
    await world.advance(20 * MINUTE);
    world.said();
    expect(states(feed)).toEqual({ "a.example": "working", "b.example": "working" });
    await world.advance(30 * MINUTE);
    expect(world.said()).toEqual(["a"]);
  });

  it("asks all of the first tier that works if told to", async () => {
    world = new World({ announceToAllTrackers: true });
    world.answer = ({ host }) => (host === "c" || host === "d" ? ok() : down);
    world.open([["a", "b"], ["c", "d", "e"], ["f"]]);
    await world.advance();
    expect(world.said().toSorted()).toEqual(
      ["a", "b", "c", "d", "e"].map((name) => `${name} started`),
    );
  });

  it("asks everybody if told both", async () => {
    world = new World({ announceToAllTrackers: true, announceToAllTiers: true });
    world.open([
      ["a", "b"],
      ["c", "d"],
    ]);
    await world.advance();
    expect(world.said().toSorted()).toEqual(["a", "b", "c", "d"].map((name) => `${name} started`));
    await world.advance(45 * MINUTE);
    expect(world.said().toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  it("asks one of every tier if told to", async () => {
    world = new World({ announceToAllTiers: true, numWant: 30 });
    world.answer = ({ host }) => (host === "a" ? "hang" : ok());
    world.open([["a"], ["b"], ["c"]]);
    await world.advance();
    expect(world.requests.map(({ query }) => query.get("numwant"))).toEqual(["30", "30", "30"]);
    expect(world.said()).toEqual(["a started", "b started", "c started"]);
  });
});

describe("failures", () => {
  it("back off as libtorrent does", () => {
    expect([1, 2, 3, 16, 17, 1000].map(backOff)).toEqual([17.5, 55, 117.5, 3205, 3600, 3600]);
  });

  it("come at growing distance, a little spread, and are explained", async () => {
    world.answer = () => down;
    const feed = world.open([["a"]]);
    await world.advance(5 * MINUTE);
    const times = world.requests.map(({ at }) => at / SECOND);
    expect(times).toHaveLength(4);
    for (const [i, base] of [17.5, 55, 117.5].entries()) {
      const distance = (times[i + 1] ?? 0) - (times[i] ?? 0);
      expect(distance).toBeGreaterThanOrEqual(base);
      expect(distance).toBeLessThanOrEqual(base * 1.05);
    }
    expect(world.warnings[0]).toMatchObject({
      code: "ERR_TRACKER_UNREACHABLE",
      message: "tracker http://a.example: connect ECONNREFUSED; next try in 18 s",
    });
    expect(feed.status()[0]).toMatchObject({
      state: "failed",
      lastError: { code: "ERR_TRACKER_UNREACHABLE" },
    });
  });

  it.each<[string, HttpAnswer, string, number | undefined]>([
    ["a status", reply(503, "busy"), "ERR_TRACKER_STATUS", 17.5],
    [
      "a status with Retry-After",
      reply(503, "", { "retry-after": "600" }),
      "ERR_TRACKER_STATUS",
      600,
    ],
    [
      "a Retry-After that is a date",
      reply(503, "", { "retry-after": "Fri, 31 Dec" }),
      "ERR_TRACKER_STATUS",
      17.5,
    ],
    ["that it is gone", reply(410, ""), "ERR_TRACKER_STATUS", undefined],
    ["a redirect that was not followed", reply(302, ""), "ERR_TRACKER_STATUS", 17.5],
    ["a failure", reply(200, "d14:failure reason2:noe"), "ERR_TRACKER_REFUSED", 17.5],
    ["a failure with a status", reply(403, "d14:failure reason2:noe"), "ERR_TRACKER_REFUSED", 17.5],
    [
      "when to retry",
      reply(200, "d14:failure reason2:no8:retry in2:10e"),
      "ERR_TRACKER_REFUSED",
      600,
    ],
    [
      "never to retry",
      reply(200, "d14:failure reason2:no8:retry in5:nevere"),
      "ERR_TRACKER_REFUSED",
      undefined,
    ],
    ["a web page", reply(200, "<!doctype html>"), "ERR_TRACKER_MALFORMED", 17.5],
    ["nothing", reply(200, ""), "ERR_TRACKER_MALFORMED", 17.5],
    ["garbage", reply(200, Uint8Array.of(0, 255, 27, 7)), "ERR_TRACKER_MALFORMED", 17.5],
  ])("understands %s", async (_name, answer, code, seconds) => {
    world.answer = () => answer;
    const feed = world.open([["a"]]);
    await world.advance();
    expect(feed.status()[0]).toMatchObject({ state: "failed", lastError: { code } });
    const { nextAnnounce } = feed.status()[0] ?? {};
    if (seconds === undefined) {
      feed.refresh();
      await world.advance(1000 * MINUTE);
      expect(world.requests).toHaveLength(1);
      expect(nextAnnounce).toBeUndefined();
      expect(world.warnings[0]?.message).toMatch(/; not asked again$/);
      expect(world.deadlines.size).toBe(0);
    } else {
      expect(nextAnnounce).toBeGreaterThanOrEqual(seconds * SECOND);
      expect(nextAnnounce).toBeLessThanOrEqual(seconds * SECOND * 1.05);
    }
    expect(world.found).toEqual([]);
  });

  it.each<Reply>(["hang", "ignore-abort"])(
    "include a tracker that never answers (%s)",
    async (how) => {
      world.answer = ({ host }) => (host === "a" ? how : ok());
      const feed = world.open([["a"], ["b"]]);
      await world.advance(29 * SECOND);
      expect(feed.status()[0]?.state).toBe("announcing");
      await world.advance(SECOND);
      expect(world.said()).toEqual(["a started", "b started"]);
      expect(world.warnings[0]).toMatchObject({ code: "ERR_TRACKER_TIMEOUT" });
    },
  );

  it("include a UDP tracker whose name is never resolved", async () => {
    world.addresses = { a: ["never"] };
    world.open([["udp://a.example:1"], ["b"]]);
    await world.advance(90 * SECOND);
    expect(world.said()).toEqual(["b started"]);
    expect(world.warnings[0]).toMatchObject({ code: "ERR_TRACKER_TIMEOUT" });
  });

  it("cost bounded work for an answer with a million peers", async () => {
    const answer = ok({ peers: new Uint8Array(6_000_000).fill(9) });
    world.answer = () => answer;
    world.open([["a"]]);
    await world.advance();
    expect(world.found).toHaveLength(1000);
  });

  it.each([0, -1, 1])("do not follow from an interval of %s", async (interval) => {
    world.answer = () => ok({ interval, "min interval": interval });
    const feed = world.open([["a"]]);
    await world.advance(59 * SECOND);
    feed.refresh();
    await world.advance();
    expect(world.said()).toEqual(["a started"]);
    await world.advance(10 * MINUTE);
    expect(world.said().length).toBeLessThanOrEqual(11);
  });
});

describe("close", () => {
  it("says stopped to those who heard started, wanting no peers", async () => {
    world = new World({ announceToAllTiers: true });
    world.answer = ({ host }) => (host === "b" ? down : ok());
    const feed = world.open([["a"], ["b"], ["c"]]);
    await world.advance();
    world.said();
    await feed.close(AbortSignal.timeout(60_000));
    expect(world.requests.map(({ query }) => query.get("numwant"))).toEqual(["0", "0"]);
    expect(world.said()).toEqual(["a stopped", "c stopped"]);
    expect(world.deadlines.size).toBe(0);
    await feed.close(AbortSignal.abort());
    feed.refresh();
    feed.completed();
    await world.advance(100 * MINUTE);
    expect(world.said()).toEqual([]);
  });

  it("waits 5 s at most", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    world.answer = () => "ignore-abort";
    let closed = false;
    const closing = feed.close(new AbortController().signal).then(() => {
      closed = true;
    });
    await world.advance(4999);
    expect(closed).toBe(false);
    await world.advance(1);
    await closing;
    expect(world.deadlines.size).toBe(0);
  });

  it("ends with the signal", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    world.answer = () => "hang";
    const abort = new AbortController();
    const closing = feed.close(abort.signal);
    await settled();
    abort.abort();
    await closing;
    await settled();
    expect(world.underWay.now).toBe(0);
    expect(world.deadlines.size).toBe(0);
  });

  it("drops an announce that is under way, and its answer", async () => {
    world.answer = () => "hang";
    const feed = world.open([["a"]]);
    await settled();
    await feed.close(AbortSignal.timeout(60_000));
    await settled();
    expect(world.said()).toEqual(["a started"]);
    expect(world.warnings).toEqual([]);
    expect(world.deadlines.size).toBe(0);
  });

  it("of the source ends every feed at once", async () => {
    world.answer = ({ host }) => (host === "b" ? "hang" : ok());
    world.open([["a"]]);
    world.open([["b"]]);
    await world.advance();
    world.said();
    await world.source.close();
    await settled();
    expect(world.said()).toEqual([]);
    expect(world.underWay.now).toBe(0);
    expect(world.deadlines.size).toBe(0);
  });
});
