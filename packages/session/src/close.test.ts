// After close nothing is left: no socket, timer, thread, file or pinned block (acceptance of `close`).
import { createSocket } from "node:dgram";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createDiskIo, type DiskIo, fsStore } from "@shoal/disk-io";
import { createNetwork } from "@shoal/net";
import { createTrackerServer } from "@shoal/tracker/server";
import { afterEach, beforeEach, expect, it } from "vitest";
import { reach, Workshop } from "../testing/workshop.ts";
import type { Runtime } from "./init.ts";
import { nodeRuntime } from "./services/runtime.ts";
import { trackerService } from "./services/trackers.ts";
import { Session } from "./session.ts";

const PAYLOAD = { "one.bin": 2_000_000, "two.bin": 2_000_000 };

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

it("leaves nothing of a session that is closed in the middle of everything", async () => {
  const bytes = await shop.torrent("seed", PAYLOAD);
  const other = await shop.torrent("other", { "three.bin": 500_000 });
  const silent = await silentPeer();
  const blackHole = await deafSocket();
  const tracker = await createTrackerServer({
    http: { host: "127.0.0.1" },
    udp: { host: "127.0.0.1" },
  });
  const seeder = await shop.session({ uploadRateLimit: 1_000_000 });
  await (await seeder.add(bytes, { path: shop.path("seed") })).completed();
  await idle();
  const before = resources(seeder);

  const { session, runtime, disk } = await busySession();
  const leech = await session.add(bytes, {
    path: shop.path("leech"),
    trackers: [[tracker.httpUrl ?? ""], [tracker.udpUrl ?? ""]],
    peers: [
      reach(seeder),
      { address: "127.0.0.1", port: 1 },
      { address: "127.0.0.1", port: (silent.server.address() as AddressInfo).port },
      { address: "192.0.2.1", port: 6881 },
    ],
  });
  const seed = await session.add(other, {
    path: shop.path("other"),
    trackers: [
      [`http://127.0.0.1:${(silent.server.address() as AddressInfo).port}/announce`],
      [`udp://127.0.0.1:${blackHole.address().port}`],
    ],
  });
  const stream = leech.files[1]?.stream()[Symbol.asyncIterator]();
  await stream?.next();
  while (leech.progress.piecesDone < 20) await leech.once("piece");
  expect(session.stats.connections).toBeGreaterThan(0);
  expect(leech.state).toBe("downloading");
  expect(seed.state).toBe("seeding");
  const completed = leech.completed();
  const [over, read] = await Promise.allSettled([completed, drain(stream), session.close()]);

  expect(over).toMatchObject({ reason: { code: "ERR_TORRENT_CLOSED" } });
  expect(read).toMatchObject({ reason: { code: "ERR_TORRENT_CLOSED" } });
  expect(runtime.deadlines.size).toBe(0);
  expect(disk.stats()).toMatchObject({
    dirty: 0,
    clean: 0,
    pinned: 0,
    inFlight: 0,
    queuedJobs: 0,
    openHandles: 0,
    free: disk.stats().cacheSize,
  });
  expect(session.stats).toMatchObject({ torrents: 0, connections: 0, halfOpen: 0 });
  for (const socket of silent.sockets) socket.destroy();
  await idle();
  expect(resources(seeder)).toEqual(before);

  await tracker.close();
  silent.server.close();
  blackHole.close();
});

it("leaves nothing when it is closed again and again at any moment", async () => {
  const bytes = await shop.torrent("seed", { "one.bin": 300_000 });
  const seeder = await shop.session();
  await (await seeder.add(bytes, { path: shop.path("seed") })).completed();
  await idle();
  const before = resources(seeder);
  for (let turns = 0; turns < 60; turns += 3) {
    const { session, runtime, disk } = await busySession();
    await session.add(bytes, { path: shop.path(`leech${turns}`), peers: [reach(seeder)] });
    for (let i = 0; i < turns; i++) await turn();
    await session.close();
    expect(runtime.deadlines.size).toBe(0);
    expect(disk.stats().free).toBe(disk.stats().cacheSize);
  }
  await idle();
  expect(resources(seeder)).toEqual(before);
});

/** What `createSession` composes, with its inside in view. */
async function busySession(): Promise<{ session: Session; runtime: Runtime; disk: DiskIo }> {
  const runtime = nodeRuntime();
  const disk = createDiskIo({ cacheSize: 8 * 1024 * 1024 });
  const network = createNetwork({ bind: ["127.0.0.1"] });
  const http = network.http();
  const session = await Session.open({
    runtime,
    disk,
    transports: [network.tcp],
    listen: [{ address: "127.0.0.1", port: 0 }],
    store: (path) => fsStore({ path }),
    services: [trackerService(network, http)],
    release: async () => {
      await http.close();
      runtime.stop();
    },
  });
  return { session, runtime, disk };
}

/** Sockets, timers, threads and files of this process, but for the seeder's data, open or not. */
function resources(seeder: Session): Record<string, unknown> {
  const open = existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
  const files = open - seeder.stats.disk.openHandles;
  const threads = existsSync("/proc/self/task") ? readdirSync("/proc/self/task").length : 0;
  return { files, threads, active: process.getActiveResourcesInfo().sort() };
}

/** Accepts connections and never says a word. */
async function silentPeer(): Promise<{ server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, sockets };
}

async function deafSocket(): Promise<ReturnType<typeof createSocket>> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

async function drain(stream: AsyncIterator<Uint8Array> | undefined): Promise<void> {
  while (!(await stream?.next())?.done);
}

/** Loopback and closing sockets have come to rest after some turns. */
async function idle(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
