// Trackers with addresses of both families: state of each, one good-bye each, every byte told once.
import { beforeEach, describe, expect, it } from "vitest";
import { MINUTE, ok, type Request, SECOND, World } from "../testing/world.ts";

const BOTH = ["192.0.2.1", "2001:db8::1"];
const down = new Error("connect ECONNREFUSED");

let world: World;

beforeEach(() => {
  world = new World();
  world.addresses = { a: BOTH, b: BOTH };
});

/** `FAMILY event uploaded/downloaded` of every announce since the last call. */
function told(): string[] {
  return world.requests
    .splice(0)
    .map(({ family, event, query }) =>
      [family, event ?? "-", `${query.get("uploaded")}/${query.get("downloaded")}`].join(" "),
    );
}

/** Lets one family fail. */
const without =
  (broken: 4 | 6) =>
  ({ family }: Request): Error | ReturnType<typeof ok> =>
    family === broken ? down : ok();

describe("a tracker with addresses of both families", () => {
  it("is asked over both, under one key, and told of bytes over one", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    expect(new Set(world.requests.map(({ query }) => query.get("key"))).size).toBe(1);
    expect(told()).toEqual(["4 started 1/2", "6 started 0/0"]);
    expect(feed.status()[0]).toMatchObject({
      state: "working",
      peersReceived: 2,
      routes: [
        { family: 4, state: "working" },
        { family: 6, state: "working" },
      ],
    });
    world.bytes = { uploaded: 10, downloaded: 20 };
    await world.advance(32 * MINUTE);
    expect(told().toSorted()).toEqual(["4 - 10/20", "6 - 0/0"]);
    await feed.close(AbortSignal.timeout(60_000));
    expect(told().toSorted()).toEqual(["4 stopped 10/20", "6 stopped 0/0"]);
    expect(world.deadlines.size).toBe(0);
    expect(world.resolved).toEqual(["a.example", "a.example"]);
  });

  it("is told completed once, and soon by all that nothing is left", async () => {
    world.answer = () => ok({ "min interval": 60 });
    const feed = world.open([["a"]]);
    await world.advance(30 * SECOND);
    told();
    world.left = 0;
    feed.completed();
    await world.advance(31 * SECOND);
    expect(told()).toEqual(["4 completed 1/2", "6 - 0/0"]);
    await world.advance(60 * MINUTE);
    expect(told().some((each) => each.includes("completed"))).toBe(false);
  });

  it("works if one family does, and nobody hears of the other", async () => {
    world.answer = without(6);
    const feed = world.open([["a"], ["b"]]);
    await world.advance(MINUTE);
    expect(world.said()).toEqual(["a started", "a started", "a started"]);
    expect(world.warnings).toEqual([]);
    expect(feed.status()[0]).toMatchObject({
      state: "working",
      routes: [
        { family: 4, state: "working" },
        { family: 6, state: "failed", lastError: { code: "ERR_TRACKER_UNREACHABLE" } },
      ],
    });
    expect(feed.status()[0]).not.toHaveProperty("lastError");
    await feed.close(AbortSignal.timeout(60_000));
    expect(world.requests.map(({ event, family }) => [event, family])).toEqual([["stopped", 4]]);
  });

  it("fails once if both do, and the next tracker is asked", async () => {
    world.answer = ({ host }) => (host === "a" ? down : ok());
    world.open([["a"], ["b"]]);
    await world.advance(60 * SECOND);
    expect(world.said().join()).toBe("a started,a started,b started,b started,a started,a started");
    expect(world.warnings.map(({ message }) => message)).toEqual([
      "tracker http://a.example: connect ECONNREFUSED; next try in 18 s",
      expect.stringMatching(
        /^tracker http:\/\/a.example: connect ECONNREFUSED; next try in 5\d s$/,
      ),
    ]);
  });

  it("is told of all bytes once when the family that told them fails", async () => {
    const feed = world.open([["a"]]);
    await world.advance();
    world.bytes = { uploaded: 10, downloaded: 20 };
    world.answer = without(4);
    await world.advance(35 * MINUTE);
    const [first, ...rest] = told().filter((each) => !each.includes("0/0"));
    expect(first).toBe("4 started 1/2");
    // What IPv4 told when it got no answer counts as not told.
    expect(rest.slice(0, 1)).toEqual(["4 - 10/20"]);
    world.bytes.uploaded = 11;
    await world.advance(35 * MINUTE);
    expect(told().filter((each) => each.startsWith("6"))).toEqual(["6 - 10/18"]);
    world.answer = () => ok();
    await world.advance(60 * MINUTE);
    expect(
      told()
        .filter((each) => each.startsWith("4"))
        .at(-2),
    ).toBe("4 started 0/0");
    await feed.close(AbortSignal.timeout(60_000));
    expect(told().toSorted()).toEqual(["4 stopped 0/0", "6 stopped 10/18"]);
  });
});

describe("a tracker's name", () => {
  it("without an address of a family is no failure", async () => {
    world.addresses = { a: ["2001:db8::1"] };
    const feed = world.open([["a"]]);
    await world.advance(50 * MINUTE);
    expect(told()).toEqual(["6 started 1/2", "6 - 1/2"]);
    expect(world.warnings).toEqual([]);
    expect(feed.status()[0]?.routes.map(({ state }) => state)).toEqual(["absent", "working"]);
    world.addresses = { a: BOTH };
    await world.advance(60 * MINUTE);
    expect(told().filter((each) => each.startsWith("4"))).toEqual(["4 started 0/0", "4 - 0/0"]);
  });

  it("without any address is one", async () => {
    world.addresses = { a: [] };
    const feed = world.open([["a"], ["b"]]);
    await world.advance(SECOND);
    expect(world.said()).toEqual(["b started"]);
    expect(feed.status()[0]).toMatchObject({
      state: "failed",
      lastError: { code: "ERR_TRACKER_NO_ADDRESS" },
    });
    expect(world.warnings).toHaveLength(1);
  });

  it("that can't be resolved is one", async () => {
    world.addresses = { a: new Error("ENOTFOUND") };
    world.open([["a"]]);
    await world.advance(16 * SECOND);
    expect(world.resolved).toEqual(["a.example"]);
    expect(world.warnings.map(({ message }) => message)).toEqual([
      "tracker http://a.example: expected the tracker's address: ENOTFOUND; next try in 18 s",
    ]);
    await world.advance(3 * SECOND);
    expect(world.resolved).toHaveLength(2);
  });

  it("is not asked for again when it is time for good-byes", async () => {
    const feed = world.open([["a"]]);
    await world.advance(25 * MINUTE);
    world.addresses = { a: ["never"] };
    await feed.close(AbortSignal.timeout(60_000));
    expect(told()).toHaveLength(4);
  });
});

it("uses the families that it is told", async () => {
  world = new World({ families: [6] });
  world.addresses = { a: BOTH };
  const feed = world.open([["a"], ["http://192.0.2.1/announce"]]);
  await world.advance(60 * MINUTE);
  expect(told()).toEqual(["6 started 1/2", "6 - 1/2"]);
  expect(feed.status()[1]).toMatchObject({
    state: "failed",
    routes: [],
    lastError: { message: "expected an address of IPv6, got 192.0.2.1" },
  });
});
