// UDP datagrams against the layouts of BEP 15 and BEP 41.
import { concatBytes, fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnnounceRequest, MAX_PEERS } from "./announce.ts";
import { TrackerError } from "./error.ts";
import {
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
  MAX_URL_DATA,
  parseUdpAnswer,
  parseUrlData,
  UDP_ANNOUNCE_SIZE,
  udpTransaction,
} from "./udp-codec.ts";

const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0xbb),
  port: 6881,
  uploaded: 3,
  downloaded: 2 ** 33,
  left: undefined,
  event: "stopped",
  numWant: 0,
  key: 0xfedcba98,
};

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(" ", "")) ?? new Uint8Array();

describe("requests", () => {
  it("asks for a connection", () => {
    expect(toHex(encodeUdpConnect(0xdeadbeef))).toBe("000004172710198000000000deadbeef");
  });

  it("lays an announce out as BEP 15 says", () => {
    const bytes = encodeUdpAnnounce(0x1122334455667788n, 0xdeadbeef, REQUEST, "");
    expect(toHex(bytes)).toBe(
      toHex(
        hex(
          `1122334455667788 00000001 deadbeef ${"aa".repeat(20)} ${"bb".repeat(20)}` +
            "0000000200000000 0000000000004000 0000000000000003" +
            "00000003 00000000 fedcba98 00000000 1ae1",
        ),
      ),
    );
  });

  it("lays a scrape out as BEP 15 says", () => {
    const hashes = [REQUEST.infoHash, REQUEST.peerId];
    expect(encodeUdpScrape(0x1122334455667788n, 0xdeadbeef, hashes)).toEqual(
      hex(`1122334455667788 00000002 deadbeef ${"aa".repeat(20)} ${"bb".repeat(20)}`),
    );
  });

  it("appends the path as BEP 41's example says", () => {
    const bytes = encodeUdpAnnounce(0n, 0, REQUEST, "/dir?a=b&c=d");
    expect(new TextDecoder().decode(bytes.subarray(UDP_ANNOUNCE_SIZE))).toBe(
      "\u0002\u000c/dir?a=b&c=d",
    );
  });

  it("reads back any path, in as many options as it takes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: MAX_URL_DATA }), (path) => {
        const ascii = path.replace(/[^ -~]/g, "x");
        expect(parseUrlData(encodeUdpAnnounce(0n, 0, REQUEST, ascii))).toBe(ascii);
      }),
    );
    const long = "/".repeat(5000);
    expect(parseUrlData(encodeUdpAnnounce(0n, 0, REQUEST, long))).toHaveLength(MAX_URL_DATA);
  });

  it.each([
    ["02 03 612f62 01 01 00 02 01 78", "a/b"],
    ["02 00", ""],
    ["07 02 ffff 02 01 61 02 02 6262", "abb"],
    ["02 ff 61", ""],
    ["02", ""],
    ["07", ""],
  ])("reads the options %s", (options, path) => {
    expect(parseUrlData(concatBytes([new Uint8Array(UDP_ANNOUNCE_SIZE), hex(options)]))).toBe(path);
  });
});

describe("parseUdpAnswer", () => {
  it("reads a connection id", () => {
    expect(parseUdpAnswer(hex("00000000 00000007 fedcba9876543210 ffff"), 4)).toEqual({
      action: "connect",
      transaction: 7,
      connection: 0xfedcba9876543210n,
    });
  });

  it("reads an announce by the family of the socket", () => {
    const head = "00000001 00000007 00000384 00000002 00000005";
    expect(parseUdpAnswer(hex(`${head} c0000201 1ae1 c0000202 0000 ffff`), 4)).toMatchObject({
      answer: {
        interval: 900,
        minInterval: 60,
        leechers: 2,
        seeders: 5,
        peers: [{ address: "192.0.2.1", port: 6881 }],
      },
    });
    const v6 = "20010db8000000000000000000000001";
    expect(parseUdpAnswer(hex(`${head} ${v6} 1ae1`), 6)).toMatchObject({
      answer: { peers: [{ address: "2001:db8::1", port: 6881 }] },
    });
  });

  it("brings numbers into range", () => {
    expect(parseUdpAnswer(hex("00000001 00000007 ffffffff ffffffff 80000000"), 4)).toMatchObject({
      answer: { interval: 60, leechers: 0, seeders: 0, peers: [] },
    });
  });

  it("takes so many peers and no more", () => {
    const bytes = new Uint8Array(20 + 6 * 10_000).fill(1);
    bytes.set([0, 0, 0, 1]);
    const parsed = parseUdpAnswer(bytes, 4);
    expect(parsed.action === "announce" && parsed.answer.peers.length).toBe(MAX_PEERS);
  });

  it("reads the swarms of a scrape, and no torn one", () => {
    const swarms = "00000005 00000007 00000006 00000008 0000000a ffffffff 000000";
    expect(parseUdpAnswer(hex(`00000002 00000007 ${swarms}`), 4)).toEqual({
      action: "scrape",
      transaction: 7,
      swarms: [
        { seeders: 5, downloads: 7, leechers: 6 },
        { seeders: 8, downloads: 10, leechers: 0 },
      ],
    });
  });

  it("reads an error as printable text", () => {
    expect(parseUdpAnswer(hex("00000003 00000007 6e6f1b0a"), 4)).toMatchObject({ message: "no??" });
  });

  it.each([
    ["", "at least 8 bytes, got 0"],
    ["00000001 000000", "at least 8 bytes, got 7"],
    ["00000000 00000007 00", "at least 16 bytes, got 9"],
    ["00000001 00000007 00", "at least 20 bytes, got 9"],
    ["00000004 00000007", "action 0–3, got 4"],
  ])("refuses %j", (text, message) => {
    expect(() => parseUdpAnswer(hex(text), 4)).toThrow(
      expect.objectContaining({
        code: "ERR_TRACKER_MALFORMED",
        message: expect.stringContaining(message),
      }),
    );
  });

  it("throws nothing but TrackerError, whatever the datagram", () => {
    const action = fc.nat(4).map((action) => Uint8Array.of(0, 0, 0, action));
    const datagram = fc.tuple(action, fc.uint8Array({ maxLength: 80 })).map(concatBytes);
    fc.assert(
      fc.property(fc.oneof(datagram, fc.uint8Array()), fc.constantFrom(4, 6), (bytes, family) => {
        // A view into a larger buffer, as sockets deliver it.
        const view = concatBytes([Uint8Array.of(9), bytes]).subarray(1);
        try {
          expect(parseUdpAnswer(view, family).transaction).toBe(udpTransaction(view));
        } catch (error) {
          expect(error).toBeInstanceOf(TrackerError);
        }
        expect(parseUrlData(view)).toBeTypeOf("string");
      }),
      { numRuns: 1000 },
    );
  });
});
