// Both address families in one session, several listening addresses, and what a bound one refuses.
import type { Torrent } from "@shoal/torrent";
import { afterEach, beforeEach, expect, it } from "vitest";
import { reach, until, Workshop } from "../testing/workshop.ts";
import { createSession } from "./create-session.ts";
import type { Session } from "./session.ts";

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

async function leech(from: Session, bytes: Uint8Array, address: string): Promise<Torrent> {
  const leecher = await shop.session({ bind: [address] });
  const path = shop.path(`leech ${address.replaceAll(":", "-")}`);
  return leecher.add(bytes, { path, peers: [reach(from, address)] });
}

it("serves peers of both families at once when it listens everywhere", async () => {
  const bytes = await shop.torrent("seed", { "a.bin": 300_000 });
  const options = {
    port: 0,
    trackers: false,
    dht: false,
    lsd: false,
    portMapping: false,
    cacheSize: 8 * 2 ** 20,
  };
  const seeder = await createSession(options);
  try {
    expect(seeder.addresses).toEqual([{ address: "::", port: seeder.port }]);
    await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
    const torrents = [await leech(seeder, bytes, "127.0.0.1"), await leech(seeder, bytes, "::1")];
    await Promise.all(torrents.map((torrent) => torrent.completed()));
  } finally {
    await seeder.close();
  }
});

// An interface is bound to by sockets that are tied to it, which is for Linux.
const bindings =
  process.platform === "linux" ? [["127.0.0.1", "::1"], ["lo"]] : [["127.0.0.1", "::1"]];
it.each(bindings)("listens at each address of %s %s, on one port", async (...bind) => {
  const bytes = await shop.torrent("seed", { "a.bin": 300_000 });
  const seeder = await shop.session({ bind: bind.filter((one) => one !== undefined) });
  const { port } = seeder;
  expect(seeder.addresses).toEqual([
    { address: "127.0.0.1", port },
    { address: "::1", port },
  ]);
  await until(await seeder.add(bytes, { path: shop.path("seed") }), "seeding");
  const torrents = [await leech(seeder, bytes, "127.0.0.1"), await leech(seeder, bytes, "::1")];
  await Promise.all(torrents.map((torrent) => torrent.completed()));
});

it("does not start where what it is bound to is not there", async () => {
  const opening = shop.session({ bind: ["192.0.2.77"] });
  await expect(opening).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_UNAVAILABLE" });
});
