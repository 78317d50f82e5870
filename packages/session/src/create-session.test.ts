import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { Workshop } from "../testing/workshop.ts";
import { createSession } from "./create-session.ts";

it("binds nothing when it shall not listen", async () => {
  const session = await createSession({
    listen: false,
    dht: false,
    lsd: false,
    portMapping: false,
  });
  expect(session.port).toBe(0);
  expect(session.addresses).toEqual([]);
  await session.close();
});

it("listens on every address by default, and at one alone if told so", async () => {
  const everywhere = await createSession({ port: 0, dht: false, lsd: false, portMapping: false });
  expect(everywhere.addresses[0]?.address).toMatch(/^(::|0\.0\.0\.0)$/);
  expect(everywhere.port).toBeGreaterThan(0);
  const { port } = everywhere;
  await expect(
    createSession({ port, dht: false, lsd: false, portMapping: false }),
  ).rejects.toMatchObject({
    code: "ERR_NET_ADDRESS_IN_USE",
  });
  await everywhere.close();
  const local = await createSession({
    bind: ["127.0.0.1"],
    port,
    dht: false,
    lsd: false,
    portMapping: false,
  });
  expect(local.addresses).toEqual([{ address: "127.0.0.1", port }]);
  await local.close();
});

it("locks its cache when the first torrent is added, or warns and goes on", async () => {
  const shop = new Workshop();
  const session = await shop.session({ lockMemory: true });
  const warnings: Error[] = [];
  session.on("warning", (warning) => warnings.push(warning));
  const bytes = await shop.torrent("seed", { "a.bin": 100_000 });
  const torrent = await session.add(bytes, { path: shop.path("seed") });
  await torrent.completed();
  const { lockedBytes, cacheSize } = session.stats.disk;
  if (warnings.length === 0) expect(lockedBytes).toBe(cacheSize);
  else {
    expect(warnings).toEqual([expect.objectContaining({ code: "ERR_DISK_UNSUPPORTED" })]);
    expect(lockedBytes).toBe(0);
  }
  await shop.close();
});

it("reads the blocklist once, though ports that it tries are taken", async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests++;
    response.end("192.0.2.0/24\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const blocklist = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const options = { bind: ["127.0.0.1"], dht: false, lsd: false, portMapping: false };
  // Whatever port the first one has found: the second one tries that too.
  const first = await createSession(options);
  const second = await createSession({ ...options, blocklist });
  expect(second.port).not.toBe(first.port);
  expect(requests).toBe(1);
  await first.close();
  await second.close();
  server.close();
});
