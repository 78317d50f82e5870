// The UDP client on virtual time, against trackers that lose, lie and restart.
import { type Datagrams, Deadlines, type Endpoint, formatEndpoint, ipFamily } from "@shoal/core";
import { beforeEach, describe, expect, it } from "vitest";
import { passTime, settled } from "../testing/world.ts";
import type { AnnounceAnswer, AnnounceRequest } from "./announce.ts";
import { UdpTrackerClient } from "./udp-client.ts";
import { parseUrlData, UDP_ACTION, type UdpSwarm } from "./udp-codec.ts";

const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  event: undefined,
  numWant: 50,
  key: 7,
};
const TRACKER: Endpoint = { address: "192.0.2.1", port: 6969 };
const SIGNAL = new AbortController().signal;
const SEEDER = [192, 0, 2, 9, 0, 80];

interface Sent {
  readonly at: number;
  readonly to: string;
  readonly action: number;
  readonly connection: bigint;
  readonly transaction: number;
  readonly bytes: Uint8Array;
}

/** A network of which the test is the other end. */
class World {
  now = 0;
  readonly deadlines = new Deadlines();
  readonly sent: Sent[] = [];
  readonly opened: (4 | 6)[] = [];
  closed = 0;
  noIpv6 = false;
  /** Answers what is sent, at once. */
  tracker: (datagram: Sent) => Uint8Array | undefined = () => undefined;
  readonly #receive = new Map<4 | 6, (bytes: Uint8Array, from: Endpoint) => void>();
  #entropy = 0x10203040;

  readonly host = {
    clock: { now: (): number => this.now },
    deadlines: this.deadlines,
    entropy: (): Uint8Array => {
      const id = this.#entropy++;
      return Uint8Array.of(id >> 24, id >> 16, id >> 8, id);
    },
    udp: (family: 4 | 6): Datagrams => {
      if (family === 6 && this.noIpv6) throw new Error("EAFNOSUPPORT");
      this.opened.push(family);
      return {
        local: { address: "0.0.0.0", port: 1 },
        attach: (receive) => this.#receive.set(family, receive),
        send: (bytes, to) => this.#send(bytes, to),
        close: async () => {
          this.closed++;
        },
      };
    },
  };

  deliver(bytes: Uint8Array, from: Endpoint): void {
    this.#receive.get(ipFamily(from.address) ?? 4)?.(bytes, from);
  }

  async advance(ms: number): Promise<void> {
    await passTime(this, ms);
  }

  #send(bytes: Uint8Array, to: Endpoint): void {
    const view = new DataView(bytes.buffer);
    const datagram = {
      at: this.now,
      to: formatEndpoint(to),
      action: view.getUint32(8),
      connection: view.getBigUint64(0),
      transaction: view.getUint32(12),
      bytes,
    };
    this.sent.push(datagram);
    const answer = this.tracker(datagram);
    if (answer !== undefined) queueMicrotask(() => this.deliver(answer, to));
  }
}

function answer(action: number, transaction: number, body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, action);
  view.setUint32(4, transaction);
  bytes.set(body, 8);
  return bytes;
}

const connected = (transaction: number, id = 5): Uint8Array =>
  answer(UDP_ACTION.connect, transaction, [0, 0, 0, 0, 0, 0, 0, id]);
const announced = (transaction: number, peers: readonly number[] = SEEDER): Uint8Array =>
  answer(UDP_ACTION.announce, transaction, [0, 0, 3, 132, 0, 0, 0, 1, 0, 0, 0, 2, ...peers]);

/** A tracker that does as it should. */
function honest({ action, transaction }: Sent): Uint8Array {
  return action === UDP_ACTION.connect ? connected(transaction) : announced(transaction);
}

let world: World;
let client: UdpTrackerClient;
const announce = (tracker = TRACKER, signal = SIGNAL): Promise<AnnounceAnswer> =>
  client.announce(tracker, REQUEST, { path: "/announce?k=1", signal });
const scrape = (infoHashes: Uint8Array[]): Promise<readonly UdpSwarm[]> =>
  client.scrape(TRACKER, infoHashes, { signal: SIGNAL });

