// What every Transport must do.
import assert from "node:assert/strict";
import type { Duplex, Endpoint, Listener, Transport } from "@shoal/core";
import type { ComplianceCase } from "./case.ts";
import { record } from "./recorder.ts";

/** A transport to be tested; made anew for each case. */
export interface TransportFixture {
  /** Listens, and dials unless there is a `dialer`. */
  readonly transport: Transport;
  readonly dialer?: Transport;
  /** Where the transport can listen. */
  readonly address: string;
  /** Lets some time pass, in which everything that can happen does. */
  readonly pass: () => Promise<void>;
  readonly close?: () => Promise<void>;
}

/**
 * The suite for transports.
 *
 * On virtual time let the simulation run meanwhile: `sim.settle(testCase.run(), limitMs)`.
 */
export function transportCompliance(
  make: () => TransportFixture | Promise<TransportFixture>,
): ComplianceCase[] {
  return Object.entries(REQUIREMENTS).map(([name, require]) => ({
    name,
    run: async () => {
      const fixture = await make();
      const ends: { destroy(): void }[] = [];
      const connect = async (): Promise<Connection> => {
        const connection = await establish(fixture);
        ends.push(connection.near, connection.far);
        return connection;
      };
      try {
        await require(connect, fixture);
      } finally {
        for (const end of ends) end.destroy();
        await fixture.close?.();
      }
    },
  }));
}

interface Connection {
  /** The dialler's end. */
  readonly near: Duplex;
  /** The listener's end. */
  readonly far: Duplex;
  readonly listener: Listener;
}

type Requirement = (connect: () => Promise<Connection>, fixture: TransportFixture) => Promise<void>;

const NEVER = new AbortController().signal;

async function establish({ transport, dialer, address }: TransportFixture): Promise<Connection> {
  const { promise, resolve } = Promise.withResolvers<Duplex>();
  const listener = await transport.listen({ address, port: 0 }, resolve);
  const to = { address, port: listener.local.port };
  const near = await (dialer ?? transport).dial(to, { signal: NEVER });
  return { near, far: await promise, listener };
}

