// Trackers that hang, lie or pour, on real sockets: the download goes on without them.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { encode } from "@shoal/bencode";
import { type Endpoint, encodeCompact, errorCode } from "@shoal/core";
import { createSession, type Session, type Torrent } from "@shoal/session";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LOOPBACK } from "./loopback.fixture.ts";
import { filledStore, makePayload } from "./simulated.fixture.ts";

const PAYLOAD = makePayload(300_000, 32_768);
const OPTIONS = { ...LOOPBACK, cacheSize: 4 << 20 };

let folder: string;
let seeder: Session;
let leecher: Session;
const ends: (() => void)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(`${tmpdir()}/shoal-trackers-`);
  seeder = await createSession(OPTIONS);
  leecher = await createSession({ ...OPTIONS, trackers: true });
  const seed = await seeder.add(PAYLOAD.metainfo, { store: await filledStore(PAYLOAD) });
  await seed.completed();
});

afterEach(async () => {
  await Promise.all([seeder.close(), leecher.close()]);
  for (const end of ends.splice(0)) end();
  rmSync(folder, { recursive: true });
});

/** An HTTP tracker that answers with whatever it likes. */
async function tracker(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`;
}

function says(body: unknown): (response: ServerResponse) => void {
  return (response) => response.end(Buffer.from(encode(body as Parameters<typeof encode>[0])));
}

async function download(trackers: readonly string[]): Promise<Torrent> {
  return leecher.add(PAYLOAD.metainfo, { path: folder, trackers: [trackers] });
}

/** The torrent warns, stays alive, and completes with an honest peer. */
async function survives(torrent: Torrent): Promise<void> {
  torrent.addPeers([{ address: "127.0.0.1", port: seeder.port }]);
  await torrent.completed();
  expect(torrent.state).toBe("seeding");
}

const honestPeer = (): Endpoint => ({ address: "127.0.0.1", port: seeder.port });

describe("a tracker that", () => {
  it.each([
    ["talks nonsense", (response: ServerResponse) => void response.end("<html>hello</html>")],
    ["sends random bytes", (response: ServerResponse) => void response.end(randomBytes(5000))],
    ["sends nothing", (response: ServerResponse) => void response.end()],
    ["hangs up", (response: ServerResponse) => void response.destroy()],
    ["hangs up in the middle", hangUpWithin],
    ["answers with an error status", (response: ServerResponse) => error(response, 500)],
    ["says that it is gone", (response: ServerResponse) => error(response, 410)],
    ["redirects to itself for ever", redirect],
    ["refuses", says({ "failure reason": "go away" })],
    ["answers with a list", says([1, 2, 3])],
    ["nests without end", (response: ServerResponse) => void response.end("l".repeat(500_000))],
    ["promises 2^53 bytes", (response: ServerResponse) => void response.end("9007199254740992:x")],
    ["pours 100 MB", pour(false)],
    ["pours 100 MB out of 100 KB", pour(true)],
  ])("%s is reported, and nothing else", async (_, answer) => {
    const torrent = await download([await tracker(answer)]);
    const warning = await torrent.once("warning");
    expect(errorCode(warning)).toMatch(/^ERR_(TRACKER|NET)_/);
    expect(warning.message).not.toContain("\n");
    await survives(torrent);
  });

  it.each([
    ["an interval of 0", { interval: 0 }],
    ["an interval below 0", { interval: -5, "min interval": -5 }],
    ["an interval of 2^60", { interval: 2n ** 60n, "min interval": 2n ** 60n }],
  ])("wants %s is asked only now and then", async (_, intervals) => {
    let asked = 0;
    const url = await tracker((response) => {
      asked++;
      says({ ...intervals, peers: Buffer.from(encodeCompact(honestPeer())) })(response);
    });
    const torrent = await download([url]);
    await torrent.completed();
    // "started" and, as the download is complete, "completed".
    expect(asked).toBeLessThanOrEqual(2);
  });

  it("gives numbers as texts is taken for one that knows nobody", async () => {
    let hasAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      hasAsked = resolve;
    });
    const url = await tracker((response) => {
      says({ interval: "soon", peers: 5 })(response);
      hasAsked();
    });
    const torrent = await download([url]);
    await asked;
    await survives(torrent);
  });

  it("names peers that can't be, and one that is", async () => {
    const impossible: Endpoint[] = [
      { address: "0.0.0.0", port: 6881 },
      { address: "127.0.0.1", port: 0 },
      { address: "255.255.255.255", port: 1 },
      { address: "224.0.0.1", port: 1 },
      { address: "127.0.0.1", port: leecher.port },
      honestPeer(),
    ];
    const torn = Buffer.from([1, 2, 3]);
    const peers = Buffer.concat([...impossible.map(encodeCompact), torn]);
    const torrent = await download([await tracker(says({ interval: 1800, peers }))]);
    await torrent.completed();
  });

  it("names 100,000 peers does not fill our memory", async () => {
    const peers = Buffer.alloc(600_000);
    for (let i = 0; i < 100_000; i++) peers.set([198, 18, i >> 8, i & 255, 26, 225], i * 6);
    const torrent = await download([await tracker(says({ interval: 1800, peers }))]);
    await torrent.once("progress");
    expect(torrent.stats.knownPeers).toBeLessThanOrEqual(3000);
    expect(torrent.stats.halfOpen).toBeLessThanOrEqual(50);
    await survives(torrent);
  });

  it("never answers holds up neither the download nor the end", async () => {
    const server = createTcpServer((socket) => socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const torrent = await download([
      `http://127.0.0.1:${port}/announce`,
      `udp://127.0.0.1:${port}/announce`,
    ]);
    await survives(torrent);
    await leecher.remove(torrent);
    expect(torrent.state).toBe("closed");
  });

  it("fails leaves the next one its turn", async () => {
    const good = await tracker(
      says({ interval: 1800, peers: Buffer.from(encodeCompact(honestPeer())) }),
    );
    const torrent = await leecher.add(PAYLOAD.metainfo, {
      path: folder,
      trackers: [[await tracker((response) => error(response, 500))], [good]],
    });
    await torrent.completed();
  });
});

function error(response: ServerResponse, status: number): void {
  response.writeHead(status).end("no");
}

function redirect(response: ServerResponse): void {
  response.writeHead(302, { location: "/announce" }).end();
}

function hangUpWithin(response: ServerResponse): void {
  response.writeHead(200, { "content-length": 1000 });
  response.write("d8:interval", () => response.destroy());
}

/** 100 MB of zeros, as they are or compressed. */
function pour(compressed: boolean): (response: ServerResponse) => void {
  return (response) => {
    const chunk = Buffer.alloc(1_000_000);
    if (!compressed) {
      let left = 100;
      const more = (): void => {
        while (left-- > 0) if (!response.write(chunk)) return;
        response.end();
      };
      response.on("drain", more).on("error", () => {});
      more();
      return;
    }
    response.writeHead(200, { "content-encoding": "gzip" });
    void import("node:zlib").then(({ gzipSync }) => {
      response.end(gzipSync(Buffer.alloc(100_000_000)));
    });
  };
}
