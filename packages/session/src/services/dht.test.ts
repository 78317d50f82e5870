import { once } from "node:events";
import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { type Endpoint, formatEndpoint, toHex } from "@shoal/core";
import type { DhtNode } from "@shoal/dht";
import { createDht } from "@shoal/dht/node";
import { createNetwork, udpSocket } from "@shoal/net";
import type { Torrent } from "@shoal/torrent";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reach, Workshop } from "../../testing/workshop.ts";
import type { Session } from "../session.ts";
import { type DhtServiceOptions, dhtService } from "./dht.ts";
import { nodeRuntime } from "./runtime.ts";

const LOCAL = createNetwork({ bind: ["127.0.0.1"] });

/** A torrent that may use the DHT. */
const SWARM = {
  infoHash: new Uint8Array(20),
  peerId: new Uint8Array(20),
  isPrivate: false,
  trackers: [],
  transfer: () => ({ uploaded: 0, downloaded: 0, left: 0 }),
};

let shop: Workshop;
const nodes: { close(): Promise<void> }[] = [];
beforeEach(() => {
  shop = new Workshop();
});
afterEach(async () => {
  await shop.close();
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});

/** A DHT of one node, and what sessions need to take part in it. */
async function router(address = "127.0.0.1"): Promise<{ node: DhtNode; bootstrap: string[] }> {
  const node = await createDht({ addresses: [address], bootstrap: [] });
  nodes.push(node);
  return { node, bootstrap: node.addresses.map(formatEndpoint) };
}

/** Adds a torrent whose data is there, and waits until the node was told of it. */
async function seed(session: Session, place: string, node: DhtNode): Promise<Uint8Array> {
  const bytes = await shop.torrent(place, { "a.bin": 100_000 }, { source: place });
  const announced = new Promise<void>((resolve) => {
    const stop = node.on("announced", ({ infoHash }) => {
      if (toHex(infoHash) !== torrent?.infoHash) return;
      stop();
      resolve();
    });
  });
  const torrent: Torrent | undefined = await session.add(bytes, { path: shop.path(place) });
  await announced;
  return bytes;
}