const REQUIREMENTS: Readonly<Record<string, Requirement>> = {
  "carries bytes both ways and names both ends": async (connect) => {
    const { near, far, listener } = await connect();
    assert.equal(near.remote.port, listener.local.port);
    assert.deepEqual(near.remote, far.local);
    assert.deepEqual(near.local, far.remote);
    const [atNear, atFar] = [record(near), record(far)];
    near.write([Buffer.from("hello "), Buffer.from("there")]);
    far.write([Buffer.from("hello yourself")]);
    await Promise.all([atNear.until((r) => r.bytes >= 14), atFar.until((r) => r.bytes >= 11)]);
    assert.equal(String(atNear.content()), "hello yourself");
    assert.equal(String(atFar.content()), "hello there");
  },

  "names its kind on the transport and on its streams": async (connect, { transport }) => {
    const { near, far } = await connect();
    assert.ok(transport.kind.length > 0);
    assert.deepEqual([near.kind, far.kind], [transport.kind, transport.kind]);
  },

  "keeps order and content of megabytes both ways at once": async (connect) => {
    const { near, far } = await connect();
    const [atNear, atFar] = [record(near), record(far)];
    const content = pattern(1 << 20);
    for (const end of [near, far]) {
      for (let at = 0, size = 1; at < content.length; at += size, size = (size * 31 + 7) % 40_009) {
        end.write([
          content.subarray(at, at + (size >> 1)),
          content.subarray(at + (size >> 1), at + size),
        ]);
      }
    }
    await Promise.all([atNear, atFar].map((at) => at.until((r) => r.bytes >= content.length)));
    for (const at of [atNear, atFar]) assert.ok(Buffer.from(content).equals(at.content()));
  },

  "delivers nothing before it is attached, and everything afterwards": async (
    connect,
    { pass },
  ) => {
    const { near, far } = await connect();
    record(near);
    near.write([Buffer.from("early")]);
    await pass();
    const atFar = record(far);
    assert.equal(atFar.bytes, 0, "something was delivered inside `attach`");
    await atFar.until((r) => r.bytes === 5);
  },

  "takes writes before it is attached": async (connect) => {
    const { near, far } = await connect();
    near.write([Buffer.from("first words")]);
    await record(far).until((r) => r.bytes === 11);
  },

  "reports what has left, never inside `write`, each byte once, in order": async (connect) => {
    const { near, far } = await connect();
    const [atNear] = [record(near), record(far)];
    let written = 0;
    for (let i = 0; i < 50; i++) {
      near.write([new Uint8Array(i * 100), new Uint8Array(1)]);
      written += i * 100 + 1;
      assert.equal(atNear.flushes.length, 0, "`flushed` was called inside `write`");
    }
    await atNear.until((r) => r.flushes.at(-1) === written);
    const sorted = [...atNear.flushes].sort((a, b) => a - b);
    assert.deepEqual(atNear.flushes, sorted);
  },

  "leaves flushed memory to its owner": async (connect) => {
    const { near, far } = await connect();
    const [atNear, atFar] = [record(near), record(far)];
    const memory = pattern(65_536);
    near.write([memory]);
    await atNear.until((r) => r.flushes.at(-1) === memory.length);
    memory.fill(0);
    await atFar.until((r) => r.bytes === memory.length);
    assert.ok(Buffer.from(pattern(65_536)).equals(atFar.content()));
  },

  "sends views of shared memory": async (connect) => {
    const { near, far } = await connect();
    const atFar = record(far);
    const shared = new Uint8Array(new SharedArrayBuffer(40_000)).fill(5);
    near.write([shared.subarray(10_000, 30_000)]);
    await atFar.until((r) => r.bytes === 20_000);
    assert.ok(atFar.content().every((byte) => byte === 5));
  },

  "holds the sender back while the receiver pauses": async (connect, { pass }) => {
    const { near, far } = await connect();
    const [atNear, atFar] = [record(near), record(far)];
    far.pause();
    const batch = [new Uint8Array(1 << 20)];
    for (let i = 0; i < 32; i++) near.write(batch);
    await pass();
    assert.equal(atFar.bytes, 0, "bytes were delivered while paused");
    assert.ok((atNear.flushes.at(-1) ?? 0) < 32 << 20, "a paused receiver took everything");
    far.resume();
    await atFar.until((r) => r.bytes === 32 << 20);
    await atNear.until((r) => r.flushes.at(-1) === 32 << 20);
  },

  "stays paused when it is attached or handed over": async (connect, { pass }) => {
    const { near, far } = await connect();
    far.pause();
    near.write([new Uint8Array(10)]);
    const first = record(far);
    await pass();
    const second = record(far);
    await pass();
    assert.deepEqual([first.bytes, second.bytes], [0, 0]);
    far.resume();
    await second.until((r) => r.bytes === 10);
  },

  "hands over to another owner and tells the first nothing more": async (connect) => {
    const { near, far } = await connect();
    const first = record(far);
    near.write([Buffer.from("one")]);
    await first.until((r) => r.bytes === 3);
    const second = record(far);
    near.write([Buffer.from("two")]);
    await second.until((r) => r.bytes === 3);
    near.end();
    await second.until((r) => r.closings.length === 1);
    assert.deepEqual([first.bytes, first.closings.length], [3, 0]);
  },

  "ends in order: what was written arrives, then both close once, without an error": async (
    connect,
    { pass },
  ) => {
    const { near, far } = await connect();
    const [atNear, atFar] = [record(near), record(far)];
    near.write([new Uint8Array(300_000)]);
    near.end();
    near.write([new Uint8Array(1)]);
    near.end();
    await Promise.all([atNear, atFar].map((at) => at.until((r) => r.closings.length === 1)));
    await pass();
    assert.equal(atFar.bytes, 300_000);
    for (const at of [atNear, atFar]) {
      assert.deepEqual(at.closings, [undefined]);
      assert.ok(!at.toldAfterwards);
    }
  },

  "destroyed, closes at once with the owner's error, and the remote follows": async (
    connect,
    { pass },
  ) => {
    const { near, far } = await connect();
    const [atNear, atFar] = [record(near), record(far)];
    const reason = new Error("destroyed by the test");
    near.destroy(reason);
    near.destroy();
    near.write([new Uint8Array(1)]);
    near.pause();
    near.resume();
    assert.equal(atNear.closings.length, 0, "`closed` was called inside `destroy`");
    await Promise.all([atNear, atFar].map((at) => at.until((r) => r.closings.length === 1)));
    await pass();
    assert.deepEqual(atNear.closings, [reason]);
    assert.deepEqual([atNear.toldAfterwards, atFar.toldAfterwards], [false, false]);
  },

  "tells an owner who comes too late that it is over": async (connect, { pass }) => {
    const { near } = await connect();
    near.destroy();
    await pass();
    const late = record(near);
    await late.until((r) => r.closings.length === 1);
    await pass();
    assert.equal(late.closings.length, 1);
  },

  "can be destroyed by its owner while it is told something": async (connect, { pass }) => {
    const { near, far } = await connect();
    record(near);
    const calls: string[] = [];
    const closed = new Promise<void>((resolve) => {
      far.attach({
        received: () => {
          calls.push("received");
          far.destroy();
        },
        flushed: () => calls.push("flushed"),
        closed: () => {
          calls.push("closed");
          resolve();
        },
      });
    });
    for (let i = 0; i < 10; i++) near.write([new Uint8Array(100_000)]);
    await closed;
    await pass();
    assert.deepEqual(calls, ["received", "closed"]);
  },

  "rejects a dial that nobody answers": async (_, { transport, dialer, address }) => {
    const listener = await transport.listen({ address, port: 0 }, () => {});
    await listener.close();
    const to = { address, port: listener.local.port };
    await assert.rejects((dialer ?? transport).dial(to, { signal: NEVER }));
  },

  "rejects a dial with the reason of its signal": async (_, { transport, dialer, address }) => {
    const listener = await transport.listen({ address, port: 0 }, (far) => far.destroy());
    const to = { address, port: listener.local.port };
    const reason = new Error("aborted by the test");
    const is = (error: unknown): boolean => error === reason;
    const aborted = AbortSignal.abort(reason);
    await assert.rejects((dialer ?? transport).dial(to, { signal: aborted }), is);
    const abort = new AbortController();
    const dialling = (dialer ?? transport).dial(to, { signal: abort.signal });
    abort.abort(reason);
    await assert.rejects(dialling, is);
    await listener.close();
  },

  "ignores a signal that aborts after the dial": async (_, fixture) => {
    const abort = new AbortController();
    const { transport, dialer, address } = fixture;
    const accepted = Promise.withResolvers<Duplex>();
    const listener = await transport.listen({ address, port: 0 }, accepted.resolve);
    const to: Endpoint = { address, port: listener.local.port };
    const near = await (dialer ?? transport).dial(to, { signal: abort.signal });
    abort.abort();
    const atNear = record(near);
    const far = await accepted.promise;
    far.write([new Uint8Array(7)]);
    await atNear.until((r) => r.bytes === 7);
    near.destroy();
    far.destroy();
    await listener.close();
  },

  "listens at one port once, until closed; accepted streams live on": async (connect, fixture) => {
    const { near, far, listener } = await connect();
    const { transport, address } = fixture;
    const at = { address, port: listener.local.port };
    assert.notEqual(at.port, 0);
    await assert.rejects(transport.listen(at, () => {}));
    await listener.close();
    const atFar = record(far);
    near.write([new Uint8Array(4)]);
    await atFar.until((r) => r.bytes === 4);
  },
};

/** Bytes in which no shift goes unnoticed. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff);
}
