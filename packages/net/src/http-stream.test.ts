import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient, type HttpClient } from "./http.ts";
import { retryAfter } from "./http-rules.ts";
import type { HttpHead, HttpStream, HttpStreamOptions } from "./http-stream.ts";
import { createNetwork } from "./network.ts";

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of cleanUp.splice(0).reverse()) await close();
});

const bounds = { idleTimeoutMs: 10_000 };

interface Got {
  head: HttpHead | undefined;
  body: Buffer;
  error: unknown;
}

/** Streams all of `url`. */
function get(
  client: HttpClient,
  url: string,
  options: HttpStreamOptions = bounds,
  onHead: (stream: HttpStream) => boolean = () => true,
): Promise<Got> & { stream: HttpStream } {
  const { promise, resolve } = Promise.withResolvers<Got>();
  const got: Got = { head: undefined, body: Buffer.alloc(0), error: undefined };
  const chunks: Buffer[] = [];
  const stream = client.stream(url, options, {
    head: (head) => {
      got.head = head;
      const isWanted = onHead(stream);
      if (!isWanted) resolve(got);
      return isWanted;
    },
    data: (chunk) => chunks.push(Buffer.from(chunk)),
    end: () => {
      got.body = Buffer.concat(chunks);
      resolve(got);
    },
    failed: (error) => {
      got.error = error;
      resolve(got);
    },
  });
  return Object.assign(promise, { stream });
}

