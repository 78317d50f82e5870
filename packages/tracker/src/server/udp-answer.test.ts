// The tracker's datagrams: connection ids, announces, scrapes, and anything at all.
import { concatBytes, createRng, type Endpoint, fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnnounceRequest } from "../announce.ts";
import { encodeUdpAnnounce, encodeUdpConnect, parseUdpAnswer, UDP_ACTION } from "../udp-codec.ts";
import { connectionIds } from "./connection-ids.ts";
import { type AnnounceFacts, Desk } from "./desk.ts";
import { answerUdp } from "./udp-answer.ts";

const FROM: Endpoint = { address: "192.0.2.1", port: 5000 };
const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0xbb),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 5,
  event: "started",
  numWant: -1,
  key: 1,
};

/** A tracker whose clock the test sets. */
class Tracker {
  now = 0;
  readonly asked: AnnounceFacts[] = [];
  readonly desk = new Desk({
    intervalSeconds: 900,
    limits: { maxSwarms: 10, maxPeersPerSwarm: 1000, maxPeers: 1000 },
    filter: (facts) => {
      this.asked.push(facts);
      return facts.path !== "/no";
    },
    rng: createRng(1),
    now: () => this.now,
  });
  readonly #ids = connectionIds(() => this.now);

  answer(bytes: Uint8Array, from = FROM): Uint8Array | undefined {
    return answerUdp(this.desk, this.#ids, bytes, from);
  }

  connect(from = FROM): bigint {
    const answer = this.answer(encodeUdpConnect(7), from) ?? new Uint8Array();
    const parsed = parseUdpAnswer(answer, 4);
    if (parsed.action !== "connect") throw new Error(`expected connect, got ${parsed.action}`);
    return parsed.connection;
  }

  announce(changes: Partial<AnnounceRequest> = {}, from = FROM, path = "/announce"): unknown {
    const request = encodeUdpAnnounce(this.connect(from), 8, { ...REQUEST, ...changes }, path);
    return this.parse(this.answer(request, from), from);
  }

  parse(answer: Uint8Array | undefined, from = FROM): unknown {
    return answer && parseUdpAnswer(answer, from.address.includes(":") ? 6 : 4);
  }
}

describe("connection ids", () => {
  it("are good for one to two minutes, at one endpoint", () => {
    const tracker = new Tracker();
    tracker.now = 59_999;
    const id = tracker.connect();
    const accepted = (from = FROM): unknown =>
      tracker.parse(tracker.answer(encodeUdpAnnounce(id, 8, REQUEST, ""), from));
    expect(accepted()).toMatchObject({ action: "announce" });
    expect(accepted({ ...FROM, port: 5001 })).toMatchObject({ action: "error" });
    expect(accepted({ ...FROM, address: "192.0.2.2" })).toMatchObject({ action: "error" });
    tracker.now = 119_999;
    expect(accepted()).toMatchObject({ action: "announce" });
    tracker.now = 120_000;
    expect(accepted()).toEqual({
      action: "error",
      transaction: 8,
      message: "connection id expired",
    });
  });

  it("differ between trackers and endpoints", () => {
    const tracker = new Tracker();
    expect(tracker.connect()).not.toBe(new Tracker().connect());
    expect(tracker.connect()).not.toBe(tracker.connect({ ...FROM, port: 1 }));
  });
});

describe("announce", () => {
  it("gives the peers of the sender's family", () => {
    const tracker = new Tracker();
    const six = { address: "2001:db8::1", port: 1 };
    tracker.announce({ port: 1, left: 0 });
    tracker.announce({ port: 2 }, six);
    expect(tracker.announce({ port: 3 })).toMatchObject({
      transaction: 8,
      answer: {
        interval: 900,
        seeders: 1,
        leechers: 2,
        peers: [{ address: "192.0.2.1", port: 1 }],
      },
    });
    expect(tracker.announce({ port: 4 }, six)).toMatchObject({
      answer: { peers: [{ address: "2001:db8::1", port: 2 }] },
    });
    tracker.announce({ port: 1, event: "stopped" });
    tracker.announce({ port: 3, left: 0, event: "completed" });
    expect(tracker.desk.swarm("aa".repeat(20))).toMatchObject({
      seeders: 1,
      completed: 1,
      stopped: 1,
    });
  });

  it("fits into one datagram", () => {
    const tracker = new Tracker();
    for (let port = 1; port <= 300; port++) {
      tracker.announce({ port, numWant: 0 });
      tracker.announce({ port, numWant: 0 }, { address: "2001:db8::1", port: 1 });
    }
    for (const from of [FROM, { address: "2001:db8::2", port: 1 }]) {
      const request = encodeUdpAnnounce(tracker.connect(from), 1, { ...REQUEST, numWant: 999 }, "");
      expect(tracker.answer(request, from)?.length).toBeLessThanOrEqual(1280);
      expect(tracker.answer(request, from)?.length).toBeGreaterThan(1200);
    }
  });

  it("shows the filter the path, and refuses what it refuses", () => {
    const tracker = new Tracker();
    tracker.announce({}, FROM, "/announce?key=1");
    expect(tracker.asked).toEqual([
      { infoHash: "aa".repeat(20), peer: { ...FROM, port: 6881 }, path: "/announce?key=1" },
    ]);
    expect(tracker.announce({}, FROM, "/no")).toMatchObject({
      action: "error",
      message: "this tracker does not serve this torrent",
    });
    expect(tracker.announce({ port: 0 })).toMatchObject({ action: "error" });
    expect(tracker.desk.stats()).toMatchObject({ announces: 1, refused: 2 });
  });
});

describe("scrape", () => {
  it("counts each swarm in the order asked", () => {
    const tracker = new Tracker();
    tracker.announce({ left: 5 });
    tracker.announce({ left: 0, event: "completed" });
    const head = new DataView(new ArrayBuffer(16));
    head.setBigUint64(0, tracker.connect());
    head.setUint32(8, UDP_ACTION.scrape);
    head.setUint32(12, 9);
    const request = [new Uint8Array(head.buffer), new Uint8Array(20), REQUEST.infoHash];
    expect(toHex(tracker.answer(concatBytes(request)) ?? new Uint8Array())).toBe(
      `0000000200000009${"00000000".repeat(3)}000000010000000100000000`,
    );
    const many = [request[0] ?? REQUEST.infoHash, new Uint8Array(20 * 1000)];
    expect(tracker.answer(concatBytes(many))?.length).toBe(8 + 12 * 74);
  });
});

describe("strangers", () => {
  it.each(["", "00", "00000417271019800000000000000", "0000041727101981000000000000000a"])(
    "get no answer to %j",
    (text) => {
      expect(
        new Tracker().answer(
          fromHex(text.padStart(text.length + (text.length % 2), "0")) ?? new Uint8Array(),
        ),
      ).toBeUndefined();
    },
  );

  it("never get more than they sent, whatever that is", () => {
    const tracker = new Tracker();
    tracker.announce();
    const head = fc.constantFrom(encodeUdpConnect(1), encodeUdpAnnounce(9n, 1, REQUEST, "/x"));
    const datagram = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc.tuple(head, fc.uint8Array()).map(concatBytes),
      fc.tuple(head, fc.nat(98)).map(([bytes, size]) => bytes.subarray(0, size)),
    );
    fc.assert(
      fc.property(datagram, (bytes) => {
        expect(tracker.answer(bytes)?.length ?? 0).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it("with a connection id get an answer to anything", () => {
    const tracker = new Tracker();
    const id = encodeUdpAnnounce(tracker.connect(), 1, REQUEST, "").subarray(0, 8);
    const action = fc.nat(5).map((action) => Uint8Array.of(0, 0, 0, action));
    fc.assert(
      fc.property(action, fc.uint8Array({ minLength: 4, maxLength: 300 }), (action, rest) => {
        const answer = tracker.answer(concatBytes([id, action, rest]));
        if (action[3] === UDP_ACTION.connect) expect(answer).toBeUndefined();
        else expect(answer?.length).toBeGreaterThanOrEqual(8);
      }),
      { numRuns: 500 },
    );
  });
});
