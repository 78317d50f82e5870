// The tracker server on loopback: options, both protocols and families, our own client against it.
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decodeDict } from "@shoal/bencode";
import {
  createRng,
  type Datagrams,
  Deadlines,
  type Endpoint,
  formatEndpoint,
  normalizeIp,
} from "@shoal/core";
import { afterEach, describe, expect, it } from "vitest";
import type { TrackerFeed } from "./feed.ts";
import type { HttpFetch, TrackerHost } from "./host.ts";
import { createTrackerServer, type TrackerServer, type TrackerServerOptions } from "./server.ts";
import { createTrackerSource, type TrackerSource } from "./source.ts";

const HASH = new Uint8Array(20).fill(0xaa);
const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(options: TrackerServerOptions = {}): Promise<TrackerServer> {
  const server = await createTrackerServer({ intervalSeconds: 900, ...options });
  cleanUps.push(() => server.close());
  return server;
}

const http: HttpFetch = {
  get: async (url, { signal, headers }) => {
    const response = await fetch(url, { signal: signal ?? null, headers: { ...headers } });
    return { status: response.status, headers: {}, body: await response.bytes() };
  },
};

function udp(family: 4 | 6): Promise<Datagrams> {
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  return new Promise((resolve) => {
    socket.bind(0, family === 4 ? "127.0.0.1" : "::1", () => {
      resolve({
        local: socket.address(),
        attach: (receive) => {
          socket.on("message", (bytes, { address, port }) => {
            receive(bytes, { address: normalizeIp(address) ?? address, port });
          });
        },
        send: (bytes, to) => socket.send(bytes, to.port, to.address),
        close: () => new Promise((closed) => socket.close(() => closed())),
      });
    });
  });
}

/** A client whose peers it announces under `port`; resolves with the peers that it finds first. */
async function join(
  url: string,
  port: number,
  left: number,
): Promise<{
  found: Endpoint[];
  feed: TrackerFeed;
  source: TrackerSource;
  leave: () => Promise<void>;
}> {
  const host: TrackerHost = {
    clock: { now: () => 0 },
    deadlines: new Deadlines(),
    rng: createRng(port),
    entropy: (size) => crypto.getRandomValues(new Uint8Array(size)),
    userAgent: "test",
    listenPort: () => port,
    http,
    udp,
    resolve: async (name) => (name === "localhost" ? ["127.0.0.1", "::1"] : []),
  };
  const source = createTrackerSource(host);
  const found: Endpoint[] = [];
  const outcome = Promise.withResolvers<void>();
  const feed = source.open({
    infoHash: HASH,
    peerId: new Uint8Array(20).fill(port & 0xff),
    isPrivate: false,
    trackers: [[url]],
    transfer: () => ({ uploaded: 0, downloaded: 0, left }),
    found: (peers) => {
      found.push(...peers);
      outcome.resolve();
    },
    warn: (error) => outcome.reject(error),
  });
  cleanUps.push(() => source.close());
  // Who is alone is given no peers, so that it shows in its status only.
  while (feed.status()[0]?.state === "announcing") {
    await Promise.race([outcome.promise, new Promise((resolve) => setImmediate(resolve))]);
  }
  return { found, feed, source, leave: () => feed.close(new AbortController().signal) };
}