describe("HttpClient.stream", () => {
  it("hands on a body as it is, and keeps the connection", async () => {
    const page = Buffer.alloc(3_000_000, "0123456789");
    let connections = 0;
    const { url } = await serve(
      (request, response) => {
        response.writeHead(206, { "X-Two": ["a", "b"], "content-length": page.length });
        response.end(request.headers.range === "bytes=0-" ? page : undefined);
      },
      () => connections++,
    );
    const client = make({ userAgent: "test/1" });
    for (let i = 0; i < 3; i++) {
      const { head, body } = await get(client, `${url}/a%20b?c`, {
        ...bounds,
        headers: { Range: "bytes=0-" },
      });
      expect(head).toEqual({ status: 206, headers: expect.any(Object), url: `${url}/a%20b?c` });
      expect(head?.headers["x-two"]).toBe("a, b");
      expect(body.equals(page)).toBe(true);
    }
    expect(connections).toBe(1);
  });

  it("tells servers what a request needs, and nothing is decoded", async () => {
    const { url } = await serve((request, response) => {
      response.end(JSON.stringify([request.url, request.headers]));
    });
    const withUser = url.replace("//", "//us%20er:pa%3Ass@");
    const { body } = await get(make({ userAgent: "test/1" }), `${withUser}/x?y=1#z`);
    expect(JSON.parse(body.toString())).toEqual([
      "/x?y=1",
      {
        host: url.slice(7),
        "user-agent": "test/1",
        accept: "*/*",
        "accept-encoding": "identity",
        authorization: `Basic ${btoa("us er:pa:ss")}`,
      },
    ]);
  });

  it("survives credentials that are badly encoded", async () => {
    const { url } = await serve((request, response) => response.end(request.headers.authorization));
    const { body } = await get(make(), url.replace("//", "//%zz:%@"));
    expect(body.toString()).toBe(`Basic ${btoa("%zz:%")}`);
  });

  it("reads chunks, and bodies that end with the connection", async () => {
    const { url } = await serve((request, response) => {
      if (request.url === "/close") response.shouldKeepAlive = false;
      response.useChunkedEncodingByDefault = request.url !== "/close";
      response.write("one ");
      setImmediate(() => response.end("two"));
    });
    const client = make();
    for (const path of ["/chunked", "/close"]) {
      expect((await get(client, url + path)).body.toString()).toBe("one two");
    }
  });

  it("stops and goes on", async () => {
    let written = 0;
    const { url } = await serve((_, response) => {
      const write = (): void => {
        while (written < 100_000_000) {
          written += 100_000;
          if (!response.write(Buffer.alloc(100_000))) return void response.once("drain", write);
        }
        response.end();
      };
      write();
    });
    let total = 0;
    let isPaused = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stream = make().stream(url, bounds, {
      head: () => {
        stream.pause();
        isPaused = true;
        return true;
      },
      data: (chunk) => {
        expect(isPaused).toBe(false);
        const before = Math.floor(total / 10_000_000);
        total += chunk.length;
        if (Math.floor(total / 10_000_000) > before) {
          isPaused = true;
          stream.pause();
          later();
        }
      },
      end: resolve,
      failed: (error) => expect.unreachable(error.message),
    });
    const later = (): void => {
      void turns(20).then(() => {
        isPaused = false;
        stream.resume();
      });
    };
    while (!isPaused) await turn();
    await turns(100);
    // What the system buffers, but no more.
    expect([total, written < 50_000_000]).toEqual([0, true]);
    later();
    await promise;
    expect(total).toBe(100_000_000);
  });

  it("reads several at a time, up to a bound, the others in turn", async () => {
    let most = 0;
    const open: ServerResponse[] = [];
    const { url } = await serve((_, response) => {
      most = Math.max(most, open.push(response));
      if (open.length < 3) return;
      for (const one of open.splice(0)) one.end("x");
    });
    const client = make({ maxSockets: 3 });
    const all = await Promise.all(Array.from({ length: 21 }, () => get(client, url)));
    expect(all.every(({ body }) => body.toString() === "x")).toBe(true);
    expect(most).toBe(3);
  });

  it("does not count a cancelled one that waits", async () => {
    const { url } = await serve((_, response) => response.end("x"));
    const client = make({ maxSockets: 1 });
    const first = get(client, url);
    get(client, url, bounds, () => expect.unreachable()).stream.cancel();
    expect((await first).body.toString()).toBe("x");
    expect((await get(client, url)).body.toString()).toBe("x");
  });

  it("keeps the connection when a small body is refused, not for an endless one", async () => {
    let connections = 0;
    const { url, server } = await serve(
      (request, response) => {
        if (request.url === "/small") response.writeHead(404).end("sorry");
        else if (request.url === "/x") response.end("x");
        else response.write(Buffer.alloc(1_000_000));
      },
      () => connections++,
    );
    const client = make();
    expect((await get(client, `${url}/small`, bounds, () => false)).head?.status).toBe(404);
    await turns(100);
    expect((await get(client, `${url}/x`)).body.toString()).toBe("x");
    expect(connections).toBe(1);
    const gone = new Promise((resolve) => server.once("connection", resolve));
    await get(client, `${url}/endless`, bounds, () => false);
    expect((await get(client, `${url}/x`)).body.toString()).toBe("x");
    await gone;
    expect(connections).toBe(2);
  });

  it("asks again when a kept connection turns out to be closed", async () => {
    const sockets: Socket[] = [];
    let requests = 0;
    const { url } = await serveRaw((socket) => {
      sockets.push(socket);
      socket.on("data", () => {
        requests++;
        // The second request comes just when the server has had enough.
        if (requests === 2) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
      });
    });
    const client = make();
    for (let i = 0; i < 2; i++) expect((await get(client, url)).body.toString()).toBe("x");
    expect([requests, sockets.length]).toEqual([3, 2]);
  });

  it.each([
    ["nothing", ""],
    ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
    ["half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"],
    ["half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
  ])("fails when the connection ends after %s", async (_, text) => {
    const { url } = await serveRaw((socket) => socket.once("data", () => socket.end(text)));
    expect((await get(make(), url)).error).toMatchObject({ code: "ERR_NET_RESET" });
  });

  it("fails for what is no HTTP, and trusts no answer that was not asked for", async () => {
    const { url } = await serveRaw((socket) =>
      socket.once("data", () => socket.end("SSH-2.0\r\n\r\n")),
    );
    expect((await get(make(), url)).error).toMatchObject({ code: "ERR_NET_BAD_RESPONSE" });

    const one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    let connections = 0;
    const twice = await serveRaw((socket) => {
      connections++;
      socket.once("data", () => socket.write(`${one}a${one}b`));
    });
    const client = make();
    for (let i = 0; i < 2; i++) expect((await get(client, twice.url)).body.toString()).toBe("a");
    expect(connections).toBe(2);
  });

  it("fails when nothing comes, but not while paused", async () => {
    const { url } = await serveRaw((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"));
    });
    const client = make();
    const short = { idleTimeoutMs: 50 };
    expect((await get(client, url, short)).error).toMatchObject({ code: "ERR_NET_TIMEOUT" });
    const paused = Promise.withResolvers<void>();
    const waiting = get(client, url, short, (stream) => {
      stream.pause();
      paused.resolve();
      return true;
    });
    let isOver = false;
    void waiting.then(() => {
      isOver = true;
    });
    await paused.promise;
    // One that is asked for later waits as long: the paused one would have failed before it.
    expect((await get(client, url, short)).error).toMatchObject({ code: "ERR_NET_TIMEOUT" });
    expect(isOver).toBe(false);
    waiting.stream.resume();
    expect((await waiting).error).toMatchObject({ code: "ERR_NET_TIMEOUT" });
  });

  it("fails where nobody listens, and for each in turn", async () => {
    const { url, server } = await serve(() => {});
    server.close();
    await new Promise((resolve) => server.once("close", resolve));
    const client = make({ maxSockets: 1 });
    const all = await Promise.all([get(client, url), get(client, url), get(client, url)]);
    for (const { error } of all) expect(error).toMatchObject({ code: "ERR_NET_REFUSED" });
  });

  it("tells nobody of what was cancelled", async () => {
    const { url } = await serve((_, response) => response.write("x"));
    const { promise, resolve } = Promise.withResolvers<void>();
    const stream = make().stream(url, bounds, {
      head: () => true,
      data: () => {
        stream.cancel();
        resolve();
      },
      end: expect.unreachable,
      failed: (error) => expect.unreachable(error.message),
    });
    await promise;
    await turns(20);
  });

  it("refuses bad URLs and headers at once, and everything once closed", async () => {
    const client = make();
    const handler = { head: () => true, data: () => {}, end: () => {}, failed: () => {} };
    expect(() => client.stream("ftp://x", bounds, handler)).toThrow(
      expect.objectContaining({ code: "ERR_NET_INVALID_URL" }),
    );
    const forged = { ...bounds, headers: { a: "b\r\nc: d" } };
    expect(() => client.stream("http://x", forged, handler)).toThrow(
      expect.objectContaining({ code: "ERR_NET_INVALID_HEADER" }),
    );
    const { url } = await serve((_, response) => response.write("x"));
    const open = get(client, url);
    await client.close();
    expect((await open).error).toMatchObject({ code: "ERR_NET_CLOSED" });
    expect(() => client.stream(url, bounds, handler)).toThrow(
      expect.objectContaining({ code: "ERR_NET_CLOSED" }),
    );
  });

  const ways = process.platform === "linux" ? ["any address", "127.0.0.1", "lo"] : ["any address"];
  it.each(ways)("reads over TLS, with pauses, from %s", async (from) => {
    const network = createNetwork(from === "any address" ? {} : { bind: [from] });
    const client = network.http();
    cleanUp.push(() => client.close());
    const page = Buffer.alloc(5_000_000, "abc");
    const server = createTlsServer({ key: KEY, cert: CERT }, (_, response) => response.end(page));
    const url = await listen(server, "https");
    expect((await get(client, url)).error).toMatchObject({ code: "ERR_NET_FAILED" });
    const trusted = getCACertificates();
    setDefaultCACertificates([CERT]);
    cleanUp.push(() => setDefaultCACertificates(trusted));
    const got = get(client, url, bounds, (stream) => {
      stream.pause();
      void turns(20).then(() => stream.resume());
      return true;
    });
    const { body, error } = await got;
    expect(error).toBe(undefined);
    expect(body.equals(page)).toBe(true);
  });
});

describe("redirects of streams", () => {
  it("are followed, and what is for one origin stays there", async () => {
    const target = await serve((request, response) => {
      response.end(JSON.stringify(request.headers));
    });
    const { url } = await serve((request, response) => {
      const location = request.url === "/1" ? "/2" : `${target.url}/3`;
      response.writeHead(302, { location }).end("moved");
    });
    const headers = { range: "bytes=0-1", cookie: "secret" };
    const { head, body } = await get(make(), url.replace("//", "//u:p@").concat("/1"), {
      ...bounds,
      headers,
    });
    expect(head?.url).toBe(`${target.url}/3`);
    const sent = JSON.parse(body.toString());
    expect(sent).toMatchObject({ range: "bytes=0-1" });
    expect([sent.cookie, sent.authorization]).toEqual([undefined, undefined]);
  });

  it.each([
    ["another scheme", "ftp://127.0.0.1/"],
    ["circles", "/"],
    ["nowhere", "http://"],
  ])("to %s are not", async (_, location) => {
    let requests = 0;
    const { url } = await serve((_request, response) => {
      requests++;
      response.writeHead(301, { location }).end();
    });
    const { error } = await get(make(), url, { ...bounds, maxRedirects: 3 });
    expect(error).toMatchObject({ code: "ERR_NET_REDIRECT" });
    expect(requests).toBeLessThanOrEqual(4);
  });

  it.each(["127.0.0.1", "localhost", "[::1]", "2130706433"])(
    "a stream to public addresses only does not connect to %s",
    async (host) => {
      let connections = 0;
      const { url } = await serve(
        () => {},
        () => connections++,
      );
      const at = url.replace("127.0.0.1", host);
      const { error } = await get(make(), at, { ...bounds, publicOnly: true });
      expect(error).toMatchObject({ code: "ERR_NET_REDIRECT" });
      expect(connections).toBe(0);
    },
  );
});

describe("retryAfter", () => {
  const now = Date.UTC(2026, 10, 24, 12, 0, 0);
  it.each([
    [undefined, undefined],
    ["120", 120],
    ["0", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2026", 2026],
    ["Tue, 24 Nov 2026 12:01:30 GMT", 90],
    ["Tuesday, 24-Nov-26 12:01:30 GMT", 90],
    ["Tue, 24 Nov 2026 11:00:00 GMT", 0],
    ["Tue, nonsense", undefined],
  ])("of '%s' is %s seconds", (field, seconds) => {
    expect(retryAfter(field, now)).toBe(seconds);
  });
});

function make(options: Parameters<typeof createHttpClient>[0] = {}): HttpClient {
  const client = createHttpClient(options);
  cleanUp.push(() => client.close());
  return client;
}

async function serve(
  listener: RequestListener,
  onConnection: () => void = () => {},
): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  server.on("connection", onConnection);
  return { url: await listen(server, "http"), server };
}

async function serveRaw(onSocket: (socket: Socket) => void): Promise<{ url: string }> {
  const server = createTcpServer((socket) => {
    cleanUp.push(() => socket.destroy());
    socket.on("error", () => {});
    onSocket(socket);
  });
  return { url: await listen(server, "http") };
}

async function listen(
  server: {
    listen(port: number, host: string, done: () => void): unknown;
    address(): unknown;
    close(): unknown;
    closeAllConnections?(): void;
  },
  scheme: string,
): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

// Known to all the world: of no use but here.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgw1yC1CgG73H64Fuz
mOKeqChEHqGqXq81yKDfrJI3bcKhRANCAAS0hLenYUv+CgkVuKJtkrCgwIhL1sMD
Eme3YsF3ncpFKb9oYR++97KvoLenLHeCy3jTsKIDli+SpzOwJcqvZWUc
-----END PRIVATE KEY-----`;

const CERT = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUW6Yv09dK7MyluxD35AwkaHwIiHMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDAxMDkzOFoYDzIxMjYxMDMx
MDEwOTM4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS0hLenYUv+CgkVuKJtkrCgwIhL1sMDEme3YsF3ncpFKb9oYR++97Kv
oLenLHeCy3jTsKIDli+SpzOwJcqvZWUco2QwYjAdBgNVHQ4EFgQUtJ80NhhzTBMb
CHTCH6ODcuCmPVAwHwYDVR0jBBgwFoAUtJ80NhhzTBMbCHTCH6ODcuCmPVAwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IEmE3CVyufIkREvu66wW0j99V8Xg2tFPxcfScqoPrvrzAiEA82QzlyADOwdQKUgq
+65YgjOESR5cVD06g8wClYhzEb8=
-----END CERTIFICATE-----`;
