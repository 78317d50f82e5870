import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpClient, type HttpClient, type HttpClientOptions } from "./http.ts";
import { createNetwork } from "./network.ts";

const cleanUp: (() => unknown)[] = [];
const bounds = { maxBytes: 1000, timeoutMs: 10_000 };

afterEach(async () => {
  for (const close of cleanUp.splice(0).reverse()) await close();
});

describe("createHttpClient", () => {
  it("fetches a page over IPv4 and IPv6", async () => {
    const client = make({ userAgent: "test/1" });
    for (const host of ["127.0.0.1", "::1"]) {
      const url = await serve((request, response) => {
        response.writeHead(404, { "X-Two": ["a", "b"] });
        response.end(JSON.stringify([request.url, request.headers["user-agent"]]));
      }, host);
      const response = await client.get(`${url}/announce?a=%00b`, bounds);
      expect(response).toMatchObject({
        status: 404,
        url: `${url}/announce?a=%00b`,
        remoteAddress: host,
        headers: { "x-two": "a, b" },
      });
      expect(JSON.parse(text(response.body))).toEqual(["/announce?a=%00b", "test/1"]);
    }
  });

  it("connects over the address family that it is told", async () => {
    const client = make();
    const v4 = await serve((_, response) => response.end("four"));
    const { port } = new URL(v4);
    const url = `http://localhost:${port}/`;
    expect(text((await client.get(url, { ...bounds, family: 4 })).body)).toBe("four");
    for (const target of [url, v4]) {
      await expect(client.get(target, { ...bounds, family: 6 })).rejects.toThrow();
    }
    const v6 = await serve((_, response) => response.end("six"), "::1");
    expect((await client.get(v6, { ...bounds, family: 6 })).remoteAddress).toBe("::1");
    await expect(client.get(v6, { ...bounds, family: 4 })).rejects.toThrow(/IPv4 address/);
  });

  it("connects to nothing on this machine if told so, not even by a name or redirect", async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.end();
    });
    const { port } = new URL(url);
    const client = make();
    for (const host of ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"]) {
      const getting = client.get(`http://${host}:${port}/`, { ...bounds, refuseLoopback: true });
      await expect(getting).rejects.toMatchObject({ code: "ERR_NET_REDIRECT" });
    }
    expect(asked).toBe(0);
  });

  it("sends custom headers and the URL's credentials", async () => {
    const url = await serve(echoHeaders);
    const custom = { Range: "bytes=0-1", "User-Agent": "other" };
    const withUser = url.replace("//", "//us%20er:pa%3Ass@");
    const { body } = await make().get(withUser, { ...bounds, headers: custom });
    expect(JSON.parse(text(body))).toMatchObject({
      range: "bytes=0-1",
      "user-agent": "other",
      authorization: `Basic ${btoa("us er:pa:ss")}`,
    });
  });

  it.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
    ["identity", (bytes: Buffer) => bytes],
  ])("decodes %s", async (encoding, encode) => {
    const page = Buffer.from("d8:intervali1800ee".repeat(20));
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-encoding": encoding });
      response.end(encode(page));
    });
    const { body } = await make().get(url, bounds);
    expect(text(body)).toBe(page.toString());
  });

  it("bounds what it decodes", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.end(gzipSync(Buffer.alloc(100_000)));
    });
    await expect(make().get(url, bounds)).rejects.toMatchObject({ code: "ERR_NET_TOO_LARGE" });
  });

  it.each([
    ["gzip", Buffer.from("no gzip at all")],
    ["gzip", gzipSync("cut short").subarray(0, 15)],
    ["br", Buffer.from("unknown")],
  ])("refuses damaged or unknown %s", async (encoding, body) => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-encoding": encoding });
      response.end(body);
    });
    await expect(make().get(url, bounds)).rejects.toMatchObject({ code: "ERR_NET_BAD_RESPONSE" });
  });

  it("aborts a body that is too large or endless at once", async () => {
    for (const length of [undefined, 100_000_000]) {
      let sent = 0;
      const aborted = Promise.withResolvers<void>();
      const url = await serve((_, response) => {
        if (length !== undefined) response.setHeader("content-length", length);
        const flood = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
        };
        response.on("drain", flood).on("close", aborted.resolve);
        flood();
      });
      await expect(make().get(url, bounds)).rejects.toMatchObject({ code: "ERR_NET_TOO_LARGE" });
      await aborted.promise;
      expect(sent).toBeLessThan(50_000_000);
    }
  });

  it("gives up in time on a server that hangs, before or within its answer", async () => {
    const hangs = await serve(() => {});
    const stalls = await serve((_, response) => {
      response.write("beginning");
    });
    for (const url of [hangs, stalls]) {
      await expect(make().get(url, { ...bounds, timeoutMs: 50 })).rejects.toMatchObject({
        code: "ERR_NET_TIMEOUT",
      });
    }
  });

  it("rejects with the signal's reason", async () => {
    const abort = new AbortController();
    const url = await serve(() => abort.abort(new Error("enough")));
    const client = make();
    await expect(client.get(url, { ...bounds, signal: abort.signal })).rejects.toThrow("enough");
    await expect(client.get(url, { ...bounds, signal: abort.signal })).rejects.toThrow("enough");
  });

  it("names what went wrong", async () => {
    const client = make();
    const nobody = (await serve(() => {})).replace(/:(\d+)$/, ":1");
    await expect(client.get(nobody, bounds)).rejects.toMatchObject({ code: "ERR_NET_REFUSED" });
    const breaks = await serve((request) => request.socket.destroy());
    await expect(client.get(breaks, bounds)).rejects.toMatchObject({ code: "ERR_NET_RESET" });
    const long = `http://${"a".repeat(64)}.invalid/`;
    await expect(client.get(long, bounds)).rejects.toMatchObject({ code: "ERR_NET_DNS" });
    for (const url of ["udp://127.0.0.1:1", "file:///etc/passwd", "/announce", ""]) {
      await expect(client.get(url, bounds)).rejects.toMatchObject({ code: "ERR_NET_INVALID_URL" });
    }
  });

  it("refuses line breaks in header fields", async () => {
    expect(() => make({ userAgent: "a\r\nx: y" })).toThrow(/line break/);
    for (const headers of [{ range: "a\nb" }, { "a\rb": "" }, { "a b": "" }, { a: "\0" }]) {
      const getting = make().get("http://127.0.0.1:1", { ...bounds, headers } as never);
      await expect(getting).rejects.toMatchObject({ code: "ERR_NET_INVALID_HEADER" });
    }
  });

  it("starts from the local address", async () => {
    const url = await serve((request, response) => response.end(request.socket.remoteAddress));
    const client = createNetwork({ bind: ["127.0.0.3"] }).http();
    cleanUp.push(() => client.close());
    for (const host of ["127.0.0.1", "localhost"]) {
      const { body } = await client.get(url.replace("127.0.0.1", host), bounds);
      expect(text(body)).toBe("127.0.0.3");
    }
  });

  it("keeps connections and opens no more than maxSockets", async () => {
    const sockets = new Set<unknown>();
    const url = await serve((request, response) => {
      sockets.add(request.socket);
      response.end("ok");
    });
    const client = make({ maxSockets: 2 });
    await Promise.all(Array.from({ length: 10 }, () => client.get(url, bounds)));
    expect(sockets.size).toBeLessThanOrEqual(2);
  });
});

