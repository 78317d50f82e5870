// HTTP announces: the URL, and answers of good, sloppy and hostile trackers.
import { encode } from "@shoal/bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnnounceRequest, MAX_PEERS } from "./announce.ts";
import { TrackerError } from "./error.ts";
import { buildAnnounceUrl, parseHttpAnnounce } from "./http-announce.ts";
import { parseTrackerUrl } from "./tracker-url.ts";

const REQUEST: AnnounceRequest = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => i * 13),
  peerId: new TextEncoder().encode("-SH0001-abc~._-&=+ %"),
  port: 6881,
  uploaded: 1,
  downloaded: 2 ** 40,
  left: undefined,
  event: "started",
  numWant: 200,
  key: 0xab,
};

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function build(url: string, changes: Partial<AnnounceRequest> = {}): URL {
  return new URL(buildAnnounceUrl(parseTrackerUrl(url), { ...REQUEST, ...changes }));
}

describe("buildAnnounceUrl", () => {
  it("says everything", () => {
    expect(buildAnnounceUrl(parseTrackerUrl("http://t.example/announce"), REQUEST)).toBe(
      "http://t.example/announce" +
        "?info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7" +
        "&peer_id=-SH0001-abc~._-%26%3D%2B%20%25" +
        "&port=6881&uploaded=1&downloaded=1099511627776&left=16384&key=000000ab&numwant=200" +
        "&compact=1&no_peer_id=1&event=started",
    );
  });

  it("keeps the tracker's own query", () => {
    expect(build("http://t.example/announce?passkey=x%2Fy").search).toMatch(
      /^\?passkey=x%2Fy&info_hash=/,
    );
    expect(build("http://t.example/announce?a&").search).toMatch(/^\?a&info_hash=/);
    expect(build("http://t.example/announce?").search).toMatch(/^\?info_hash=/);
  });

  it("leaves out what there is none of, and sends a tracker id back", () => {
    const url = build("http://t.example/a", { event: undefined, left: 0, trackerId: bytes("é&1") });
    expect(url.searchParams.has("event")).toBe(false);
    expect(url.searchParams.get("left")).toBe("0");
    expect(url.search).toContain("&trackerid=%E9%261");
  });

  it("never sends a negative or broken count", () => {
    const url = build("http://t.example/a", { uploaded: -1, downloaded: Number.NaN, left: 1.5 });
    expect(url.search).toContain("&uploaded=0&downloaded=0&left=1&");
  });
});

