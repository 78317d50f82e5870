// Downloads from real servers, through the HTTP client of @shoal/net.
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type BlockFacts, createRng, Deadlines } from "@shoal/core";
import { clock, createHttpClient, deadlineDriver } from "@shoal/net";
import { afterEach, describe, expect, it } from "vitest";
import { TestSwarm } from "../testing/swarm.ts";
import { type TestTorrent, testTorrent } from "../testing/torrent.ts";
import { createWebSeedSource } from "./index.ts";

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of cleanUp.splice(0).reverse()) await close();
});

const MULTI = testTorrent(
  [
    { path: ["plain.txt"], length: 100_000 },
    { path: [".pad", "31072"], length: 31_072, pad: true },
    { path: ["folder with spaces", "100% #1?.bin"], length: 300_001 },
    { path: ["empty"], length: 0 },
    { path: ["..", "up"], length: 7 },
    { path: ["grüße", "日本語", "a+b&c=d;e"], length: 70_000 },
    { path: [Uint8Array.of(0xff, 0x80, 0x41)], length: 1 },
    { path: ["slash/inside\\both"], length: 200_000 },
  ],
  { name: "näme", pieceLength: 32_768 },
);

describe("a web server", () => {
  it("gives a single file, under its own name or below a folder", async () => {
    const torrent = testTorrent(5_000_001);
    const { url, asked } = await serve(
      fileServer({ "/other.bin": torrent.bytes, "/pub/some name": torrent.bytes }),
    );
    for (const path of ["/other.bin", "/pub/"]) {
      const swarm = start(torrent, { web: [url + path] });
      await swarm.complete;
      expect(swarm.codes).toEqual([]);
    }
    expect(new Set(asked)).toEqual(new Set(["/other.bin", "/pub/some%20name"]));
  });

  it("gives many files with odd names, but is never asked for pads", async () => {
    const { url, asked, connections } = await serve(fileServer(filesOf(MULTI, "/pub/")));
    const swarm = start(MULTI, { web: [`${url}/pub`] });
    await swarm.complete;
    expect(swarm.codes).toEqual([]);
    expect(asked.toSorted()).toEqual([
      "/pub/n%C3%A4me/%FF%80A",
      "/pub/n%C3%A4me/folder%20with%20spaces/100%25%20%231%3F.bin",
      "/pub/n%C3%A4me/gr%C3%BC%C3%9Fe/%E6%97%A5%E6%9C%AC%E8%AA%9E/a%2Bb%26c%3Dd%3Be",
      "/pub/n%C3%A4me/plain.txt",
      "/pub/n%C3%A4me/slash%2Finside%5Cboth",
      "/pub/n%C3%A4me/up",
    ]);
    expect(connections()).toBeLessThanOrEqual(4);
  });

  it("may be one of several, some of which fail", async () => {
    const torrent = testTorrent(30_000_000);
    const good = await serve(fileServer({ "/f": torrent.bytes }));
    const bad = await serve((_, response) => response.writeHead(500).end("sorry"));
    const dead = await serve(() => {});
    await dead.close();
    const swarm = start(torrent, { web: [bad.url, dead.url, `${good.url}/f`, `${good.url}/f?x`] });
    await swarm.complete;
    // The last has a query and is here: refused.
    expect(new Set(swarm.codes)).toEqual(
      new Set(["ERR_WEBSEED_URL", "ERR_WEBSEED_STATUS", "ERR_WEBSEED_UNREACHABLE"]),
    );
  });

  it("may redirect, for each file elsewhere", async () => {
    const target = await serve(fileServer(filesOf(MULTI, "/")));
    const { url } = await serve((request, response) => {
      response.writeHead(302, { location: target.url + request.url }).end("moved");
    });
    const swarm = start(MULTI, { web: [`${url}/`] });
    await swarm.complete;
    expect(swarm.codes).toEqual([]);
  });

  it("may know no ranges, if files are small", async () => {
    const files = filesOf(MULTI, "/");
    const { url } = await serve((request, response) => response.end(files[pathOf(request)]));
    const swarm = start(MULTI, { web: [`${url}/`] });
    await swarm.complete;
    expect(swarm.codes).toEqual([]);
  });

  it("may send chunks, close each connection, and break off", async () => {
    const torrent = testTorrent(3_000_000);
    let requests = 0;
    const { url } = await serve((request, response) => {
      const [first, last] = rangeOf(request, torrent.bytes.length);
      const body = torrent.bytes.subarray(first, last + 1);
      response.shouldKeepAlive = ++requests % 2 === 0;
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/3000000` });
      response.write(body.subarray(0, 200_000));
      if (requests % 3 === 0) setImmediate(() => response.destroy());
      else response.end(body.subarray(200_000));
    });
    const swarm = start(torrent, { web: [url] });
    await swarm.complete;
    expect(swarm.codes).toEqual([]);
  });

  it("waits while the disk does", async () => {
    const torrent = testTorrent(60_000_000);
    let sent = 0;
    const { url } = await serve((request, response) => {
      const [first, last] = rangeOf(request, torrent.bytes.length);
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/60000000` });
      const write = (at: number): void => {
        if (at > last) return void response.end();
        const to = Math.min(at + 100_000, last + 1);
        sent += to - at;
        if (response.write(torrent.bytes.subarray(at, to))) write(to);
        else response.once("drain", () => write(to));
      };
      write(first);
    });
    const swarm = start(torrent, { web: [url] });
    const [lane] = swarm.lanes;
    if (lane === undefined) throw new Error("no lane");
    lane.isReady = false;
    while (lane.total === 0) await turn();
    for (let i = 0; i < 200; i++) await turn();
    const before = lane.total;
    // No more than one read, and what the system buffers on two connections.
    expect(before).toBeLessThanOrEqual(262_144);
    expect(sent).toBeLessThan(30_000_000);
    lane.drain();
    await swarm.complete;
  });
});

