// Sessions in the simulated network, on simulated disks, and payloads for them.
import { hash } from "node:crypto";
import { createRng, randomInt } from "@shoal/core";
import { createDiskIo, type DiskIo, memoryStore, type StoreFactory } from "@shoal/disk-io";
import { buildTorrent, type Metainfo, parseTorrent } from "@shoal/metainfo";
import { Session, type SessionInit, type SessionSettings } from "@shoal/session/bare";
import { type HostOptions, type Simulation, virtualDisk } from "@shoal/testkit";
import { runtimeOf } from "./sim-swarm.fixture.ts";

/** The port that everybody listens at. */
export const PORT = 6881;

/** A torrent and its bytes. */
export interface Payload {
  readonly metainfo: Metainfo;
  readonly bytes: Buffer;
}

/** A session and where it is. */
export interface SimulatedPeer {
  readonly address: string;
  readonly session: Session;
  readonly disk: DiskIo;
}

/** What sets a simulated peer apart. */
export interface SimulatedPeerOptions {
  readonly line?: HostOptions;
  readonly settings?: Partial<SessionSettings>;
  readonly services?: SessionInit["services"];
  readonly cacheSize?: number;
}

/** Opens a session at `10.0.0.<number>`. */
export async function simulatedPeer(
  sim: Simulation,
  number: number,
  options: SimulatedPeerOptions = {},
): Promise<SimulatedPeer> {
  const address = `10.0.0.${number}`;
  const host = sim.network.host(address, options.line ?? {});
  const disk = createDiskIo({
    cacheSize: options.cacheSize ?? 8 * 1024 * 1024,
    execute: virtualDisk(sim, { latencyMs: 1, bytesPerSecond: 100e6 }),
  });
  const session = await Session.open({
    runtime: runtimeOf(sim),
    disk,
    transports: [host.transport()],
    listen: [{ address: "0.0.0.0", port: PORT }],
    store: () => memoryStore(),
    settings: options.settings,
    services: options.services ?? [],
  });
  return { address, session, disk };
}

/** A torrent of one file of pseudo-random bytes. */
export function makePayload(length: number, pieceLength: number, seed = 7): Payload {
  const rng = createRng(seed);
  const stretch = Uint8Array.from({ length: 65_537 }, () => randomInt(rng, 256));
  const repeats = Math.ceil(length / stretch.length);
  const all = Buffer.concat(Array.from({ length: repeats }, () => stretch));
  const bytes = all.subarray(0, length);
  const hashes: Buffer[] = [];
  for (let at = 0; at < length; at += pieceLength) {
    // The stretch repeats; its place makes each piece unlike the others.
    if (at + 4 <= length) bytes.writeUInt32BE(at, at);
    hashes.push(hash("sha1", bytes.subarray(at, at + pieceLength), "buffer"));
  }
  const file = buildTorrent({
    name: "payload",
    files: [{ path: ["payload"], length }],
    pieceLength,
    pieceHashes: Buffer.concat(hashes),
  });
  return { metainfo: parseTorrent(file), bytes };
}

/** A store with all bytes of the payload. */
export async function filledStore({ metainfo, bytes }: Payload): Promise<StoreFactory> {
  const store = memoryStore();
  const open = await store.open(layoutOf(metainfo));
  const { pieceLength } = metainfo.geometry;
  for (let at = 0; at < bytes.length; at += pieceLength) {
    await open.write(at / pieceLength, 0, [bytes.subarray(at, at + pieceLength)]);
  }
  return store;
}

/** All bytes in a store; zeros where there are none. */
export async function contentOf(store: StoreFactory, { metainfo }: Payload): Promise<Buffer> {
  const open = await store.open(layoutOf(metainfo));
  const { totalLength, pieceLength } = metainfo.geometry;
  const bytes = Buffer.alloc(totalLength);
  for (let at = 0; at < totalLength; at += pieceLength) {
    await open.read(at / pieceLength, 0, [bytes.subarray(at, at + pieceLength)]);
  }
  return bytes;
}

/** Where others dial the peer. */
export function reach({ address }: SimulatedPeer): { address: string; port: number } {
  return { address, port: PORT };
}

/** Closes the sessions, lets the network come to rest, and says how many alarms are left. */
export async function closeAll(
  sim: Simulation,
  peers: readonly SimulatedPeer[],
): Promise<{ alarms: number; blocks: number; connections: number }> {
  await sim.settle(Promise.all(peers.map(({ session }) => session.close())), 60_000);
  await sim.advance(10_000);
  const blocks = peers.map(({ disk }) => disk.stats().cacheSize - disk.stats().free);
  const connections = peers.map(({ session: { stats } }) => stats.connections + stats.halfOpen);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return { alarms: sim.deadlines.size, blocks: sum(blocks), connections: sum(connections) };
}

/** What `closeAll` says when nothing is left. */
export const NOTHING_LEFT = { alarms: 0, blocks: 0, connections: 0 } as const;

function layoutOf({ infoHashes, geometry, files }: Metainfo) {
  return {
    id: Buffer.from(infoHashes.v1 ?? []).toString("hex"),
    pieceLength: geometry.pieceLength,
    totalLength: geometry.totalLength,
    files,
  };
}
