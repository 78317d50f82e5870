// Our tracker client at foreign trackers, and foreign clients at our tracker.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createRng, Deadlines, type Endpoint, type SwarmFacts } from "@shoal/core";
import { parseTorrent } from "@shoal/metainfo";
import { clock, createHttpClient, deadlineDriver, resolve, udpSocket } from "@shoal/net";
import { createTrackerSource, type TrackerFeed, type TrackerSource } from "@shoal/tracker";
import { createTrackerServer, type TrackerServer } from "@shoal/tracker/server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startBittorrentTracker } from "./bittorrent-tracker.ts";
import type { ForeignClient, RunningClient } from "./client.ts";
import { libtorrent } from "./libtorrent.ts";
import { type ForeignTracker, startOpentracker } from "./opentracker.ts";
import { differences, makePayload, makeTorrent, type Payload } from "./payloads.ts";
import { transmission } from "./transmission.ts";
import { until } from "./wait.ts";

const HASHES = [1, 2, 3, 4].map((byte) => new Uint8Array(20).fill(byte));
const [HTTP = new Uint8Array(), UDP = HTTP, UNKNOWN = HTTP] = HASHES;
const PEER_ID = new TextEncoder().encode("-SH0000-interop-test");

describe("our client", () => {
  const trackers = new Map<string, ForeignTracker>();
  const sources: TrackerSource[] = [];

  beforeAll(async () => {
    trackers.set("opentracker", await startOpentracker([HTTP, UDP]));
    trackers.set("bittorrent-tracker", await startBittorrentTracker());
  });
  afterEach(async () => {
    await Promise.all(sources.splice(0).map((source) => source.close()));
  });
  afterAll(async () => {
    await Promise.all([...trackers.values()].map((tracker) => tracker.close()));
  });

  /** An engine that accepts peers on `port`. */
  function engine(port: number): TrackerSource {
    const deadlines = new Deadlines();
    deadlineDriver(deadlines, clock());
    const http = createHttpClient();
    const source = createTrackerSource({
      clock: clock(),
      deadlines,
      rng: createRng(port),
      entropy: (size) => crypto.getRandomValues(new Uint8Array(size)),
      userAgent: "shoal",
      http,
      resolve: (name) => resolve(name),
      udp: (family) => udpSocket({ address: family === 4 ? "127.0.0.1" : "::1", port: 0 }),
      listenPort: () => port,
    });
    sources.push({ ...source, close: () => source.close().then(() => http.close()) });
    return source;
  }

  /** Announces a torrent; ends when the tracker has answered. */
  async function announce(
    source: TrackerSource,
    url: string,
    infoHash: Uint8Array,
    progress: { left: number },
  ): Promise<{ feed: TrackerFeed; found: Endpoint[] }> {
    const found: Endpoint[] = [];
    const warnings: Error[] = [];
    const swarm: SwarmFacts = {
      infoHash,
      peerId: PEER_ID,
      isPrivate: false,
      trackers: [[url]],
      transfer: () => ({ uploaded: 0, downloaded: 0, ...progress }),
      found: (peers) => found.push(...peers),
      warn: (error) => warnings.push(error),
    };
    const feed = source.open(swarm);
    await until(`an answer of ${url}`, async () => {
      const [warning] = warnings;
      if (warning !== undefined) throw warning;
      return feed.status()[0]?.state === "working" ? true : undefined;
    });
    return { feed, found };
  }

  it.for([
    ["opentracker", "http", "127.0.0.1"],
    ["opentracker", "udp", "127.0.0.1"],
    ["bittorrent-tracker", "http", "::1"],
    ["bittorrent-tracker", "udp", "::1"],
  ] as const)(
    "joins, scrapes and leaves swarms of %s over %s at %s",
    async ([name, scheme, address]) => {
      const url = trackers.get(name)?.[scheme] ?? "";
      const infoHash = scheme === "http" ? HTTP : UDP;
      const [seeding, leeching] = [engine(1001), engine(1002)];
      const seed = await announce(seeding, url, infoHash, { left: 0 });
      const progress = { left: 5 };
      const leech = await announce(leeching, url, infoHash, progress);
      // Over UDP, bittorrent-tracker gives IPv4 peers only.
      const given = name === "opentracker" || scheme === "http";
      const others = leech.found.filter(({ port }) => port !== 1002);
      expect(others).toEqual(given ? [{ address, port: 1001 }] : []);

      // It counts every seed as a download, too.
      const before = name === "opentracker" ? 0 : 1;
      const counts = { seeders: 1, leechers: 1, downloads: before };
      expect(await leech.feed.scrape()).toMatchObject(counts);
      const [other, same] = await leeching.scrape(url, [UNKNOWN, infoHash]);
      expect(same).toEqual({ infoHash, ...counts });
      expect(other?.seeders ?? 0).toBe(0);

      progress.left = 0;
      leech.feed.completed();
      await until("the completion", async () => {
        const { seeders, downloads } = await leech.feed.scrape();
        return seeders === 2 && downloads === before + 1 ? true : undefined;
      });
      await leech.feed.close(AbortSignal.timeout(5000));
      await until("the good-bye", async () =>
        (await seed.feed.scrape()).seeders === 1 ? true : undefined,
      );
    },
  );

  it("is told why opentracker does not serve a torrent", async () => {
    const url = trackers.get("opentracker")?.http ?? "";
    await expect(announce(engine(1001), url, UNKNOWN, { left: 1 })).rejects.toMatchObject({
      code: "ERR_TRACKER_REFUSED",
      message: expect.stringContaining("Requested download is not authorized"),
    });
  });
});

