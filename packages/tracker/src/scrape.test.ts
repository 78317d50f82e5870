// Scrapes: which URL, what is read, and what feeds and the source make of it.
import { encode } from "@shoal/bencode";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { MINUTE, ok, reply, SECOND, World } from "../testing/world.ts";
import { TrackerError } from "./error.ts";
import type { HttpAnswer } from "./host.ts";
import { buildScrapeUrl, MAX_SCRAPE, parseHttpScrape } from "./scrape.ts";
import { parseTrackerUrl } from "./tracker-url.ts";

const hashOf = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);
const A = hashOf(0x61);
const B = hashOf(0x62);

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe("buildScrapeUrl", () => {
  const hash = `info_hash=${"a".repeat(20)}`;

  it.each([
    ["http://t.example/announce", `http://t.example/scrape?${hash}`],
    ["https://t.example:1/x/announce.php", `https://t.example:1/x/scrape.php?${hash}`],
    ["http://t.example/announce/announce?k=1", `http://t.example/announce/scrape?k=1&${hash}`],
    ["http://t.example/announce?a=/announce&", `http://t.example/scrape?a=/announce&${hash}`],
    ["http://t.example/x%064announce", undefined],
    ["http://t.example/a", undefined],
    ["http://t.example/announce/x", undefined],
    ["http://announce.example/x?announce", undefined],
  ])("makes of %s %s", (url, scrape) => {
    expect(buildScrapeUrl(parseTrackerUrl(url), [A])).toBe(scrape);
  });

  it("names every hash", () => {
    expect(buildScrapeUrl(parseTrackerUrl("http://t.example/announce"), [A, hashOf(0)])).toBe(
      `http://t.example/scrape?${hash}&info_hash=${"%00".repeat(20)}`,
    );
  });
});

describe("parseHttpScrape", () => {
  it("reads BEP 48's example", () => {
    const [x, y] = [bytes("x".repeat(20)), bytes("y".repeat(20))];
    const body =
      "d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19ee" +
      "20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20eeee";
    expect(parseHttpScrape(bytes(body), [y, x])).toEqual([
      { infoHash: y, seeders: 21, downloads: 206, leechers: 20 },
      { infoHash: x, seeders: 11, downloads: 13_772, leechers: 19 },
    ]);
  });

  it("leaves open what the tracker does not say", () => {
    const files = new Map([["a".repeat(20), { complete: -1 }]]);
    expect(parseHttpScrape(encode({ files }), [A, B])).toEqual([
      { infoHash: A, seeders: 0, leechers: undefined, downloads: undefined },
      { infoHash: B, seeders: undefined, leechers: undefined, downloads: undefined },
    ]);
  });

  it.each([
    ["d14:failure reason2:noe", "ERR_TRACKER_REFUSED"],
    ["de", "ERR_TRACKER_MALFORMED"],
    ["d5:fileslee", "ERR_TRACKER_MALFORMED"],
    ["<html>", "ERR_TRACKER_MALFORMED"],
  ])("refuses %j", (body, code) => {
    expect(() => parseHttpScrape(bytes(body), [A])).toThrow(expect.objectContaining({ code }));
  });

  it("throws nothing but TrackerError, whatever the body", () => {
    const counts = fc.dictionary(fc.constantFrom("complete", "incomplete"), fc.anything());
    const body = fc.oneof(
      fc.uint8Array(),
      counts.map((swarm) => encodable({ files: { ["a".repeat(20)]: swarm } })),
    );
    fc.assert(
      fc.property(body, (body) => {
        try {
          expect(parseHttpScrape(body, [A])).toHaveLength(1);
        } catch (error) {
          expect(error).toBeInstanceOf(TrackerError);
        }
      }),
    );
  });
});

/** Encodes what can be; nothing at all otherwise. */
function encodable(value: unknown): Uint8Array {
  try {
    return encode(value as never);
  } catch {
    return new Uint8Array();
  }
}

let world: World;

beforeEach(() => {
  world = new World();
  world.answer = ({ path, query }) => (path === "/scrape" ? counts(query) : ok());
});

function counts(query: URLSearchParams): HttpAnswer {
  const files = new Map(
    query.getAll("info_hash").map((hash) => [hash, { complete: 7, downloaded: 9, incomplete: 8 }]),
  );
  return reply(200, encode({ files }));
}

