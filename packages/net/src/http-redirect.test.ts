// Where a public server may not lead the HTTP client.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, vi } from "vitest";
import { createHttpClient } from "./http.ts";
import type * as Agents from "./http-agents.ts";
import type * as Connections from "./http-connection.ts";

// The server of this test plays a public one: its address is hidden from the rules.
vi.mock(import("./http-agents.ts"), async (original) => {
  const agents: typeof Agents = await original();
  return {
    ...agents,
    createHttpAgents: (options) => ({
      ...agents.createHttpAgents(options),
      remoteAddress: () => "192.0.2.1",
    }),
  };
});

vi.mock(import("./http-connection.ts"), async (original) => {
  const { HttpConnection }: typeof Connections = await original();
  vi.spyOn(HttpConnection.prototype, "isPublic", "get").mockReturnValue(true);
  return { HttpConnection };
});

it("does not follow a public server to a local address, not even by a name", async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const { port } = server.address() as AddressInfo;
    const host = request.url === "/name" ? "localhost" : "127.0.0.1";
    response.writeHead(302, { location: `http://${host}:${port}/internal` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createHttpClient();
  for (const path of ["/name", "/address"]) {
    const getting = client.get(`http://127.0.0.1:${port}${path}`, {
      maxBytes: 1000,
      timeoutMs: 10_000,
    });
    await expect(getting).rejects.toMatchObject({ code: "ERR_NET_REDIRECT" });
    const streaming = new Promise((resolve) => {
      const handler = { head: () => true, data: () => {}, end: () => {}, failed: resolve };
      client.stream(`http://127.0.0.1:${port}${path}`, { idleTimeoutMs: 10_000 }, handler);
    });
    expect(await streaming).toMatchObject({ code: "ERR_NET_REDIRECT" });
  }
  expect(asked).toEqual(["/name", "/name", "/address", "/address"]);
  await client.close();
  server.closeAllConnections();
  server.close();
});
