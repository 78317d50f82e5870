import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createHttpAgents } from "./http-agents.ts";

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

// No test can reach a public server, so this one looks at the pool that redirects of one go through.
it.each(["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])(
  "the public pool does not connect to %s",
  async (host) => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end();
    });
    let connections = 0;
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, resolve));
    cleanUp.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const agents = createHttpAgents({});
    cleanUp.push(() => agents.close());
    const { origin } = new URL(`http://${host}:${port}`);
    const request = { origin, path: "/", method: "GET" } as const;
    await expect(agents.publicOnly.request(request)).rejects.toMatchObject({
      code: "ERR_NET_REDIRECT",
    });
    expect([requests, connections]).toEqual([0, 0]);
    expect((await agents.any.request(request)).statusCode).toBe(200);
    await expect(agents.publicOnly.request(request)).rejects.toThrow(/not followed/);
    expect(requests).toBe(1);
  },
);