describe("a script", () => {
  it("gives pieces and ranges of them", async () => {
    const { url, asked } = await serve(script(MULTI));
    const swarm = start(MULTI, { scripts: [`${url}/seed.php`] });
    await swarm.complete;
    expect(swarm.codes).toEqual([]);
    expect(asked.some((path) => path.includes("&ranges="))).toBe(true);
  });

  it("asks for patience in its own way", async () => {
    const { url } = await serve((_, response) => response.writeHead(503).end("3600"));
    const swarm = start(testTorrent(1000), { scripts: [url] });
    while (swarm.codes.length === 0) await turn();
    expect(swarm.codes).toEqual(["ERR_WEBSEED_STATUS"]);
  });
});

describe("a hostile server", () => {
  const torrent = testTorrent(1_000_000);
  const ranged = (
    response: ServerResponse,
    more: Record<string, string | number> = {},
  ): ServerResponse =>
    response.writeHead(206, { "content-range": "bytes 0-999999/1000000", ...more });

  it.each<[string, string, RequestListener]>([
    ["an error page", "ERR_WEBSEED_STATUS", (_, response) => response.writeHead(400).end("<html>")],
    ["success without data", "ERR_WEBSEED_STATUS", (_, response) => response.writeHead(204).end()],
    [
      "another range",
      "ERR_WEBSEED_RANGE",
      (_, response) =>
        response.writeHead(206, { "content-range": "bytes 1-1000000/*" }).end(torrent.bytes),
    ],
    [
      "another length",
      "ERR_WEBSEED_RANGE",
      (_, response) => ranged(response, { "content-length": 5 }).end("hello"),
    ],
    [
      "less in chunks",
      "ERR_WEBSEED_RANGE",
      (_, response) => ranged(response).write(torrent.bytes.subarray(0, 5), () => response.end()),
    ],
    [
      "more in chunks",
      "ERR_WEBSEED_RANGE",
      (_, response) => ranged(response).write(torrent.bytes, () => response.end("more")),
    ],
    [
      "gzip",
      "ERR_WEBSEED_ENCODING",
      (_, response) => ranged(response, { "content-encoding": "gzip" }).end("x"),
    ],
    ["a page instead of a file", "ERR_WEBSEED_RANGE", (_, response) => response.end("<html>")],
    [
      "an endless page",
      "ERR_WEBSEED_RANGE",
      (_, response) => {
        const write = (): void => {
          if (!response.destroyed) response.write("x".repeat(100_000), write);
        };
        response.writeHead(200, { "content-length": 1_000_001 });
        write();
      },
    ],
    ["a broken connection", "ERR_WEBSEED_UNREACHABLE", (request) => request.socket.destroy()],
    [
      "circles",
      "ERR_WEBSEED_UNREACHABLE",
      (_, response) => response.writeHead(302, { location: "/again" }).end(),
    ],
    [
      "another scheme",
      "ERR_WEBSEED_UNREACHABLE",
      (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    ],
    ["no HTTP", "ERR_WEBSEED_UNREACHABLE", (request) => request.socket.end("220 ftp\r\n\r\n")],
    [
      "a forged length",
      "ERR_WEBSEED_UNREACHABLE",
      (request) => {
        const head = "HTTP/1.1 206 x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
        request.socket.end(head);
      },
    ],
  ])("that sends %s is given up", async (_, code, listener) => {
    const { url } = await serve(listener);
    // All in one request, so that each answer is about the whole file.
    const swarm = start(torrent, { web: [`${url}/f`] });
    while (swarm.codes.length === 0) await turn();
    expect(swarm.codes[0]).toBe(code);
    expect(swarm.openLanes).toEqual([]);
  });
});

/** A started download. */
function start(torrent: TestTorrent, urls: { web?: string[]; scripts?: string[] }): TestSwarm {
  const deadlines = new Deadlines();
  const driver = deadlineDriver(deadlines, clock());
  const http = createHttpClient();
  const source = createWebSeedSource({
    clock: clock(),
    deadlines,
    rng: createRng(1),
    userAgent: "test/1",
    http,
  });
  const swarm = new TestSwarm(torrent, urls);
  const feed = source.open(swarm satisfies BlockFacts);
  cleanUp.push(async () => {
    feed?.close();
    await source.close();
    await http.close();
    driver.close();
  });
  return swarm;
}

/** The files of a torrent by their path on a server, decoded byte by byte. */
function filesOf({ metainfo, bytes }: TestTorrent, root: string): Record<string, Uint8Array> {
  const raw: Record<number, string> = { 4: "up", 6: "\xff\x80A", 7: "slash/inside\\both" };
  return Object.fromEntries(
    metainfo.files.map(({ path, offset, length }, i) => {
      const inside = raw[i] ?? Buffer.from(path.slice(1).join("/")).toString("latin1");
      const name = Buffer.from(metainfo.name).toString("latin1");
      return [`${root}${name}/${inside}`, bytes.subarray(offset, offset + length)];
    }),
  );
}

/** The path that was asked for, decoded byte by byte. */
function pathOf({ url = "" }: IncomingMessage): string {
  return url.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function rangeOf({ headers }: IncomingMessage, length: number): [number, number] {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  return first === undefined ? [0, length - 1] : [Number(first), Number(last)];
}

function fileServer(files: Record<string, Uint8Array>): RequestListener {
  return (request, response) => {
    const file = files[pathOf(request)];
    if (file === undefined) return void response.writeHead(404).end("not here");
    const [first, last] = rangeOf(request, file.length);
    const body = file.subarray(first, last + 1);
    const range = `bytes ${first}-${last}/${file.length}`;
    response.writeHead(206, { "content-range": range, "content-length": body.length }).end(body);
  };
}

/** A script as BEP 17 describes it. */
function script({ metainfo, bytes }: TestTorrent): RequestListener {
  return (request, response) => {
    const { searchParams } = new URL(`http://x${request.url}`);
    const begin = Number(searchParams.get("piece")) * metainfo.geometry.pieceLength;
    const piece = bytes.subarray(begin, begin + metainfo.geometry.pieceLength);
    const [first, last] = searchParams.get("ranges")?.split("-").map(Number) ?? [
      0,
      piece.length - 1,
    ];
    response.end(piece.subarray(first, (last ?? 0) + 1));
  };
}

interface Server {
  url: string;
  /** Paths that were asked for, in order. */
  asked: string[];
  connections: () => number;
  close: () => Promise<void>;
}

async function serve(listener: RequestListener): Promise<Server> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    listener(request, response);
  });
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  cleanUp.push(close);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, connections: () => sockets.size, close };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
