import { formatEndpoint } from "@shoal/core";
import { peerSourceCompliance } from "@shoal/testkit";
import { describe, expect, it } from "vitest";
import { Lan, type Sent } from "../testing/lan.ts";
import { encodeLsd, MAX_INFO_HASHES } from "./message.ts";
import { LSD_GROUPS } from "./source.ts";

const MINUTE = 60_000;
const STRANGER = { address: "10.0.0.99", port: 6771 };

describe("createLsdSource", () => {
  it("lets two hosts find each other within seconds, whoever comes first", async () => {
    const lan = new Lan();
    const [a, b] = [lan.add(), lan.add()];
    const first = a.join(1);
    await lan.pass(10_000);
    const second = b.join(1);
    await lan.pass(1000);
    expect(first.peers).toEqual(["10.0.0.2:6882"]);
    // A has announced 11 s ago: it answers when that is a minute ago.
    await lan.pass(MINUTE);
    expect(second.peers).toEqual(["10.0.0.1:6881"]);
  });

  it("answers a newcomer at once if its last announce is long ago, and only once", async () => {
    const lan = new Lan();
    const [a, b] = [lan.add(), lan.add()];
    a.join(1);
    await lan.pass(2 * MINUTE);
    const late = b.join(1);
    await lan.pass(4000);
    expect(late.peers).toEqual(["10.0.0.1:6881"]);
    const before = lan.sent.length;
    await lan.pass(3 * MINUTE);
    // The newcomer answers that answer, and then there is peace until the next interval.
    expect(lan.sent.length - before).toBeLessThanOrEqual(2);
  });

  it("announces every 5 minutes, give or take a tenth", async () => {
    const lan = new Lan();
    lan.add().join(1);
    await lan.pass(60 * MINUTE);
    const gaps = lan.sent.slice(1).map(({ at }, i) => at - (lan.sent[i]?.at ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(10);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(4.5 * MINUTE);
      expect(gap).toBeLessThanOrEqual(5.5 * MINUTE);
    }
    expect(new Set(gaps).size).toBeGreaterThan(5);
  });

  it("takes another interval, but never announces a torrent twice in a minute", async () => {
    const lan = new Lan();
    lan.add({ intervalMs: 1000 }).join(1);
    await lan.pass(10 * MINUTE);
    expect(lan.sent.length).toBeGreaterThanOrEqual(9);
    expect(shortestGap(lan.sent)).toBeGreaterThanOrEqual(MINUTE);
  });

  it("announces on every interface to the group of its family", async () => {
    const lan = new Lan();
    lan.add({ addresses: ["10.0.0.1", "192.168.0.1", "fd00::1"] }).join(1);
    await lan.pass(1000);
    expect(lan.sent.map(({ from, group }) => [from.address, formatEndpoint(group)])).toEqual([
      ["10.0.0.1", "239.192.152.143:6771"],
      ["192.168.0.1", "239.192.152.143:6771"],
      ["fd00::1", "[ff15::efc0:988f]:6771"],
    ]);
    expect(Buffer.from(lan.sent[2]?.bytes ?? []).toString()).toContain("[ff15::efc0:988f]:6771");
  });

  it("announces up to five torrents one by one, for clients that read no more", async () => {
    const lan = new Lan();
    const host = lan.add();
    const torrents = Array.from({ length: 5 }, (_, i) => host.join(i));
    await lan.pass(10_000);
    expect(lan.sent.map(hashes)).toEqual(torrents.map(({ infoHash }) => [infoHash]));
    expect(lan.sent.every(({ bytes }) => bytes.length <= 200)).toBe(true);
    expect(shortestGap(lan.sent)).toBeGreaterThanOrEqual(2000);
    await lan.pass(60 * MINUTE);
    expect(lan.sent.length).toBeLessThanOrEqual(5 + 60);
    expect(lan.sent.length).toBeGreaterThan(50);
  });

  it("puts more torrents into one announce, also such as came at other times", async () => {
    const lan = new Lan();
    const host = lan.add();
    const torrents = Array.from({ length: 10 }, (_, i) => host.join(i));
    await lan.pass(90_000);
    expect(lan.sent.map(hashes)).toEqual([torrents.map(({ infoHash }) => infoHash)]);
    const late = host.join(99);
    await lan.pass(1000);
    expect(hashes(lan.sent[1])).toHaveLength(11);
    expect(hashes(lan.sent[1])).toContain(late.infoHash);
    await lan.pass(10 * MINUTE);
    expect(lan.sent.slice(2).every((sent) => hashes(sent).length === 11)).toBe(true);
  });

  it("spreads many torrents in time, in turn, with one alarm", async () => {
    const lan = new Lan();
    const host = lan.add();
    const count = 500;
    for (let i = 0; i < count; i++) host.join(i);
    expect(lan.deadlines.size).toBe(1);
    const minutes = 60;
    await lan.pass(minutes * MINUTE);
    expect(lan.sent.length).toBeLessThanOrEqual(minutes + 5);
    expect(lan.sent.every((sent) => hashes(sent).length === MAX_INFO_HASHES)).toBe(true);
    expect(lan.sent.every(({ bytes }) => bytes.length <= 1400)).toBe(true);
    const times = new Map<string, number>();
    for (const sent of lan.sent) {
      for (const hash of hashes(sent)) times.set(hash, (times.get(hash) ?? 0) + 1);
    }
    expect(times.size).toBe(count);
    expect(Math.max(...times.values()) - Math.min(...times.values())).toBeLessThanOrEqual(2);
    expect(lan.deadlines.size).toBe(1);
  });

  it("knows its own announces", async () => {
    const lan = new Lan();
    const torrent = lan.add({ addresses: ["10.0.0.1", "10.1.0.1"] }).join(1);
    await lan.pass(10 * MINUTE);
    expect(lan.sent.length).toBeGreaterThan(2);
    expect(torrent.found).toEqual([]);
  });

  it("tells of a peer once, though it is heard on several interfaces", async () => {
    const lan = new Lan();
    const [a, b] = [lan.add({ addresses: ["10.0.0.1", "10.1.0.1"] }), lan.add()];
    const torrent = a.join(1);
    b.join(1);
    await lan.pass(5000);
    expect(torrent.found).toHaveLength(1);
  });

  it("has nothing to do with private torrents, not even if others announce them", async () => {
    const lan = new Lan();
    const host = lan.add();
    const torrent = host.join(1, true);
    await lan.pass(10 * MINUTE);
    expect(host.opens).toBe(0);
    expect(lan.deadlines.size).toBe(0);
    const open = host.join(2);
    await lan.pass(1000);
    hear(lan, torrent.infoHash);
    torrent.feed.refresh();
    await lan.pass(10 * MINUTE);
    expect(torrent.found).toEqual([]);
    expect(new Set(lan.sent.slice(0, -1).flatMap((sent) => hashes(sent)))).toContain(open.infoHash);
    const ours = lan.sent.filter(({ from }) => from.address === "10.0.0.1");
    expect(ours.flatMap((sent) => hashes(sent))).not.toContain(torrent.infoHash);
  });

  it.each([
    ["192.168.1.7", true],
    ["169.254.0.9", true],
    ["fd00::5", true],
    ["fe80::5%eth0", true],
    ["203.0.113.5", false],
    ["2001:db8:1::5", false],
    ["2001:db8:2::5", true],
    ["fe80::5", false],
    ["0.0.0.0", false],
    ["224.0.0.1", false],
  ])("hears %s: %s", async (address, believed) => {
    const lan = new Lan();
    const torrent = lan.add({ onLink: "2001:db8:2:" }).join(1);
    await lan.pass(1000);
    hear(lan, torrent.infoHash, { address, port: 6771 });
    expect(torrent.found).toEqual(believed ? [{ address, port: 5555 }] : []);
  });

  it("ignores nonsense and torrents that it does not have", async () => {
    const lan = new Lan();
    const torrent = lan.add().join(1);
    await lan.pass(1000);
    lan.send(new Uint8Array(2000).fill(65), STRANGER, LSD_GROUPS[4]);
    hear(lan, "f".repeat(40));
    expect(torrent.found).toEqual([]);
    hear(lan, torrent.infoHash);
    expect(torrent.found).toEqual([{ address: STRANGER.address, port: 5555 }]);
  });

  it("bounds what a flood costs and causes", async () => {
    const lan = new Lan();
    const torrent = lan.add().join(1);
    await lan.pass(2 * MINUTE);
    const before = lan.sent.length;
    const flood = 5000;
    for (let i = 0; i < flood; i++) {
      hear(lan, torrent.infoHash, { address: `10.9.${i >> 8}.${i & 255}`, port: 6771 });
    }
    expect(torrent.found.length).toBeLessThanOrEqual(200);
    await lan.pass(MINUTE);
    expect(lan.sent.length - before - flood).toBeLessThanOrEqual(2);
  });

  it("hears, but announces nothing, while nobody can connect to us", async () => {
    const lan = new Lan();
    const host = lan.add();
    host.port = 0;
    const torrent = host.join(1);
    await lan.pass(MINUTE);
    hear(lan, torrent.infoHash);
    expect(torrent.found).toHaveLength(1);
    expect(lan.sent).toHaveLength(1);
    host.port = 7000;
    await lan.pass(2 * MINUTE);
    expect(lan.sent.at(-1)?.announce?.port).toBe(7000);
  });

  it("asks again on refresh, once a minute at most", async () => {
    const lan = new Lan();
    const torrent = lan.add().join(1);
    for (let i = 0; i < 120; i++) {
      await lan.pass(1000);
      torrent.feed.refresh();
    }
    expect(lan.sent).toHaveLength(2);
    expect(shortestGap(lan.sent)).toBeGreaterThanOrEqual(MINUTE);
  });

  it("warns if it can't open sockets, and tries again later", async () => {
    const lan = new Lan();
    let tries = 0;
    const host = lan.add({
      open: async () => {
        if (tries++ === 0) throw new Error("no network");
        return [];
      },
    });
    const [first, second] = [host.join(1), host.join(2)];
    await lan.pass(4 * MINUTE);
    expect(tries).toBe(1);
    expect(first.warnings).toMatchObject([{ message: "no network" }]);
    expect(second.warnings).toEqual([]);
    await lan.pass(7 * MINUTE);
    expect(tries).toBe(3);
    expect(first.warnings).toHaveLength(1);
    await first.feed.close(AbortSignal.abort());
    await second.feed.close(AbortSignal.abort());
    expect(lan.deadlines.size).toBe(0);
  });

  it("opens once, and closes what it opened, also what opens too late", async () => {
    const lan = new Lan();
    const host = lan.add();
    host.join(1);
    host.join(2);
    await lan.pass(0);
    await host.source.close();
    expect([host.opens, host.closed, lan.deadlines.size]).toEqual([1, 1, 0]);

    const hasty = lan.add();
    const torrent = hasty.join(1);
    await hasty.source.close();
    expect([hasty.opens, hasty.closed, lan.deadlines.size]).toEqual([1, 1, 0]);
    torrent.feed.refresh();
    expect(lan.deadlines.size).toBe(0);
    hasty.join(3);
    await lan.pass(MINUTE);
    expect([hasty.opens, lan.deadlines.size]).toEqual([1, 0]);
  });

  it("rests without torrents", async () => {
    const lan = new Lan();
    const host = lan.add();
    const torrent = host.join(1);
    await lan.pass(1000);
    await torrent.feed.close(AbortSignal.abort());
    expect(lan.deadlines.size).toBe(0);
    hear(lan, torrent.infoHash);
    expect(torrent.found).toEqual([]);
  });
});

describe("as a source", () => {
  const cases = peerSourceCompliance(() => {
    const lan = new Lan();
    const other = lan.add();
    for (const byte of [1, 2, 3]) {
      other.source.open({
        infoHash: new Uint8Array(20).fill(byte),
        peerId: new Uint8Array(20),
        isPrivate: false,
        trackers: [],
        transfer: () => ({ uploaded: 0, downloaded: 0, left: 0 }),
        found: () => {},
        warn: () => {},
      });
    }
    return {
      source: lan.add().source,
      finds: { address: "10.0.0.1", port: 6881 },
      pass: () => lan.pass(MINUTE),
      close: () => other.source.close(),
    };
  });
  for (const { name, run } of cases) it(name, run);
});

function hashes(sent: Sent | undefined): readonly string[] {
  return sent?.announce?.infoHashes ?? [];
}

function shortestGap(sent: readonly Sent[]): number {
  return Math.min(...sent.slice(1).map(({ at }, i) => at - (sent[i]?.at ?? 0)));
}

/** An announce of some other client. */
function hear(
  lan: Lan,
  infoHash: string,
  from: { address: string; port: number } = STRANGER,
): void {
  const announce = { port: 5555, infoHashes: [infoHash], cookie: undefined };
  // Whatever its sender's family, the socket of the test has joined this group.
  lan.send(encodeLsd(LSD_GROUPS[4], announce), from, LSD_GROUPS[4]);
}