describe("our tracker is the only way between", { concurrent: true }, () => {
  let root: string;
  let payload: Payload;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "shoal-tracker-"));
    payload = await makePayload("single", root);
  });
  afterAll(() => rm(root, { recursive: true }));

  // libtorrent is the second to announce, for it dials whom it is told of; transmission does not.
  it.for([
    { seed: transmission, leech: libtorrent, first: "http", second: "udp", address: "127.0.0.1" },
    { seed: libtorrent, leech: transmission, first: "http", second: "http", address: "127.0.0.1" },
  ] as const)("$seed.name and $leech.name", async (how, { expect }) => {
    const { seed, leech, address } = how;
    const here = await mkdtemp(join(root, "transfer-"));
    const out = join(here, "out");
    await mkdir(out);
    const server = await createTrackerServer({ http: { host: address }, udp: { host: address } });
    const running: RunningClient[] = [];
    try {
      const start = async (client: ForeignClient, scheme: "http" | "udp"): Promise<void> => {
        const work = join(here, client.name);
        await mkdir(work);
        const url = (scheme === "http" ? server.httpUrl : server.udpUrl) ?? "";
        const torrentFile = join(work, "x.torrent");
        await makeTorrent(payload, 256 * 1024, "libtorrent", torrentFile);
        await writeFile(torrentFile, withTracker(await readFile(torrentFile), url));
        const role = client === seed ? "seed" : "leech";
        const dir = client === seed ? dirname(payload.root) : out;
        running.push(await client.start({ role, torrentFile, dir, work, address }));
        await announced(server, torrentFile, running.length);
      };
      await start(transmission, how.first);
      await start(libtorrent, how.second);
      await running[leech === transmission ? 0 : 1]?.finished();
    } catch (error) {
      const logs = running.map((client) => client.logs()).join("\n---\n");
      throw new Error(`${String(error)}\n${logs}`, { cause: error });
    } finally {
      await Promise.all(running.map((client) => client.close()));
      await server.close();
    }
    expect(
      await differences(payload.root, join(out, basename(payload.root)), { emptyFiles: true }),
    ).toEqual([]);
    expect(server.stats()).toMatchObject({ refused: 0 });
  });
});

/** Waits until so many peers have announced the torrent. */
async function announced(server: TrackerServer, file: string, peers: number): Promise<void> {
  const { infoHashes } = parseTorrent(await readFile(file));
  const infoHash = infoHashes.v1 ?? new Uint8Array(20);
  await until(`${peers} announces`, async () => {
    const swarm = server.swarm(infoHash);
    return swarm !== undefined && swarm.peers.length >= peers ? true : undefined;
  });
}

/** Puts a tracker into a torrent file that has none: `announce` sorts before all other keys. */
function withTracker(torrent: Uint8Array, url: string): Uint8Array {
  const head = new TextEncoder().encode(`d8:announce${url.length}:${url}`);
  return Buffer.concat([head, torrent.subarray(1)]);
}
