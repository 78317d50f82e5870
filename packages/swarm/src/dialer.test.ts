import {
  Deadlines,
  type Duplex,
  type DuplexHandler,
  type Endpoint,
  endpoint,
  errorCode,
} from "@shoal/core";
import { ConnectionBudget, type KnownPeer } from "@shoal/policy";
import { encodeHandshake, type Handshake } from "@shoal/wire";
import { beforeEach, describe, expect, it } from "vitest";
import { Dialer } from "./dialer.ts";
import type { SwarmSession } from "./host.ts";

const at = (number: number): Endpoint => endpoint(`192.0.2.${number}`, 6881);
const OURS = handshake(1);
const KNOWN = { endpoint: at(9) } as KnownPeer;

let time: number;
let deadlines: Deadlines;
let budget: ConnectionBudget;
let log: string[];
let dialled: { resolve(duplex: Duplex): void; reject(error: Error): void; signal: AbortSignal }[];
let dialer: Dialer;

beforeEach(() => {
  time = 0;
  deadlines = new Deadlines();
  budget = new ConnectionBudget();
  log = [];
  dialled = [];
  const session = {
    clock: { now: () => time },
    deadlines,
    budget,
    dial: (_to, signal) =>
      new Promise<Duplex>((resolve, reject) => dialled.push({ resolve, reject, signal })),
  } as Partial<SwarmSession> as SwarmSession;
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
  budget.tryDial(0, time);
  dialer.dial(KNOWN);
}

async function connect(): Promise<FakeStream> {
  dial();
  const stream = new FakeStream();
  dialled.at(-1)?.resolve(stream);
  await settle();
  return stream;
}

/** Lets promises and turns run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Our end of a stream; the test is the other. */
class FakeStream implements Duplex {
  readonly kind = "memory";
  readonly local: Endpoint = at(1);
  readonly remote: Endpoint = at(9);
  isDestroyed = false;
  #handler: DuplexHandler | undefined;

  attach(handler: DuplexHandler): void {
    this.#handler = handler;
  }
  receive(bytes: Uint8Array): void {
    this.#handler?.received(bytes);
  }
  write(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {
    this.destroy();
  }
  destroy(error?: Error): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    setImmediate(() => this.#handler?.closed(error));
  }
}

describe("Dialer", () => {
  it("hands over what it dialled once handshakes are exchanged", async () => {
    const near = await connect();
    expect([dialer.size, budget.halfOpen, log]).toEqual([1, 1, []]);
    near.receive(encodeHandshake(handshake(9)));
    await settle();
    expect(log).toEqual(["ready 9 after 68"]);
    expect([dialer.size, budget.halfOpen, budget.connections]).toEqual([0, 0, 1]);
    // It is not the dialer's any more.
    dialer.cancelAll();
    expect(near.isDestroyed).toBe(false);
    expect(deadlines.size).toBe(0);
  });

  it("tells of refusals", async () => {
    dial();
    dialled[0]?.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
    await settle();
    expect(log).toEqual(["failed ECONNREFUSED"]);
    expect([dialer.size, budget.halfOpen, budget.connections]).toEqual([0, 0, 0]);
  });

  it.each([
    ["another torrent", { ...handshake(9), infoHash: new Uint8Array(20) }, "ERR_PEER_HANDSHAKE"],
    ["ourselves", handshake(1), "ERR_PEER_SELF"],
  ])("refuses %s", async (_, theirs, code) => {
    const near = await connect();
    near.receive(encodeHandshake(theirs));
    await settle();
    expect(log).toEqual([`failed ${code}`]);
    expect(near.isDestroyed).toBe(true);
    expect(budget.halfOpen).toBe(0);
  });

  it("tells of those who hang up or say nothing, once", async () => {
    const near = await connect();
    near.destroy();
    await settle();
    await connect();
    time = 10_000;
    deadlines.advance(time);
    await settle();
    expect(log).toEqual(["failed ERR_PEER_HANDSHAKE", "failed ERR_PEER_TIMEOUT"]);
    expect([dialer.size, budget.halfOpen, deadlines.size]).toEqual([0, 0, 0]);
  });

  it("cancels at every stage, also what connects afterwards", async () => {
    dial();
    dialer.cancelAll();
    expect(dialled[0]?.signal.aborted).toBe(true);
    const late = new FakeStream();
    dialled[0]?.resolve(late);
    await settle();
    expect([late.isDestroyed, log.length]).toEqual([true, 1]);
    const near = await connect();
    dialer.cancelAll();
    await settle();
    expect([near.isDestroyed, log.length]).toEqual([true, 2]);
    expect([dialer.size, budget.halfOpen, deadlines.size]).toEqual([0, 0, 0]);
  });
});