describe("redirects", () => {
  it.each([301, 302, 303, 307, 308])("follows %i to relative and absolute URLs", async (status) => {
    const target = await serve((_, response) => response.end("found"));
    const url = await serve((request, response) => {
      const location = request.url === "/a" ? "b?c=d" : `${target}/x`;
      response.writeHead(status, { location }).end("moved");
    });
    const response = await make().get(`${url}/a`, bounds);
    expect(text(response.body)).toBe("found");
    expect(response.url).toBe(`${target}/x`);
  });

  it("follows five and no more", async () => {
    const url = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("there");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const client = make();
    expect(text((await client.get(`${url}/5`, bounds)).body)).toBe("there");
    const redirect = { code: "ERR_NET_REDIRECT" };
    await expect(client.get(`${url}/6`, bounds)).rejects.toMatchObject(redirect);
    const none = { ...bounds, maxRedirects: 0 };
    await expect(client.get(`${url}/1`, none)).rejects.toMatchObject(redirect);
  });

  it.each(["file:///etc/passwd", "ftp://127.0.0.1/", "http://[bad", "javascript:1"])(
    "does not follow to %s",
    async (location) => {
      const url = await redirectTo(location);
      const redirect = { code: "ERR_NET_REDIRECT" };
      await expect(make().get(url, bounds)).rejects.toMatchObject(redirect);
    },
  );

  it("sends custom headers to the same origin only, but range everywhere", async () => {
    const other = await serve(echoHeaders);
    const url = await serve((request, response) => {
      if (request.url === "/here") echoHeaders(request, response);
      else response.writeHead(302, { location: request.url === "/" ? "/here" : other }).end();
    });
    const client = make();
    const request = { ...bounds, headers: { "X-Token": "secret", Range: "bytes=1-2" } };
    const same = JSON.parse(text((await client.get(`${url}/`, request)).body));
    expect(same).toMatchObject({ "x-token": "secret", range: "bytes=1-2" });
    const cross = await client.get(`${url.replace("//", "//me:pw@")}/away`, request);
    const seen = JSON.parse(text(cross.body));
    expect(seen).toMatchObject({ range: "bytes=1-2", "user-agent": "shoal" });
    expect(seen).not.toHaveProperty("x-token");
    expect(seen).not.toHaveProperty("authorization");
  });
});

describe("close", () => {
  it("aborts what is under way, refuses more, and leaves nothing", async () => {
    await settle();
    const before = resources();
    const url = await serve((_, response) => {
      response.write("never ends");
    });
    const client = createHttpClient();
    const getting = client.get(url, bounds);
    const refused = expect(getting).rejects.toMatchObject({ code: "ERR_NET_CLOSED" });
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    await refused;
    await expect(client.get(url, bounds)).rejects.toMatchObject({ code: "ERR_NET_CLOSED" });
    for (const close of cleanUp.splice(0)) await close();
    await settle();
    expect(resources()).toEqual(before);
  });
});

function make(options?: HttpClientOptions): HttpClient {
  const client = createHttpClient(options);
  cleanUp.push(() => client.close());
  return client;
}

async function serve(listener: RequestListener, host = "127.0.0.1"): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return host.includes(":") ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

function redirectTo(location: string): Promise<string> {
  return serve((_, response) => response.writeHead(302, { location }).end());
}

const echoHeaders: RequestListener = (request: IncomingMessage, response) => {
  response.end(JSON.stringify(request.headers));
};

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Immediate/.test(name));
}
