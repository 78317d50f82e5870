import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { createNetwork } from "@shoal/net";
import { afterEach, expect, it } from "vitest";
import { loadBlocklist } from "./blocklist.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanUp.splice(0).reverse()) await close();
});

const http = createNetwork().http();
const LIST = "Name:192.0.2.0-192.0.2.255\n2001:db8::/32\nwhat\n";

async function file(bytes: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-blocklist-"));
  cleanUp.push(() => rm(folder, { recursive: true }));
  const path = join(folder, "list");
  await writeFile(path, bytes);
  return path;
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.gz`;
}

async function expectList(source: string | URL): Promise<void> {
  const { filter, ranges, faults } = await loadBlocklist(http, source);
  expect([ranges, faults]).toEqual([2, { count: 1, first: [{ line: 3, text: "what" }] }]);
  expect(filter.blocks("192.0.2.7")).toBe(true);
  expect(filter.blocks("2001:db8::7")).toBe(true);
  expect(filter.blocks("198.51.100.7")).toBe(false);
}

it.each([
  ["plain", LIST],
  ["packed", gzipSync(LIST)],
  ["packed in parts", Buffer.concat([gzipSync(LIST.slice(0, 9)), gzipSync(LIST.slice(9))])],
])("reads a %s file by path and URL", async (_, bytes) => {
  const path = await file(bytes);
  await expectList(path);
  await expectList(pathToFileURL(path));
});

it("reads from a URL, packed as a file, for the way, or both", async () => {
  await expectList(await serve((_, response) => response.end(LIST)));
  await expectList(await serve((_, response) => response.end(gzipSync(LIST))));
  const onTheWay = { "content-encoding": "gzip" };
  await expectList(
    await serve((_, response) => response.writeHead(200, onTheWay).end(gzipSync(LIST))),
  );
  await expectList(
    await serve((_, response) => response.writeHead(200, onTheWay).end(gzipSync(gzipSync(LIST)))),
  );
});

it("takes an empty list for what it is", async () => {
  const { ranges, filter } = await loadBlocklist(http, await file("# nobody\n"));
  expect([ranges, filter.size]).toEqual([0, 0]);
});

it.each([
  ["a page", "<!doctype html>\n<p>Sign in", "line 1 is '<!doctype html>'"],
  ["a torn gzip file", gzipSync(LIST).subarray(0, 30), "damaged"],
  ["a small file that unpacks to 257 MiB", gzipSync(new Uint8Array(257 * 2 ** 20)), "over"],
])("refuses %s", async (_, bytes, message) => {
  await expect(loadBlocklist(http, await file(bytes))).rejects.toMatchObject({
    code: "ERR_SESSION_BLOCKLIST",
    message: expect.stringContaining(message),
  });
});

it("passes on what goes wrong on the way", async () => {
  const url = await serve((_, response) => response.writeHead(404).end(LIST));
  await expect(loadBlocklist(http, url)).rejects.toMatchObject({
    code: "ERR_SESSION_BLOCKLIST",
    message: expect.stringContaining("404"),
  });
  const missing = join(await file(""), "missing");
  await expect(loadBlocklist(http, missing)).rejects.toMatchObject({ code: "ENOTDIR" });
  const reason = new Error("stopped");
  const stopped = loadBlocklist(http, await file(LIST), AbortSignal.abort(reason));
  await expect(stopped).rejects.toBe(reason);
});
