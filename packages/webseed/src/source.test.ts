// The rules of asking, retrying and giving up, on virtual time and with servers that the test plays.
import type { BlockFeed } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { TestHost } from "../testing/http.ts";
import { type TestLane, TestSwarm } from "../testing/swarm.ts";
import { testTorrent } from "../testing/torrent.ts";

const MIB = 1_048_576;

interface Set {
  host: TestHost;
  swarm: TestSwarm;
  feed: BlockFeed;
  /** The lane opened last. */
  lane(): TestLane;
}

function open(
  torrent: Parameters<typeof testTorrent>[0],
  urls: string[] = ["http://a.example/f"],
  scripts: string[] = [],
): Set {
  const host = new TestHost();
  const swarm = new TestSwarm(testTorrent(torrent), { web: urls, scripts });
  const feed = host.source.open(swarm);
  if (feed === undefined) throw new Error("nothing was opened");
  const lane = (): TestLane => {
    const last = swarm.lanes.at(-1);
    if (last === undefined) throw new Error("no lane was opened");
    return last;
  };
  return { host, swarm, feed, lane };
}

/** Answers whatever is asked until nothing is. */
function serveAll({ host, swarm }: Set): void {
  while (host.sent.length > 0) host.next().serve(swarm.bytes);
}

describe("asking", () => {
  it("keeps two ranges in flight that follow each other, and names itself", () => {
    const set = open(8 * MIB);
    const [first, second, ...more] = set.host.take();
    expect(first?.range).toEqual([0, MIB - 1]);
    expect(second?.range).toEqual([MIB, 2 * MIB - 1]);
    expect(more).toEqual([]);
    expect(first?.options).toMatchObject({
      headers: { "accept-encoding": "identity", "user-agent": "test/1" },
      publicOnly: false,
      maxRedirects: 5,
    });
  });

  it("asks for more at once from a fast server", () => {
    const set = open(100 * MIB);
    const lengths: number[] = [];
    while (set.host.sent.length > 0) {
      const request = set.host.next();
      lengths.push(request.range[1] - request.range[0] + 1);
      request.serve(set.swarm.bytes);
      set.host.pass(20);
    }
    expect(set.swarm.isComplete).toBe(true);
    expect(lengths[0]).toBe(MIB);
    expect(Math.max(...lengths)).toBe(16 * MIB);
    expect(lengths.length).toBeLessThan(14);
  });

  it("asks for many small files at a time, delivers them in order, and never for pads", () => {
    const files = Array.from({ length: 40 }, (_, i) => [
      { path: [`f${i}`], length: 1000 + i },
      { path: [`empty${i}`], length: 0 },
      { path: [".pad", String(i)], length: 16_384 - 1000 - i, pad: true },
    ]).flat();
    const set = open(files, ["http://a.example/pub"]);
    expect(set.host.sent.map(({ url }) => url)).toEqual(
      [0, 1, 2, 3].map((i) => `http://a.example/pub/some%20name/f${i}`),
    );
    while (set.host.sent.length > 0) {
      // Later ones begin first, and wait.
      const requests = set.host.take();
      for (const request of requests.toReversed()) {
        const i = Number(/f(\d+)$/.exec(request.url)?.[1]);
        request.begin(set.swarm.bytes.subarray(i * 16_384, i * 16_384 + 1000 + i));
      }
      for (const request of requests) {
        expect(request.isPaused).toBe(false);
        const i = Number(/f(\d+)$/.exec(request.url)?.[1]);
        request.answer.data(set.swarm.bytes.subarray(i * 16_384, i * 16_384 + 1000 + i));
        request.answer.end();
      }
    }
    expect(set.swarm.isComplete).toBe(true);
  });

  it("fills padding without a request", () => {
    const set = open([
      { path: ["a"], length: 1 },
      { path: ["pad"], length: 64 * MIB - 1, pad: true },
      { path: ["b"], length: 1 },
    ]);
    const [a, ...more] = set.host.take();
    expect([a?.url, more]).toEqual(["http://a.example/f/some%20name/a", []]);
    a?.serve(set.swarm.bytes.subarray(0, 1));
    const b = set.host.next();
    expect([b.url, set.host.sent]).toEqual(["http://a.example/f/some%20name/b", []]);
    b.serve(set.swarm.bytes.subarray(-1));
    expect(set.swarm.isComplete).toBe(true);
  });

  it("asks scripts for pieces and ranges of them", () => {
    const set = open(150_000, [], ["http://a.example/seed.php"]);
    const sent: string[] = [];
    while (set.host.sent.length > 0) {
      const { url, answer } = set.host.next();
      const { searchParams } = new URL(url);
      const piece = Number(searchParams.get("piece"));
      sent.push(String(piece));
      const bytes = set.swarm.bytes.subarray(piece * 65_536, (piece + 1) * 65_536);
      expect(searchParams.get("ranges")).toBe(null);
      expect(answer.head({ status: 200, headers: {} })).toBe(true);
      answer.data(bytes);
      answer.end();
    }
    expect(sent).toEqual(["0", "1", "2"]);
    expect(set.swarm.isComplete).toBe(true);
  });

  it("asks a few of many mirrors, each once, and no bad ones", () => {
    const mirrors = Array.from({ length: 50 }, (_, i) => `http://m${i}.example/f`);
    const set = open(64 * MIB, ["ftp://x/", "http://127.0.0.1/?q", ...mirrors, ...mirrors]);
    expect(set.swarm.openLanes.length).toBe(4);
    expect(new Set(set.swarm.lanes.map(({ name }) => name)).size).toBe(4);
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_URL", "ERR_WEBSEED_URL"]);
    // One that fails makes room for another.
    set.host.next().answer.failed(new Error("refused"));
    expect(set.swarm.lanes.length).toBe(5);
    expect(set.swarm.openLanes.length).toBe(4);
  });

  it("has nothing to do without URLs", () => {
    const host = new TestHost();
    expect(host.source.open(new TestSwarm(testTorrent(1), {}))).toBe(undefined);
    const swarm = new TestSwarm(testTorrent(1), { web: ["gopher://x"] });
    expect(host.source.open(swarm)).toBe(undefined);
  });

  it("shows users no passwords", () => {
    const set = open(100, ["http://user:secret@a.example/f"]);
    expect(set.lane().name).toBe("http://a.example/f");
    expect(set.host.sent[0]?.url).toBe("http://user:secret@a.example/f");
  });
});