describe("parseHttpAnnounce", () => {
  it("reads BEP 7's example", () => {
    const answer = parseHttpAnnounce(
      bytes("d8:intervali1800e5:peers6:iiiipp6:peers618:iiiiiiiiiiiiiiiippe"),
    );
    expect(answer.interval).toBe(1800);
    expect(answer.peers).toEqual([
      { address: "105.105.105.105", port: 28784 },
      { address: "6969:6969:6969:6969:6969:6969:6969:6969", port: 28784 },
    ]);
  });

  it("reads all there is", () => {
    expect(
      parseHttpAnnounce(
        encode({
          complete: 3,
          "external ip": Uint8Array.of(203, 0, 113, 9),
          incomplete: 4,
          interval: 900,
          "min interval": 300,
          peers: Uint8Array.of(192, 0, 2, 1, 0x1a, 0xe1),
          "tracker id": "abc",
          "warning message": "be\u001b[31mware",
        }),
      ),
    ).toEqual({
      seeders: 3,
      leechers: 4,
      interval: 900,
      minInterval: 300,
      peers: [{ address: "192.0.2.1", port: 6881 }],
      trackerId: bytes("abc"),
      warning: "be?[31mware",
      externalIp: "203.0.113.9",
    });
  });

  it("keeps nothing of the body, also if it is a Node buffer", () => {
    const body = Buffer.from(encode({ interval: 900, "tracker id": "abc" }));
    const { trackerId } = parseHttpAnnounce(body);
    body.fill(0);
    expect(trackerId).toEqual(bytes("abc"));
  });

  it("reads peers as dictionaries, without host names and nonsense", () => {
    const { peers } = parseHttpAnnounce(
      encode({
        peers: [
          { ip: "192.0.2.1", port: 1 },
          { ip: "2001:DB8:0::1", port: 2, "peer id": "x" },
          { ip: "peer.example", port: 3 },
          { ip: "192.0.2.2", port: 70000 },
          { ip: "192.0.2.2", port: -1 },
          { ip: "192.0.2.2" },
          "192.0.2.2",
          7,
        ],
      }),
    );
    expect(peers).toEqual([
      { address: "192.0.2.1", port: 1 },
      { address: "2001:db8::1", port: 2 },
    ]);
  });

  it("drops peers that nobody can be", () => {
    const { peers } = parseHttpAnnounce(
      encode({ peers: Uint8Array.of(1, 2, 3, 4, 0, 0, 224, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1) }),
    );
    expect(peers).toEqual([]);
  });

  it.each([
    [undefined, undefined, 1800, 60],
    [0, 0, 60, 60],
    [-5, -5, 60, 60],
    [2 ** 60, 2 ** 60, 86400, 86400],
    [1e9, 1e9, 86400, 86400],
    [100, 900, 100, 100],
  ])(
    "brings interval %s and min interval %s into range",
    (given, givenMin, interval, minInterval) => {
      const body = encode({
        interval: given === undefined ? undefined : BigInt(given),
        "min interval": givenMin === undefined ? undefined : BigInt(givenMin),
      });
      expect(parseHttpAnnounce(body)).toMatchObject({ interval, minInterval });
    },
  );

  it.each([
    [{ "failure reason": "no such torrent" }, undefined],
    [{ "failure reason": "no", "retry in": "5" }, 300],
    [{ "failure reason": "no", "retry in": 5 }, 300],
    [{ "failure reason": "no", "retry in": "never" }, Number.POSITIVE_INFINITY],
    [{ "failure reason": "no", "retry in": "soon" }, undefined],
    [{ "failure reason": "no", "retry in": -1 }, undefined],
  ])("throws the failure %j", (body, retryAfter) => {
    expect(() => parseHttpAnnounce(encode(body))).toThrow(
      expect.objectContaining({ code: "ERR_TRACKER_REFUSED", retryAfter }),
    );
  });

  it("tolerates what follows the answer", () => {
    expect(parseHttpAnnounce(bytes("d8:intervali900ee\r\n")).interval).toBe(900);
  });

  it("takes so many peers and no more", () => {
    const million = new Uint8Array(6_000_000).fill(1);
    expect(parseHttpAnnounce(encode({ peers: million })).peers).toHaveLength(MAX_PEERS);
    const both = encode({ peers: million.subarray(0, 6006), peers6: million.subarray(0, 18018) });
    expect(parseHttpAnnounce(both).peers).toHaveLength(MAX_PEERS);
  });

  it.each(["", "<html>404</html>", "le", "i1e", "d", "d5:peers", `d5:peers${"l".repeat(20)}`])(
    "calls %j malformed",
    (body) => {
      expect(() => parseHttpAnnounce(bytes(body))).toThrow(
        expect.objectContaining({ code: "ERR_TRACKER_MALFORMED" }),
      );
    },
  );

  it("gives up on a body that is all tokens", () => {
    expect(() => parseHttpAnnounce(bytes(`d5:peersl${"de".repeat(500_000)}ee`))).toThrow(
      expect.objectContaining({ code: "ERR_TRACKER_MALFORMED" }),
    );
  });

  it("throws nothing but TrackerError, whatever the body", () => {
    const strings = ["failure reason", "retry in", "warning message", "tracker id", "external ip"];
    const others = ["interval", "min interval", "complete", "incomplete", "peers", "peers6"];
    const keys = fc.constantFrom(...strings, ...others, "ip", "port");
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.integer(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string(),
        fc.uint8Array(),
        fc.array(tie("value")),
        fc.dictionary(keys, tie("value")),
      ),
    }));
    const dictionary = fc.dictionary(keys, value).map((answer) => encode(answer as never));
    fc.assert(
      fc.property(fc.oneof(dictionary, fc.uint8Array()), (body) => {
        try {
          const answer = parseHttpAnnounce(body);
          expect(answer.minInterval).toBeGreaterThanOrEqual(60);
          expect(answer.interval).toBeLessThanOrEqual(86_400);
        } catch (error) {
          expect(error).toBeInstanceOf(TrackerError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
