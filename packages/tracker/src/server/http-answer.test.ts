// The tracker's HTTP answers: good requests, bad ones, and anything at all.
import { decodeDict } from "@shoal/bencode";
import { createRng, decodeCompact } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { percentEncode } from "../http-body.ts";
import { Desk, type TrackerFilter } from "./desk.ts";
import { answerHttp } from "./http-answer.ts";

const HASH = Uint8Array.from({ length: 20 }, (_, i) => (i * 41) & 0xff);
const ID = `peer_id=${"x".repeat(20)}`;
const ANNOUNCE = `/announce?info_hash=${percentEncode(HASH)}&${ID}`;

function deskOf(filter?: TrackerFilter): Desk {
  return new Desk({
    intervalSeconds: 900,
    limits: { maxSwarms: 10, maxPeersPerSwarm: 1000, maxPeers: 1000 },
    filter,
    rng: createRng(1),
    now: () => 0,
  });
}

const ask = (desk: Desk, target: string, address = "192.0.2.1"): ReturnType<typeof decodeDict> =>
  decodeDict(answerHttp(desk, target, address).body, { mode: "strict" });

describe("announce", () => {
  it("gives peers of both families in compact form", () => {
    const desk = deskOf();
    ask(desk, `${ANNOUNCE}&port=1&left=0`);
    ask(desk, `${ANNOUNCE}&port=2&left=5`, "2001:db8::1");
    const answer = ask(desk, `${ANNOUNCE}&port=3&left=5&event=started`, "::ffff:192.0.2.3");
    expect(decodeCompact(answer.bytes("peers") ?? HASH, 4)).toEqual([
      { address: "192.0.2.1", port: 1 },
    ]);
    expect(decodeCompact(answer.bytes("peers6") ?? HASH, 6)).toEqual([
      { address: "2001:db8::1", port: 2 },
    ]);
    expect(
      ["complete", "incomplete", "interval", "min interval"].map((key) => answer.int(key)),
    ).toEqual([1, 2, 900, 60]);
    expect(answer.bytes("external ip")).toEqual(Uint8Array.of(192, 0, 2, 3));
  });

  it("gives dictionaries to those who want no compact form", () => {
    const desk = deskOf();
    ask(desk, `${ANNOUNCE}&port=2`, "2001:db8::1");
    const [peer] = ask(desk, `${ANNOUNCE}&port=3&compact=0`).list("peers") ?? [];
    expect(peer && typeof peer === "object" && "text" in peer && peer.text("ip")).toBe(
      "2001:db8::1",
    );
  });

  it("gives as many as are wanted, 50 by default, 200 at most", () => {
    const desk = deskOf();
    for (let port = 1; port <= 300; port++) ask(desk, `${ANNOUNCE}&port=${port}`);
    const given = (query: string): number =>
      (ask(desk, `${ANNOUNCE}&port=999${query}`).bytes("peers")?.length ?? 0) / 6;
    expect(
      ["", "&numwant=0", "&numwant=7", "&numwant=-1", "&numwant=999999", "&numwant=x"].map(given),
    ).toEqual([50, 0, 7, 50, 200, 50]);
  });

  it("ignores what the query says of the address", () => {
    const desk = deskOf();
    ask(desk, `${ANNOUNCE}&port=1&ip=198.51.100.9&ipv4=198.51.100.9&ipv6=2001:db8::9`);
    const [infoHash] = [HASH].map((hash) => Buffer.from(hash).toString("hex"));
    expect(desk.swarm(infoHash ?? "")?.peers).toEqual([{ address: "192.0.2.1", port: 1 }]);
  });

  it.each([
    ["/announce", "expected an info_hash of 20 bytes"],
    [`/announce?info_hash=abc&${ID}&port=1`, "expected an info_hash of 20 bytes"],
    [`/announce?info_hash=${percentEncode(HASH)}&port=1`, "expected a peer_id of 20 bytes"],
    [ANNOUNCE, "expected a port of 1-65535"],
    [`${ANNOUNCE}&port=0`, "expected a port of 1-65535"],
    [`${ANNOUNCE}&port=65536`, "expected a port of 1-65535"],
    [`${ANNOUNCE}&port=1e3`, "expected a port of 1-65535"],
    [`${ANNOUNCE}&port=-1`, "expected a port of 1-65535"],
  ])("refuses %s", (target, reason) => {
    const desk = deskOf();
    expect(ask(desk, target).text("failure reason")).toBe(reason);
    expect(desk.stats()).toMatchObject({ announces: 0, refused: 1, peers: 0 });
  });

  it("refuses a sender whose address is local to a link", () => {
    expect(ask(deskOf(), `${ANNOUNCE}&port=1`, "fe80::1%eth0").has("failure reason")).toBe(true);
  });

  it("serves what the filter lets through", () => {
    const desk = deskOf(({ path, peer }) => path.endsWith("&pass=1") && peer.port === 7);
    expect(ask(desk, `${ANNOUNCE}&port=7&pass=1`).has("peers")).toBe(true);
    expect(ask(desk, `${ANNOUNCE}&port=7`).text("failure reason")).toBe(
      "this tracker does not serve this torrent",
    );
    expect(desk.stats()).toMatchObject({ announces: 1, refused: 1 });
  });
});

describe("scrape", () => {
  it("counts each swarm once", () => {
    const desk = deskOf();
    ask(desk, `${ANNOUNCE}&port=1&left=5`);
    ask(desk, `${ANNOUNCE}&port=1&left=0&event=completed`);
    const hash = `info_hash=${percentEncode(HASH)}`;
    const files = ask(desk, `/scrape?${hash}&info_hash=${"y".repeat(20)}&${hash}`).dict("files");
    expect(files?.size).toBe(2);
    const counts = (key: Uint8Array | string): unknown[] => {
      const swarm = files?.get(key);
      if (swarm === undefined || typeof swarm !== "object" || !("int" in swarm)) return [];
      return ["complete", "downloaded", "incomplete"].map((name) => swarm.int(name));
    };
    expect(counts(HASH)).toEqual([1, 1, 0]);
    expect(counts("y".repeat(20))).toEqual([0, 0, 0]);
  });

  it.each(["/scrape", "/scrape?info_hash=abc"])("refuses %s", (target) => {
    expect(ask(deskOf(), target).has("failure reason")).toBe(true);
  });
});

it("has no other paths", () => {
  expect(answerHttp(deskOf(), "/", "192.0.2.1").status).toBe(404);
  expect(answerHttp(deskOf(), "/announce/x?", "192.0.2.1").status).toBe(404);
});

const FRAGMENTS = ["%", "%0", "%zz", "%ff", "&", "=", "?", "+", "port=1", "info_hash=", "peer_id="];
FRAGMENTS.push("x".repeat(20), "%00".repeat(20), "left=", "numwant=", "event=started", "compact=0");

it("answers anything", () => {
  const desk = deskOf();
  const part = fc.oneof(fc.string({ unit: "binary-ascii" }), fc.constantFrom(...FRAGMENTS));
  fc.assert(
    fc.property(
      fc.constantFrom("/announce?", "/scrape?", "", ANNOUNCE),
      fc.array(part).map((parts) => parts.join("")),
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      (path, query, address) => {
        const { status, body } = answerHttp(desk, path + query, address);
        if (status === 200) decodeDict(body, { mode: "strict" });
        else expect(status).toBe(404);
      },
    ),
    { numRuns: 500 },
  );
});