describe("the pace", () => {
  it("stops the server while the lane is not drained", () => {
    const set = open(4 * MIB);
    const lane = set.lane();
    const [first, second] = set.host.take();
    first?.begin(set.swarm.bytes);
    second?.begin(set.swarm.bytes);
    expect([first?.isPaused, second?.isPaused]).toEqual([false, true]);
    lane.isReady = false;
    first?.answer.data(set.swarm.bytes.subarray(0, 100));
    expect(first?.isPaused).toBe(true);
    lane.drain();
    expect([first?.isPaused, second?.isPaused]).toEqual([false, true]);
    first?.answer.data(set.swarm.bytes.subarray(100, MIB));
    first?.answer.end();
    expect(second?.isPaused).toBe(false);
    second?.answer.data(set.swarm.bytes.subarray(MIB, MIB + 1));
    expect(lane.total).toBe(MIB + 1);
  });

  it("waits when nothing is wanted, and goes on when something is", () => {
    const set = open(MIB);
    const other = set.swarm.take(MIB, () => true);
    const [request] = set.host.take();
    request?.serve(set.swarm.bytes);
    expect([set.host.sent, other]).toEqual([[], []]);
    set.host.pass(3_600_000);
    expect(set.lane().isOpen).toBe(true);
    const back = [{ piece: 0, offset: 0, length: 16_384 }];
    set.swarm.giveBack(back);
    set.lane().wake();
    expect(set.host.next().range).toEqual([0, 16_383]);
  });

  it("gives up a server that sends next to nothing, but not for our own slowness", () => {
    const set = open(4 * MIB);
    const [first] = set.host.take();
    first?.begin(set.swarm.bytes);
    first?.answer.data(set.swarm.bytes.subarray(0, 20_000));
    set.host.pass(31_000);
    set.lane().isReady = false;
    first?.answer.data(set.swarm.bytes.subarray(20_000, 20_001));
    set.host.pass(300_000);
    set.lane().drain();
    set.host.pass(30_000);
    expect(set.swarm.codes).toEqual([]);
    set.host.pass(31_000);
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_SLOW"]);
    expect(first?.isCancelled).toBe(true);
  });

  it("ends at once", () => {
    const set = open(4 * MIB);
    const requests = set.host.take();
    requests[0]?.begin(set.swarm.bytes);
    set.feed.close();
    expect(requests.map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
    expect(set.swarm.openLanes).toEqual([]);
    expect(set.host.deadlines.size).toBe(0);
  });

  it("ends with the service", async () => {
    const set = open(4 * MIB);
    await set.host.source.close();
    expect(set.swarm.openLanes).toEqual([]);
  });
});

describe("failures", () => {
  it("rests longer after each, gives back what it took, and recovers", () => {
    const set = open(4 * MIB);
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      set.host.next().answer.failed(new Error("connection refused"));
      expect(set.swarm.openLanes).toEqual([]);
      expect(set.host.take().every(({ isCancelled }) => isCancelled)).toBe(true);
      const before = set.host.now;
      while (set.host.sent.length === 0) set.host.pass(100);
      waits.push(set.host.now - before);
    }
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(5000 * 2 ** i);
      expect(wait).toBeLessThanOrEqual(6350 * 2 ** i);
    }
    expect(set.swarm.codes).toEqual(Array(4).fill("ERR_WEBSEED_UNREACHABLE"));
    serveAll(set);
    expect(set.swarm.isComplete).toBe(true);
  });

  it("goes on where an answer broke off", () => {
    const set = open(4 * MIB);
    const [first, second] = set.host.take();
    first?.begin(set.swarm.bytes);
    first?.answer.data(set.swarm.bytes.subarray(0, 100_000));
    first?.answer.failed(new Error("reset"));
    expect(second?.isCancelled).toBe(true);
    expect(set.host.sent.map(({ range }) => range)).toEqual([
      [100_000, MIB - 1],
      [MIB, 2 * MIB - 1],
    ]);
    serveAll(set);
    expect(set.swarm.isComplete).toBe(true);
    expect([set.swarm.codes, set.swarm.lanes.length]).toEqual([[], 1]);
  });

  it("also when it ended too early, but not forever for nothing", () => {
    const set = open(4 * MIB);
    const [first] = set.host.take();
    first?.begin(set.swarm.bytes);
    first?.answer.data(set.swarm.bytes.subarray(0, 50_000));
    first?.answer.end();
    const next = set.host.next();
    expect(next.range).toEqual([50_000, MIB - 1]);
    next.begin(set.swarm.bytes);
    next.answer.data(set.swarm.bytes.subarray(50_000, 50_001));
    next.answer.end();
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_RANGE"]);
    expect(set.swarm.openLanes).toEqual([]);
  });

  it("refuses more bytes than it asked for", () => {
    const set = open(100);
    const { answer } = set.host.next();
    answer.head({ status: 206, headers: { "content-range": "bytes 0-99/100" } });
    answer.data(new Uint8Array(101));
    expect([set.lane().total, set.swarm.codes]).toEqual([0, ["ERR_WEBSEED_RANGE"]]);
  });

  it("deals with a failure when its turn comes", () => {
    const set = open(4 * MIB);
    const [first, second] = set.host.take();
    second?.answer.head({ status: 500, headers: {} });
    expect(set.lane().isOpen).toBe(true);
    first?.serve(set.swarm.bytes);
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_STATUS"]);
    expect(set.swarm.lanes[0]?.total).toBe(MIB);
  });

  it.each([429, 503])(
    "leaves a server alone that says %i, then asks one thing at a time",
    (status) => {
      const set = open(8 * MIB);
      const [first] = set.host.take();
      expect(first?.answer.head({ status, headers: {}, retryAfter: 600 })).toBe(false);
      set.host.pass(600_000 - 1);
      expect(set.host.sent).toEqual([]);
      while (set.host.sent.length === 0) set.host.pass(100);
      expect(set.host.now).toBeLessThan(1_000_000 + 751_000);
      expect(set.host.sent.length).toBe(1);
    },
  );

  it("reads how long a script wants to be left alone", () => {
    const set = open(100, [], ["http://a.example/seed.php"]);
    const { answer } = set.host.next();
    expect(answer.head({ status: 503, headers: {} })).toBe(true);
    answer.data(new TextEncoder().encode("12"));
    answer.data(new TextEncoder().encode("0\n"));
    answer.end();
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_STATUS"]);
    set.host.pass(119_000);
    expect(set.host.sent).toEqual([]);
    set.host.pass(32_000);
    expect(set.host.sent.length).toBe(1);
  });

  it("does not read a long answer that should be a number", () => {
    const set = open(100, [], ["http://a.example/seed.php"]);
    const request = set.host.next();
    request.answer.head({ status: 503, headers: {} });
    request.answer.data(new Uint8Array(1000));
    expect([request.isCancelled, set.swarm.codes]).toEqual([true, ["ERR_WEBSEED_STATUS"]]);
  });

  it("leaves a host alone for all torrents", () => {
    const set = open(100, ["http://a.example/f"]);
    set.host.next().answer.failed(new Error("refused"));
    const other = new TestSwarm(testTorrent(200), { web: ["http://a.example/g"] });
    set.host.source.open(other);
    expect(set.host.sent).toEqual([]);
    set.host.pass(10_000);
    expect(set.host.sent.map(({ url }) => url).sort()).toEqual([
      "http://a.example/f",
      "http://a.example/g",
    ]);
  });
});