describe("TrackerSource.scrape", () => {
  it("asks for many in several questions, and tells them in order", async () => {
    const hashes = Array.from({ length: 2 * MAX_SCRAPE + 1 }, (_, i) => hashOf(i % 100));
    const scraped = world.source.scrape("http://a.example/announce?pass=1", hashes);
    await world.advance(SECOND);
    const found = await scraped;
    expect(found.map(({ infoHash }) => infoHash)).toEqual(hashes);
    expect(found[3]).toEqual({ infoHash: hashOf(3), seeders: 7, leechers: 8, downloads: 9 });
    const asked = world.requests.map(({ query }) => query.getAll("info_hash").length);
    expect(asked).toEqual([MAX_SCRAPE, MAX_SCRAPE, 1]);
    expect(world.requests[0]?.query.get("pass")).toBe("1");
    expect(world.deadlines.size).toBe(0);
  });

  it("tries the other family if one is out of reach", async () => {
    const scrape = (): Promise<unknown> => world.source.scrape("http://a.example/announce", [A]);
    world.addresses = { a: ["2001:db8::1"] };
    await expect(scrape()).resolves.toHaveLength(1);
    world.addresses = { b: ["192.0.2.1", "2001:db8::1"] };
    world.answer = ({ family, query }) => (family === 4 ? new Error("down") : counts(query));
    await expect(world.source.scrape("http://b.example/announce", [A])).resolves.toHaveLength(1);
    expect(world.requests.map(({ family }) => family)).toEqual([6, 4, 6]);
    world.answer = () => new Error("down");
    await expect(scrape()).rejects.toMatchObject({ code: "ERR_TRACKER_UNREACHABLE" });
  });

  it.each([
    ["http://a.example/a", [A], "ERR_TRACKER_NO_SCRAPE"],
    ["ws://a.example/announce", [A], "ERR_TRACKER_URL"],
    ["http://a.example/announce", [new Uint8Array(32)], "ERR_TRACKER_OPTION"],
  ])("refuses %s", async (url, hashes, code) => {
    await expect(world.source.scrape(url, hashes)).rejects.toMatchObject({ code });
    expect(world.requests).toEqual([]);
  });

  it("ends with its signal, and with the source", async () => {
    world.answer = () => "hang";
    const abort = new AbortController();
    const url = "http://a.example/announce";
    const aborted = world.source.scrape(url, [A], { signal: abort.signal });
    const closed = world.source.scrape(url, [A]);
    abort.abort();
    await expect(aborted).rejects.toBeInstanceOf(TrackerError);
    await world.source.close();
    await expect(closed).rejects.toMatchObject({ code: "ERR_TRACKER_CLOSED" });
    expect(world.deadlines.size).toBe(0);
  });
});

describe("TrackerFeed.scrape", () => {
  it("asks those who answered announces until one tells", async () => {
    world = new World({ announceToAllTiers: true });
    world.answer = ({ host, path, query }) => {
      if (host === "a") return new Error("down");
      return path === "/scrape" && host === "c" ? counts(query) : ok();
    };
    const feed = world.open([["a"], ["b"], ["c"], ["d"]], A);
    await expect(feed.scrape()).rejects.toMatchObject({ code: "ERR_TRACKER_NO_SCRAPE" });
    await world.advance();
    world.requests.length = 0;
    const expected = { seeders: 7, leechers: 8, downloads: 9 };
    expect(await feed.scrape()).toEqual({ infoHash: A, ...expected });
    expect(world.requests.map(({ host, path }) => host + path)).toEqual(["b/scrape", "c/scrape"]);
    expect(feed.status()[2]).toMatchObject(expected);
    await world.advance(MINUTE);
    expect(feed.status()[2]).toMatchObject(expected);
  });

  it("fails with the last one's reason", async () => {
    const feed = world.open([["a"]], A);
    await world.advance();
    world.answer = () => reply(200, "d14:failure reason2:noe");
    await expect(feed.scrape()).rejects.toMatchObject({ code: "ERR_TRACKER_REFUSED" });
    await expect(feed.scrape({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(TrackerError);
  });
});

it("lets no name lead to a path of this host that is no announce's", async () => {
  world.open([["http://a.example/announce"], ["http://b.example/a"]]);
  world.answer = ({ host }) => (host === "a" ? new Error("down") : ok());
  await world.advance();
  expect(world.requests.map(({ host, refuseLoopback }) => [host, refuseLoopback])).toEqual([
    ["a", false],
    ["b", true],
  ]);
});