beforeEach(() => {
  world = new World();
  client = new UdpTrackerClient(world.host);
});

describe("an honest tracker", () => {
  beforeEach(() => {
    world.tracker = honest;
  });

  it("is connected, then told", async () => {
    expect(await announce()).toMatchObject({
      interval: 900,
      seeders: 2,
      leechers: 1,
      peers: [{ address: "192.0.2.9", port: 80 }],
    });
    expect(world.sent.map(({ to, action, connection }) => [to, action, connection])).toEqual([
      ["192.0.2.1:6969", UDP_ACTION.connect, 0x41727101980n],
      ["192.0.2.1:6969", UDP_ACTION.announce, 5n],
    ]);
    expect(parseUrlData(world.sent[1]?.bytes ?? new Uint8Array())).toBe("/announce?k=1");
    expect(world.deadlines.size).toBe(0);
  });

  it("is connected once a minute, whatever the number of torrents", async () => {
    await Promise.all([announce(), announce(), announce()]);
    const connects = (): number =>
      world.sent.filter(({ action }) => action === UDP_ACTION.connect).length;
    expect(connects()).toBe(1);
    await world.advance(59_999);
    await announce();
    expect(connects()).toBe(1);
    await world.advance(1);
    await announce();
    expect(connects()).toBe(2);
    expect(world.opened).toEqual([4]);
  });

  it("is scraped over the same connection", async () => {
    await announce();
    world.tracker = ({ transaction }) =>
      answer(
        UDP_ACTION.scrape,
        transaction,
        [5, 6, 7, 8, 9, 10].flatMap((n) => [0, 0, 0, n]),
      );
    const hashes = [REQUEST.infoHash, REQUEST.peerId];
    expect(await scrape(hashes)).toEqual([
      { seeders: 5, downloads: 6, leechers: 7 },
      { seeders: 8, downloads: 9, leechers: 10 },
    ]);
    const { action, bytes, connection } = world.sent.at(-1) ?? {};
    expect([action, connection, world.sent.length]).toEqual([UDP_ACTION.scrape, 5n, 3]);
    expect(bytes?.subarray(16)).toEqual(Uint8Array.from(hashes.flatMap((hash) => [...hash])));
  });

  it("is asked over the family of its address", async () => {
    await announce({ address: "2001:db8::1", port: 1 });
    await announce();
    expect(world.opened).toEqual([6, 4]);
    world.noIpv6 = true;
    client = new UdpTrackerClient(world.host);
    await expect(announce({ address: "2001:db8::1", port: 1 })).rejects.toMatchObject({
      code: "ERR_TRACKER_UNREACHABLE",
      message: "expected a UDP socket for IPv6: EAFNOSUPPORT",
    });
  });
});

describe("loss", () => {
  it("repeats at BEP 15's pace and then gives up", async () => {
    const failed = expect(announce()).rejects.toMatchObject({
      code: "ERR_TRACKER_TIMEOUT",
      message: "expected an answer to a connect request within 45 s, none came",
    });
    await world.advance(45_000);
    await failed;
    expect(world.sent.map(({ at }) => at)).toEqual([0, 15_000]);
    expect(world.deadlines.size).toBe(0);
  });

  it("repeats the announce, under a new connection if the old one expired", async () => {
    client = new UdpTrackerClient(world.host, { tries: 4 });
    world.tracker = (datagram) =>
      datagram.action === UDP_ACTION.connect || datagram.at >= 105_000
        ? honest(datagram)
        : undefined;
    const answered = announce();
    await world.advance(105_000);
    expect((await answered).peers).toHaveLength(1);
    const connect = UDP_ACTION.connect;
    const tell = UDP_ACTION.announce;
    expect(world.sent.map(({ at, action }) => [at, action])).toEqual([
      [0, connect],
      [0, tell],
      [15_000, tell],
      [45_000, tell],
      [105_000, connect],
      [105_000, tell],
    ]);
  });

  it("asks for a new connection after an announce went unanswered", async () => {
    let silent = false;
    world.tracker = (datagram) =>
      silent && datagram.action === UDP_ACTION.announce ? undefined : honest(datagram);
    await announce();
    silent = true;
    const failed = expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_TIMEOUT" });
    await world.advance(45_000);
    await failed;
    silent = false;
    await announce();
    expect(world.sent.at(-2)?.action).toBe(UDP_ACTION.connect);
  });
});

