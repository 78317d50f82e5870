// Every hostile peer does what its name says, to a naive peer, in the same way each time.
import { BLOCK_SIZE, type Duplex, errorCode, PieceGeometry } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { ScriptedPeer } from "../scripted-peer.ts";
import { createSimulation, type Simulation } from "../simulation.ts";
import { corrupts } from "./cheats.ts";
import type { HostilePeer } from "./hostile-peer.ts";
import { hostilePeers } from "./index.ts";

const INFO_HASH = new Uint8Array(20).fill(7);
const GEOMETRY = new PieceGeometry(13 * 3 * BLOCK_SIZE - 100, 3 * BLOCK_SIZE);

describe("hostilePeers", () => {
  it("has a name for each", () => {
    const names = hostilePeers.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(60);
  });

  it.each(hostilePeers.map((hostile) => [hostile.name, hostile] as const))(
    "%s: the same way for the same seed, and leaves nothing",
    async (_, hostile) => {
      const first = await plague(hostile, 1);
      expect(await plague(hostile, 1)).toEqual(first);
    },
  );

  it.each([
    ["sends noise instead of a handshake", "ERR_WIRE_PROTOCOL"],
    ["speaks HTTP", "ERR_WIRE_PROTOCOL"],
    ["sends a message of 4 GiB", "ERR_WIRE_MESSAGE_TOO_LONG"],
    ["sends a block of 1 GiB", "ERR_WIRE_MESSAGE_TOO_LONG"],
    ["sends a bitfield of 1 GiB", "ERR_WIRE_MESSAGE_TOO_LONG"],
    ["sends a choke with a body", "ERR_WIRE_MESSAGE_LENGTH"],
    ["sends a have that is too short", "ERR_WIRE_MESSAGE_LENGTH"],
    ["sends a have that is too long", "ERR_WIRE_MESSAGE_LENGTH"],
    ["sends a request that is too short", "ERR_WIRE_MESSAGE_LENGTH"],
    ["sends a block without a place", "ERR_WIRE_MESSAGE_LENGTH"],
    ["sends an empty extended message", "ERR_WIRE_MESSAGE_LENGTH"],
    ["shakes hands twice", "ERR_WIRE_MESSAGE_TOO_LONG"],
    ["sends empty blocks", "ERR_WIRE_MESSAGE_LENGTH"],
  ])("%s: wire says %s", async (name, code) => {
    expect(await plague(find(name), 1)).toContain(`closed ${code}`);
  });

  it.each([
    ["floods with keep-alives", "20000 keepAlive"],
    ["floods with chokes and unchokes", "10000 choke"],
    ["floods with requests once it is unchoked", "20000 request"],
    ["asks and cancels in one breath", "10000 cancel"],
    ["never answers a request", "1 haveAll"],
    ["sends every block twice", "78 right"],
    ["sends nothing but wrong blocks", "39 wrong"],
    ["sends one wrong block in 10", "3 wrong"],
    ["answers the first ten requests only", "10 right"],
    ["rejects every request", "39 reject"],
    ["shakes hands a byte a second", "1 handshake"],
    ["sends a have beyond the last piece", "1 have"],
  ])("%s: %s", async (name, event) => {
    expect(await plague(find(name), 1)).toContain(event);
  });

  it("corrupts every n-th block", async () => {
    expect(await plague(corrupts(13), 3)).toEqual(expect.arrayContaining(["36 right", "3 wrong"]));
  });
});

function find(wanted: string): HostilePeer {
  const found = hostilePeers.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`no hostile peer ${wanted}`);
  return found;
}

/** Sets the hostile peer on a naive one that asks for everything. @returns what that one saw. */
async function plague(hostile: HostilePeer, seed: number): Promise<string[]> {
  const sim = createSimulation({ seed });
  const [a, b] = [sim.network.host("10.0.0.1"), sim.network.host("10.0.0.2")];
  const victim = Promise.withResolvers<string[]>();
  await b.transport().listen({ address: "10.0.0.2", port: 1 }, (duplex) => {
    victim.resolve(suffer(sim, duplex));
  });
  const { signal } = new AbortController();
  const dialling = a.transport().dial({ address: "10.0.0.2", port: 1 }, { signal });
  const duplex = await sim.settle(dialling, 1000);
  const over = hostile.run(duplex, {
    infoHash: INFO_HASH,
    geometry: GEOMETRY,
    content,
    clock: sim.clock,
    deadlines: sim.deadlines,
    rng: sim.rng,
  });
  await sim.settle(over, 1_000_000);
  const seen = await sim.settle(victim.promise, 100_000);
  await sim.advance(10_000);
  expect(sim.deadlines.size).toBe(0);
  return seen;
}

function suffer(sim: Simulation, duplex: Duplex): Promise<string[]> {
  const counts = new Map<string, number>();
  const count = (what: string) => (): void => {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  };
  let current = { piece: 0, begin: 0, right: true };
  let ended = "";
  const peer = new ScriptedPeer(duplex, {
    handshake: () => {
      count("handshake")();
      peer.encoder.unchoke();
      for (let piece = 0; piece < GEOMETRY.pieceCount; piece++) {
        for (let block = 0; block < 3; block++) {
          const begin = block * BLOCK_SIZE;
          const length = Math.min(
            BLOCK_SIZE,
            GEOMETRY.totalLength - piece * 3 * BLOCK_SIZE - begin,
          );
          peer.encoder.request(piece, begin, length);
        }
      }
      peer.flush();
    },
    keepAlive: count("keepAlive"),
    choke: count("choke"),
    have: count("have"),
    request: count("request"),
    cancel: count("cancel"),
    reject: count("reject"),
    haveAll: count("haveAll"),
    pieceStart: (piece, begin) => {
      current = { piece, begin, right: true };
    },
    pieceData: (chunk, start, end) => {
      const expected = content(current.piece, current.begin, end - start);
      current.right &&= Buffer.from(expected).equals(chunk.subarray(start, end));
      current.begin += end - start;
    },
    pieceEnd: () => count(current.right ? "right" : "wrong")(),
    closed: (error) => {
      ended = `closed ${error === undefined ? "in order" : errorCode(error)}`;
    },
  });
  peer.handshake(INFO_HASH, new Uint8Array(20));
  const patience = sim.deadlines.alarm(() => duplex.destroy());
  patience.set(sim.clock.now() + 90_000);
  return peer.closed.then(() => {
    patience.clear();
    return [...[...counts].map(([what, times]) => `${times} ${what}`), ended];
  });
}

function content(piece: number, begin: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (piece * 17 + (begin + i) * 3) & 0xff);
}
