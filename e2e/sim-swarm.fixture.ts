// Sessions in the simulated world, and one torrent for all of them.
import { hash } from "node:crypto";
import { createRng, type Endpoint } from "@shoal/core";
import { createDiskIo, type DiskIo, type StoreFactory } from "@shoal/disk-io";
import { buildTorrent } from "@shoal/metainfo";
import { Session, type SessionInit } from "@shoal/session/bare";
import { type HostOptions, type Simulation, virtualDisk } from "@shoal/testkit";

/** A torrent and its bytes. */
export interface SimTorrent {
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly pieceLength: number;
}

/** A torrent of one file of pseudo-random bytes. */
export function makeTorrent(length: number, pieceLength: number): SimTorrent {
  const rng = createRng(length);
  const payload = new Uint8Array(length);
  const words = new Uint32Array(payload.buffer, 0, length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = rng() * 2 ** 32;
  const digests: Buffer[] = [];
  for (let at = 0; at < length; at += pieceLength) {
    digests.push(hash("sha1", payload.subarray(at, at + pieceLength), "buffer"));
  }
  const bytes = buildTorrent({
    name: "payload.bin",
    files: [{ path: ["payload.bin"], length }],
    pieceLength,
    pieceHashes: Buffer.concat(digests),
  });
  return { bytes, payload, pieceLength };
}

/**
 * A store that keeps no bytes of its own: it compares what is written with the true payload, so that
 * a swarm of any size fits into memory.
 */
export function checkingStore({ payload, pieceLength }: SimTorrent, full: boolean): StoreFactory {
  const written = new Set<string>();
  return {
    open: () => ({
      read: (piece, begin, into) => {
        let at = piece * pieceLength + begin;
        const start = at;
        for (const view of into) {
          if (!full && !written.has(`${at}`)) return at - start;
          const part = payload.subarray(at, at + view.length);
          view.set(part);
          at += part.length;
        }
        return at - start;
      },
      write: (piece, begin, from) => {
        let at = piece * pieceLength + begin;
        for (const view of from) {
          if (Buffer.compare(view, payload.subarray(at, at + view.length)) !== 0) {
            throw new Error(`wrong bytes were written at ${at}`);
          }
          for (let block = at; block < at + view.length; block += 16_384) written.add(`${block}`);
          at += view.length;
        }
      },
      flush: () => {},
      close: () => {},
      isEmpty: () => !full && written.size === 0,
    }),
  };
}

/** What a session needs of its world, simulated. */
export function runtimeOf(sim: Simulation): SessionInit["runtime"] {
  return {
    clock: sim.clock,
    deadlines: sim.deadlines,
    rng: sim.rng,
    entropy: sim.entropy,
    sha1: (bytes) => hash("sha1", bytes, "buffer"),
    defer: (task) => sim.defer(task),
  };
}

/** A session on a host of its own, listening at port 6881. */
export function openSession(
  sim: Simulation,
  address: string,
  options: HostOptions,
  disk: DiskIo = createDiskIo({
    cacheSize: 4 << 20,
    execute: virtualDisk(sim, { latencyMs: 0.1, bytesPerSecond: 500e6 }),
  }),
): Promise<Session> {
  const host = sim.network.host(address, options);
  return Session.open({
    runtime: runtimeOf(sim),
    disk,
    transports: [host.transport()],
    listen: [{ address, port: 6881 }],
    store: () => {
      throw new Error("every torrent brings its store");
    },
  });
}

/** Where the session on that host listens. */
export function at(address: string): Endpoint {
  return { address, port: 6881 };
}