describe("a hostile or broken tracker", () => {
  it("is not heard with a wrong transaction id, from elsewhere, or cut short", async () => {
    let hearsay = 0;
    world.tracker = ({ transaction }) => {
      world.deliver(connected(transaction + 1), { address: "192.0.2.1", port: 6969 });
      world.deliver(connected(transaction), { address: "192.0.2.1", port: 6970 });
      world.deliver(connected(transaction), { address: "192.0.2.7", port: 6969 });
      world.deliver(Uint8Array.of(0, 0, 0, 0), { address: "192.0.2.1", port: 6969 });
      world.deliver(new Uint8Array(), { address: "192.0.2.1", port: 6969 });
      hearsay++;
      return undefined;
    };
    const failed = expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_TIMEOUT" });
    await world.advance(45_000);
    await failed;
    expect(hearsay).toBe(2);
  });

  it.each([
    ["garbage", [9, 9, 9, 9]],
    ["a short connect answer", [0, 0, 0, UDP_ACTION.connect]],
    ["a scrape", [0, 0, 0, UDP_ACTION.scrape]],
  ])("answers a connect request with %s", async (_name, action) => {
    world.tracker = ({ transaction }) => {
      const bytes = answer(0, transaction, []);
      bytes.set(action);
      return bytes;
    };
    await expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_MALFORMED" });
    expect(world.deadlines.size).toBe(0);
  });

  it("answers another question than the one that was asked", async () => {
    world.tracker = ({ transaction }) => announced(transaction);
    await expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_MALFORMED" });
    world.tracker = ({ transaction }) => connected(transaction);
    await expect(scrape([])).rejects.toMatchObject({ code: "ERR_TRACKER_MALFORMED" });
    await expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_MALFORMED" });
  });

  it("refuses, in its own words", async () => {
    world.tracker = ({ action, transaction }) =>
      action === UDP_ACTION.connect
        ? connected(transaction)
        : answer(UDP_ACTION.error, transaction, [0x6e, 0x6f, 0x1b]);
    await expect(announce()).rejects.toMatchObject({
      code: "ERR_TRACKER_REFUSED",
      message: "it refused: 'no?'",
    });
    world.tracker = ({ transaction }) => answer(UDP_ACTION.error, transaction, []);
    await expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_REFUSED" });
  });

  it("restarted and knows the kept connection id no more", async () => {
    world.tracker = honest;
    await announce();
    world.tracker = ({ action, transaction, connection }) => {
      if (action === UDP_ACTION.connect) return connected(transaction, 6);
      return connection === 6n ? announced(transaction) : answer(UDP_ACTION.error, transaction, []);
    };
    expect((await announce()).peers).toHaveLength(1);
  });
});

describe("ending", () => {
  it("stops waiting when the signal aborts", async () => {
    const abort = new AbortController();
    const failed = expect(announce(TRACKER, abort.signal)).rejects.toThrow("enough");
    await settled();
    abort.abort(new Error("enough"));
    await failed;
    world.tracker = ({ action, transaction }) =>
      action === UDP_ACTION.connect ? connected(transaction) : undefined;
    await world.advance(15_000);
    const again = new AbortController();
    const failedAgain = expect(announce(TRACKER, again.signal)).rejects.toThrow("enough");
    await settled();
    again.abort(new Error("enough"));
    await failedAgain;
    expect(world.deadlines.size).toBe(0);
  });

  it("fails open questions and closes its sockets on close", async () => {
    const failed = expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_CLOSED" });
    await settled();
    await client.close();
    await failed;
    await expect(announce()).rejects.toMatchObject({ code: "ERR_TRACKER_CLOSED" });
    expect(world.closed).toBe(1);
    expect(world.deadlines.size).toBe(0);
  });
});