describe("client and server", () => {
  it.each([
    ["http", "127.0.0.1"],
    ["http", "::1"],
    ["udp", "127.0.0.1"],
    ["udp", "::1"],
  ] as const)("meet over %s at %s", async (scheme, address) => {
    const server = await serve();
    const { port } = (scheme === "http" ? server.httpAddress : server.udpAddress) ?? { port: 0 };
    const url = `${scheme}://${formatEndpoint({ address, port })}/announce?key1=x`;
    const seed = await join(url, 1001, 0);
    const leech = await join(url, 1002, 5);
    expect(leech.found).toEqual([{ address, port: 1001 }]);
    expect(server.swarm(HASH)).toEqual({
      seeders: 1,
      leechers: 1,
      completed: 0,
      stopped: 0,
      peers: [
        { address, port: 1001 },
        { address, port: 1002 },
      ],
    });
    await seed.leave();
    expect(server.swarm("AA".repeat(20))).toMatchObject({ seeders: 0, leechers: 1, stopped: 1 });
    expect(server.stats()).toMatchObject({ swarms: 1, peers: 1, announces: 3, refused: 0 });
  });

  it.each([
    ["http", "127.0.0.1"],
    ["http", "::1"],
    ["udp", "127.0.0.1"],
    ["udp", "::1"],
  ] as const)("know of others over %s at %s without meeting", async (scheme, address) => {
    const server = await serve();
    const { port } = (scheme === "http" ? server.httpAddress : server.udpAddress) ?? { port: 0 };
    const url = `${scheme}://${formatEndpoint({ address, port })}/announce`;
    const { feed, source } = await join(url, 1001, 0);
    await join(url, 1002, 5);
    const known = { seeders: 1, leechers: 1, downloads: 0 };
    expect(await feed.scrape()).toEqual({ infoHash: HASH, ...known });
    expect(feed.status()[0]).toMatchObject(known);
    const others = Array.from({ length: 120 }, (_, i) => new Uint8Array(20).fill(i + 1));
    const found = await source.scrape(url, others);
    expect(found.map(({ infoHash }) => infoHash)).toEqual(others);
    expect(found.filter(({ seeders }) => seeders !== 0)).toEqual([]);
    expect(server.stats()).toMatchObject({ swarms: 1, peers: 2, scrapes: 4 });
  });

  it("meet across families and protocols", async () => {
    const server = await serve();
    await join(`http://[::1]:${server.httpAddress?.port}/announce`, 1001, 0);
    await join(`udp://127.0.0.1:${server.udpAddress?.port}`, 1002, 0);
    const { found } = await join(server.httpUrl ?? "", 1003, 5);
    expect(found).toEqual([
      { address: "127.0.0.1", port: 1002 },
      { address: "::1", port: 1001 },
    ]);
  });

  it("meet under a name with addresses of both families", async () => {
    const server = await serve();
    await join(`udp://localhost:${server.udpAddress?.port}`, 1001, 5);
    await expect
      .poll(() =>
        server
          .swarm(HASH)
          ?.peers.map(({ address }) => address)
          .toSorted(),
      )
      .toEqual(["127.0.0.1", "::1"]);
  });

  it("part with the reason of the filter's refusal", async () => {
    const server = await serve({ filter: ({ path }) => path === "/announce?pass" });
    const refusal = { code: "ERR_TRACKER_REFUSED" };
    await expect(join(server.httpUrl ?? "", 1, 5)).rejects.toMatchObject(refusal);
    await expect(join(server.udpUrl ?? "", 1, 5)).rejects.toMatchObject(refusal);
    await join(`${server.udpUrl}?pass`, 1, 5);
    expect(server.stats()).toMatchObject({ announces: 1, refused: 2 });
  });
});

describe("createTrackerServer", () => {
  it("listens where it is told", async () => {
    const server = await serve({ http: { host: "127.0.0.1" }, udp: { host: "::1" } });
    expect(server.httpAddress?.address).toBe("127.0.0.1");
    expect(server.httpUrl).toBe(`http://127.0.0.1:${server.httpAddress?.port}/announce`);
    expect(server.udpUrl).toBe(`udp://[::1]:${server.udpAddress?.port}/announce`);
  });

  it("leaves out what is not wanted", async () => {
    expect((await serve({ udp: false })).udpUrl).toBeUndefined();
    expect((await serve({ http: false })).httpUrl).toBeUndefined();
    await expect(createTrackerServer({ http: false, udp: false })).rejects.toMatchObject({
      code: "ERR_TRACKER_OPTION",
    });
  });

  it.each([
    { intervalSeconds: 0 },
    { intervalSeconds: 86_401 },
    { maxSwarms: 0.5 },
    { maxPeers: Number.NaN },
    { maxPeersPerSwarm: -1 },
    { http: { port: 65_536 } },
    // node:dgram takes that for port 65535.
    { udp: { port: -1 } },
    { udp: { host: "localhost" } },
  ])("refuses %j", async (options) => {
    await expect(createTrackerServer(options)).rejects.toMatchObject({
      code: "ERR_TRACKER_OPTION",
      message: expect.stringMatching(
        /^expected \w+ to be an (integer of \d+–\d+|IP address), got /,
      ),
    });
  });

  it("says that a port is in use, and leaves nothing open", async () => {
    const { httpAddress, udpAddress } = await serve();
    const listen = { code: "ERR_TRACKER_LISTEN" };
    await expect(
      createTrackerServer({ http: { port: httpAddress?.port ?? 0 } }),
    ).rejects.toMatchObject(listen);
    await expect(
      createTrackerServer({ udp: { port: udpAddress?.port ?? 0 } }),
    ).rejects.toMatchObject(listen);
  });

  it("refuses other methods, other paths and garbage, and goes on", async () => {
    const server = await serve();
    const url = new URL(server.httpUrl ?? "");
    expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(405);
    expect((await fetch(new URL("/", url))).status).toBe(404);
    const closed = Promise.withResolvers<void>();
    const socket = connect(Number(url.port), url.hostname, () =>
      socket.write("\0\xff garbage\r\n\r\n"),
    );
    socket
      .on("close", () => closed.resolve())
      .on("error", () => {})
      .resume();
    await closed.promise;
    const answer = decodeDict(await (await fetch(url)).bytes());
    expect(answer.text("failure reason")).toBe("expected an info_hash of 20 bytes");
    expect(server.stats().refused).toBe(3);
  });

  it("closes twice, idle connections too", async () => {
    const server = await serve();
    const { port } = new URL(server.httpUrl ?? "");
    const closed = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const idle = connect(Number(port), "127.0.0.1", () => open.resolve());
    idle
      .on("close", () => closed.resolve())
      .on("error", () => {})
      .resume();
    await open.promise;
    await Promise.all([server.close(), server.close(), closed.promise]);
    await expect(fetch(server.httpUrl ?? "")).rejects.toThrow();
  });
});