describe("what a server lacks", () => {
  const files = ["a", "b", "c"].map((path) => ({ path: [path], length: 65_536 }));

  it("is not asked for again, others' files are", () => {
    const set = open(files, ["http://a.example/"]);
    const asked: string[] = [];
    while (set.host.sent.length > 0) {
      const request = set.host.next();
      if (request.isCancelled) continue;
      const file = request.url.at(-1) ?? "";
      asked.push(file);
      const at = "abc".indexOf(file) * 65_536;
      if (file === "b") request.answer.head({ status: 404, headers: {} });
      else request.serve(set.swarm.bytes.subarray(at, at + 65_536));
    }
    expect(asked).toEqual(["a", "b", "c"]);
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_STATUS"]);
    expect([...set.lane().lacking]).toEqual([1]);
    expect(set.lane().isOpen).toBe(true);
    // Nor after a failure.
    set.swarm.giveBack([{ piece: 0, offset: 0, length: 16_384 }]);
    set.lane().wake();
    set.host.next().answer.failed(new Error("reset"));
    set.host.pass(10_000);
    expect([...set.lane().lacking]).toEqual([1]);
  });

  it("is asked of one more server, however many there are", async () => {
    const mirrors = Array.from({ length: 6 }, (_, i) => `http://m${i}.example/`);
    const set = open(files, mirrors);
    const hosts = new Set<string>();
    for (let turns = 0; turns < 100 && !set.swarm.isComplete; turns++) {
      // Lanes hear in a turn of their own that something is to be had.
      await Promise.resolve();
      const request = set.host.sent.shift();
      if (request === undefined || request.isCancelled) continue;
      const { host, pathname } = new URL(request.url);
      hosts.add(host);
      const at = "abc".indexOf(pathname.at(-1) ?? "") * 65_536;
      // The sixth that is asked is the only one that has this file.
      const isLacking = pathname.endsWith("b") && hosts.size < 6;
      if (isLacking) request.answer.head({ status: 404, headers: {} });
      else request.serve(set.swarm.bytes.subarray(at, at + 65_536));
    }
    expect(set.swarm.isComplete).toBe(true);
    expect([hosts.size, set.swarm.openLanes.length]).toEqual([6, 6]);
  });

  it("is nothing of a script: it only fails", () => {
    const set = open(files, [], ["http://a.example/seed.php"]);
    const error = Object.assign(new Error("not followed"), { code: "ERR_NET_REDIRECT" });
    set.host.next().answer.failed(error);
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_UNREACHABLE"]);
    expect([...set.lane().lacking]).toEqual([]);
  });

  it("a redirect that is not followed counts as lacking", () => {
    const set = open(files, ["http://a.example/"]);
    const error = Object.assign(new Error("not followed"), { code: "ERR_NET_REDIRECT" });
    set.host.next().answer.failed(error);
    expect([...set.lane().lacking]).toEqual([0]);
  });

  it("a server without any of the files is asked again after half an hour", () => {
    const set = open(MIB);
    set.host.next().answer.head({ status: 404, headers: {} });
    expect(set.swarm.codes).toEqual(["ERR_WEBSEED_STATUS", "ERR_WEBSEED_EMPTY"]);
    set.host.take();
    set.host.pass(29 * 60_000);
    expect(set.host.sent).toEqual([]);
    set.host.pass(2 * 60_000);
    serveAll(set);
    expect(set.swarm.isComplete).toBe(true);
  });

  it("is not found out file by file where nothing is", () => {
    const many = Array.from({ length: 200 }, (_, i) => ({ path: [`${i}`], length: 65_536 }));
    const set = open(many, ["http://a.example/"]);
    let requests = 0;
    for (; set.host.sent.length > 0; requests++) {
      const request = set.host.next();
      if (!request.isCancelled) request.answer.head({ status: 404, headers: {} });
    }
    expect(requests).toBeLessThan(100);
    expect(set.swarm.openLanes).toEqual([]);
  });
});

it("never uses a server again whose data was wrong", () => {
  const set = open(4 * MIB, ["http://a.example/f", "http://b.example/f"]);
  const lane = set.lane();
  lane.ban();
  expect(set.swarm.codes).toEqual(["ERR_WEBSEED_BANNED"]);
  set.host.pass(86_400_000);
  expect(set.swarm.lanes.filter(({ name }) => name === lane.name)).toEqual([lane]);
  set.feed.close();
  set.host.source.open(set.swarm);
  expect(set.swarm.lanes.filter(({ name }) => name === lane.name)).toEqual([lane]);
});
