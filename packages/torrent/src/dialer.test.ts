import { type Duplex, errorCode } from "@shoal/core";
import { ConnectionBudget, type KnownPeer } from "@shoal/policy";
import { encodeHandshake, type Handshake } from "@shoal/wire";
import { beforeEach, describe, expect, it } from "vitest";
import { at, type MemoryDuplex, World } from "../testing/world.ts";
import { Dialer } from "./dialer.ts";
import type { TorrentHost } from "./host.ts";

const OURS = handshake(1);
const KNOWN = { endpoint: at(9) } as KnownPeer;

let world: World;
let budget: ConnectionBudget;
let log: string[];
let dialled: { resolve(duplex: Duplex): void; reject(error: Error): void; signal: AbortSignal }[];
let dialer: Dialer;

beforeEach(() => {
  world = new World();
  budget = new ConnectionBudget();
  log = [];
  dialled = [];
  const session = {
    clock: { now: () => world.time },
    deadlines: world.deadlines,
    budget,
    dial: (_to, signal) =>
      new Promise<Duplex>((resolve, reject) => dialled.push({ resolve, reject, signal })),
  } as Partial<TorrentHost> as TorrentHost;
  dialer = new Dialer(session, {
    handshake: OURS,
    ready: (_known, duplex, theirs, bytes) => {
      log.push(`ready ${theirs.peerId[0]} after ${bytes}`);
      const owner = { received: () => {}, flushed: () => {}, closed: () => log.push("closed") };
      duplex.attach(owner);
      return owner;
    },
    failed: (_known, error) => log.push(`failed ${errorCode(error)}`),
  });
});

function handshake(id: number): Handshake {
  return {
    infoHash: new Uint8Array(20).fill(7),
    peerId: new Uint8Array(20).fill(id),
    features: { fast: true, extended: false, dht: false, v2: false },
  };
}

/** Dials as the swarm does, having asked the budget. */
function dial(): void {
  budget.tryDial(0, world.time);
  dialer.dial(KNOWN);
}

async function connect(): Promise<[MemoryDuplex, MemoryDuplex]> {
  dial();
  const [near, far] = world.pair(at(1), at(9));
  far.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
  dialled.at(-1)?.resolve(near);
  await world.settle();
  return [near, far];
}

describe("Dialer", () => {
  it("hands over what it dialled once handshakes are exchanged", async () => {
    const [near, far] = await connect();
    expect([dialer.size, budget.halfOpen, log]).toEqual([1, 1, []]);
    far.write([encodeHandshake(handshake(9))]);
    await world.settle();
    expect(log).toEqual(["ready 9 after 68"]);
    expect([dialer.size, budget.halfOpen, budget.connections]).toEqual([0, 0, 1]);
    // It is not the dialer's any more.
    dialer.cancelAll();
    expect(near.isDestroyed).toBe(false);
    expect(world.deadlines.size).toBe(0);
  });

  it("tells of refusals", async () => {
    dial();
    dialled[0]?.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
    await world.settle();
    expect(log).toEqual(["failed ECONNREFUSED"]);
    expect([dialer.size, budget.halfOpen, budget.connections]).toEqual([0, 0, 0]);
  });

  it.each([
    ["another torrent", { ...handshake(9), infoHash: new Uint8Array(20) }, "ERR_PEER_HANDSHAKE"],
    ["ourselves", handshake(1), "ERR_PEER_SELF"],
  ])("refuses %s", async (_, theirs, code) => {
    const [near, far] = await connect();
    far.write([encodeHandshake(theirs)]);
    await world.settle();
    expect(log).toEqual([`failed ${code}`]);
    expect(near.isDestroyed).toBe(true);
    expect(budget.halfOpen).toBe(0);
  });

  it("tells of those who hang up or say nothing, once", async () => {
    const [, far] = await connect();
    far.destroy();
    await world.settle();
    await connect();
    await world.pass(10_000);
    expect(log).toEqual(["failed ERR_PEER_HANDSHAKE", "failed ERR_PEER_TIMEOUT"]);
    expect([dialer.size, budget.halfOpen, world.deadlines.size]).toEqual([0, 0, 0]);
  });

  it("cancels at every stage, also what connects afterwards", async () => {
    dial();
    dialer.cancelAll();
    expect(dialled[0]?.signal.aborted).toBe(true);
    const [late] = world.pair(at(1), at(9));
    dialled[0]?.resolve(late);
    await world.settle();
    expect([late.isDestroyed, log.length]).toEqual([true, 1]);
    const [near] = await connect();
    dialer.cancelAll();
    await world.settle();
    expect([near.isDestroyed, log.length]).toEqual([true, 2]);
    expect([dialer.size, budget.halfOpen, world.deadlines.size]).toEqual([0, 0, 0]);
  });
});