/** For datagrams, of this process. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "UDPWrap").length;
}

describe.each(["127.0.0.1", "::1"])("sessions at %s", (address) => {
  it("find each other by the DHT alone", async () => {
    const { node, bootstrap } = await router(address);
    const seeder = await shop.session({ bind: [address], dht: { bootstrap } });
    const bytes = await seed(seeder, "seed", node);
    const leecher = await shop.session({ bind: [address], dht: { bootstrap } });
    const torrent = await leecher.add(bytes, { path: shop.path("leech") });
    await torrent.completed();
    expect(shop.files("leech")).toEqual(shop.files("seed"));
  });
});

describe("the port message", () => {
  it("tells who dials of our node", async () => {
    const { node, bootstrap } = await router();
    const seeder = await shop.session({ dht: { bootstrap } });
    const known = await seed(seeder, "known", node);
    const sought = await seed(seeder, "sought", node);
    const leecher = await shop.session({ dht: { bootstrap: [] } });
    await leecher.add(known, { path: shop.path("leech"), peers: [reach(seeder)] });
    const torrent = await leecher.add(sought, { path: shop.path("found") });
    await torrent.completed();
  });

  it("tells who is dialled of our node", async () => {
    const { node, bootstrap } = await router();
    const lonely = await shop.session({ dht: { bootstrap: [] } });
    const known = await shop.torrent("known", { "a.bin": 1000 });
    await (await lonely.add(known, { path: shop.path("known") })).completed();
    const seeder = await shop.session({ dht: { bootstrap } });
    const sought = await seed(seeder, "sought", node);
    await seeder.add(known, { path: shop.path("leech"), peers: [reach(lonely)] });
    const torrent = await lonely.add(sought, { path: shop.path("found") });
    await torrent.completed();
  });
});

it("binds and asks nothing for private torrents", async () => {
  const { node, bootstrap } = await router();
  const session = await shop.session({ dht: { bootstrap } });
  const bytes = await shop.torrent("private", { "a.bin": 1000 }, { isPrivate: true });
  const torrent = await session.add(bytes, { path: shop.path("private") });
  await torrent.completed();
  torrent.announce();
  expect(openSockets()).toBe(node.addresses.length);
  expect(node.stats().datagramsReceived).toBe(0);
  await seed(session, "public", node);
  expect(node.stats()).toMatchObject({ torrents: 1 });
});

it("begins with the nodes that a torrent file names", async () => {
  const { node } = await router();
  const named = node.addresses.map(({ address, port }) => ({ host: address, port }));
  const session = await shop.session({ dht: { bootstrap: [] } });
  const { metainfo } = await session.add(await shop.torrent("seed", { "a.bin": 1000 }), {
    path: shop.path("seed"),
  });
  if (metainfo === undefined) throw new Error("no metainfo");
  const other = await shop.session({ dht: { bootstrap: [] } });
  const announced = node.once("announced");
  await other.add({ ...metainfo, nodes: named }, { path: shop.path("seed") });
  await announced;
});

describe("the saved state", () => {
  it("finds peers without any bootstrap", async () => {
    const { node, bootstrap } = await router();
    const stateFile = shop.path("deep/down/dht.state");
    const seeder = await shop.session({ dht: { bootstrap, stateFile } });
    const bytes = await seed(seeder, "seed", node);
    // It is not announced: the one after it shall find the seeder, at the same address.
    const leecher = await shop.session({ listen: false, dht: { bootstrap, stateFile } });
    await (await leecher.add(bytes, { path: shop.path("first") })).completed();
    await leecher.close();
    expect(existsSync(stateFile)).toBe(true);
    const again = await shop.session({ dht: { bootstrap: [], stateFile } });
    await (await again.add(bytes, { path: shop.path("second") })).completed();
  });

  it.each([
    ["is broken", "ERR_DHT_STATE", (path: string) => writeFileSync(path, "d1:a1:b")],
    ["is huge", "ERR_SESSION_STATE", (path: string) => writeFileSync(path, Buffer.alloc(2 ** 21))],
  ])("that %s is a warning, and is replaced", async (_what, code, spoil) => {
    const { node, bootstrap } = await router();
    const stateFile = shop.path("dht.state");
    spoil(stateFile);
    const session = await shop.session({ dht: { bootstrap, stateFile } });
    const warnings: Error[] = [];
    session.on("warning", (warning) => warnings.push(warning));
    await seed(session, "seed", node);
    expect(warnings).toEqual([expect.objectContaining({ code })]);
    await session.close();
    const saved = readFileSync(stateFile);
    expect(saved.length).toBeLessThan(100_000);
    nodes.push(await createDht({ addresses: ["127.0.0.1"], bootstrap: [], state: saved }));
  });

  it("that can't be written is a warning", async () => {
    const { node, bootstrap } = await router();
    const stateFile = shop.path("file/dht.state");
    const session = await shop.session({ dht: { bootstrap, stateFile } });
    const warnings: Error[] = [];
    session.on("warning", (warning) => warnings.push(warning));
    await seed(session, "seed", node);
    writeFileSync(shop.path("file"), "");
    await session.close();
    expect(warnings).toEqual([expect.objectContaining({ code: "ENOTDIR" })]);
  });
});

describe("dhtService", () => {
  /** A service at work for one torrent, and its time. */
  async function scene(options: DhtServiceOptions, listenPort: number) {
    const { node, bootstrap } = await router();
    const runtime = nodeRuntime();
    const host = { ...runtime, clientName: "test", warn: () => {}, listenPort: () => listenPort };
    const service = dhtService(LOCAL, { bootstrap, ...options })(host);
    nodes.push({
      close: async () => {
        await service.close();
        runtime.stop();
      },
    });
    const found: Endpoint[] = [];
    expect(service.dht?.port).toBe(0);
    const feed = service.open({
      ...SWARM,
      found: (peers) => found.push(...peers),
      warn: (error) => {
        throw error;
      },
    });
    await node.once("announced");
    return { service, node, runtime, feed };
  }

  it("takes the UDP port of the session's number", async () => {
    const free = await udpSocket({ address: "127.0.0.1", port: 0 });
    const { port } = free.local;
    await free.close();
    const { service } = await scene({}, port);
    expect(service.dht?.port).toBe(port);
  });

  it("takes another port if that is taken", async () => {
    const taken = await udpSocket({ address: "127.0.0.1", port: 0 });
    nodes.push(taken);
    const { service } = await scene({}, taken.local.port);
    expect(service.dht?.port).toBeGreaterThan(0);
    expect(service.dht?.port).not.toBe(taken.local.port);
  });

  it("saves every quarter of an hour", async () => {
    const stateFile = shop.path("dht.state");
    const { runtime } = await scene({ stateFile }, 6881);
    expect(existsSync(stateFile)).toBe(false);
    const folder = watch(shop.folder);
    runtime.deadlines.advance(runtime.clock.now() + 15 * 60_000 + 1);
    while (!existsSync(stateFile)) await once(folder, "change");
    folder.close();
  });

  it("takes back a torrent that left before the node ran", async () => {
    const { node, bootstrap } = await router();
    const runtime = nodeRuntime();
    const host = { ...runtime, clientName: "test", warn: () => {}, listenPort: () => 1 };
    const service = dhtService(LOCAL, { bootstrap })(host);
    const feed = service.open({ ...SWARM, found: () => {}, warn: () => {} });
    feed.refresh();
    feed.completed();
    await feed.close(AbortSignal.abort());
    await service.close();
    runtime.stop();
    expect(node.stats().torrents).toBe(0);
    // The event loop lets go of a closed socket within a few turns.
    for (let i = 0; i < 5; i++) await turn();
    expect(openSockets()).toBe(1);
  });
});
