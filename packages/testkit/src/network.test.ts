import type { Datagrams, Duplex, DuplexHandler } from "@shoal/core";
import { describe, expect, it } from "vitest";
import type { HostOptions } from "./host.ts";
import { createSimulation, type Simulation } from "./simulation.ts";

const never = new AbortController().signal;
const A = "10.0.0.1";
const B = "10.0.0.2";

describe("streams", () => {
  it("take the latency of both hosts, and two ways to connect", async () => {
    const { sim, dial } = world({ latencyMs: 10 }, { latencyMs: 15 });
    const [near, far] = await dial();
    expect(sim.clock.now()).toBe(50);
    const atFar = record(sim, far);
    near.write([new Uint8Array(5)]);
    await sim.run(() => atFar.bytes === 5, 1000);
    expect(sim.clock.now()).toBe(75);
  });

  it("go as fast as the slower of two lines", async () => {
    for (const [up, down] of [
      [1e6, 4e6],
      [4e6, 1e6],
    ] as const) {
      const { sim, dial } = world({ uploadBytesPerSecond: up }, { downloadBytesPerSecond: down });
      const [near, far] = await dial();
      record(sim, near);
      const atFar = record(sim, far);
      near.write([new Uint8Array(3e6)]);
      await sim.run(() => atFar.bytes === 3e6, 10_000);
      expect(sim.clock.now()).toBeGreaterThan(2990);
      expect(sim.clock.now()).toBeLessThan(3050);
    }
  });

  it("share a line fairly, and let small messages through between large ones", async () => {
    const { sim, dial } = world({ uploadBytesPerSecond: 1e6 }, {});
    const [bulk, bulkFar] = await dial();
    const [other, otherFar] = await dial();
    const [small, smallFar] = await dial();
    const [atBulk, atOther, atSmall] = [bulkFar, otherFar, smallFar].map((far) => record(sim, far));
    for (const duplex of [bulk, other]) duplex.write([new Uint8Array(1e6)]);
    small.write([new Uint8Array(17)]);
    await sim.run(() => atSmall?.bytes === 17, 100);
    expect(sim.clock.now()).toBeLessThan(50);
    await sim.run(() => atBulk?.bytes === 1e6, 10_000);
    expect(atOther?.bytes).toBeGreaterThan(0.95e6);
  });

  it("carry bytes in order and copy them when they leave", async () => {
    const { sim, dial } = world({ uploadBytesPerSecond: 1e5 }, { latencyMs: 3 });
    const [near, far] = await dial();
    const payload = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
    const atNear = record(sim, near);
    const atFar = record(sim, far);
    const written = payload.slice();
    for (let at = 0, step = 1; at < payload.length; at += step, step = (step * 7) % 5003) {
      near.write([written.subarray(at, at + step), new Uint8Array(0)]);
    }
    await sim.run(() => {
      // What is flushed is the writer's again.
      written.fill(0, 0, atNear.flushed);
      return atFar.bytes === payload.length;
    }, 10_000);
    expect(atNear.flushed).toBe(payload.length);
    expect(atFar.text()).toBe(Buffer.from(payload).toString("latin1"));
  });

  it("spoil chunks after the call, so that keeping one is found out", async () => {
    const { sim, dial } = world();
    const [near, far] = await dial();
    let kept = new Uint8Array(0);
    far.attach({ ...idle, received: (chunk) => (kept = chunk as Uint8Array<ArrayBuffer>) });
    near.write([new Uint8Array(3)]);
    await sim.advance(1);
    expect(kept).toEqual(Buffer.alloc(3, 0xdd));
  });

  it("hold the sender back while the receiver pauses", async () => {
    const { sim, dial } = world({ latencyMs: 1 }, { downloadBytesPerSecond: 1e7 });
    const [near, far] = await dial();
    const atNear = record(sim, near);
    const atFar = record(sim, far);
    far.pause();
    near.write([new Uint8Array(1e6)]);
    await sim.advance(1000);
    expect(atFar.bytes).toBe(0);
    expect(atNear.flushed).toBe(256 * 1024);
    far.resume();
    expect(atFar.bytes).toBe(0);
    await sim.run(() => atFar.bytes === 1e6, 1000);
  });

  it("end in order: what was written arrives, then both close", async () => {
    const { sim, dial } = world({ latencyMs: 5, uploadBytesPerSecond: 1e6 });
    const [near, far] = await dial();
    const atNear = record(sim, near, "near");
    const atFar = record(sim, far, "far");
    near.write([new Uint8Array(10_000)]);
    near.end();
    near.write([new Uint8Array(1)]);
    await sim.run(() => atNear.isClosed && atFar.isClosed, 1000);
    expect(atFar.bytes).toBe(10_000);
    expect(closings(sim)).toEqual(["25.000 far closed", "30.000 near closed"]);
  });

  it("are cut when the remote does not end its side in time", async () => {
    const { sim, dial } = world();
    const [near, far] = await dial();
    record(sim, near, "near");
    record(sim, far, "far");
    far.pause();
    near.end();
    await sim.advance(10_000);
    expect(closings(sim)).toEqual(["3000.000 near closed"]);
    far.resume();
    await sim.advance(1);
    expect(closings(sim)).toHaveLength(2);
  });

  it("destroyed at one end, end at the other, even with bytes on the way to nobody", async () => {
    const { sim, dial } = world({ latencyMs: 5, uploadBytesPerSecond: 1e5 });
    const [near, far] = await dial();
    record(sim, near, "near");
    record(sim, far, "far");
    near.write([new Uint8Array(50_000)]);
    far.write([new Uint8Array(1e6)]);
    await sim.advance(100);
    near.destroy(new Error("enough"));
    near.destroy();
    near.end();
    await sim.advance(10_000);
    expect(closings(sim)).toEqual(["110.000 near closed: enough", "127.000 far closed"]);
  });

  it("tell a late owner that they are over", async () => {
    const { sim, dial } = world();
    const [near] = await dial();
    near.destroy(new Error("gone"));
    await sim.advance(1);
    record(sim, near, "near");
    expect(closings(sim)).toEqual([]);
    await sim.advance(1);
    record(sim, near, "second");
    await sim.advance(1);
    expect(closings(sim)).toEqual(["1.000 near closed: gone"]);
  });

  it("are refused, unanswered or aborted", async () => {
    const { sim, a } = world({ latencyMs: 5 });
    const transport = a.transport();
    const refused = transport.dial({ address: B, port: 9 }, { signal: never });
    await expect(sim.settle(refused, 100)).rejects.toMatchObject({ code: "ERR_TESTKIT_REFUSED" });
    expect(sim.clock.now()).toBe(10);
    const abort = new AbortController();
    const lost = transport.dial({ address: "10.9.9.9", port: 9 }, { signal: abort.signal });
    sim.deadlines.alarm(() => abort.abort(new Error("too long"))).set(500);
    await expect(sim.settle(lost, 1000)).rejects.toThrow("too long");
    const again = transport.dial({ address: B, port: 9 }, { signal: abort.signal });
    await expect(again).rejects.toThrow("too long");
    expect(sim.deadlines.size).toBe(0);
  });

  it("close at the listener when the dial is aborted on its answer's way back", async () => {
    const { sim, a, b } = world({ latencyMs: 10 });
    await b.transport().listen({ address: "0.0.0.0", port: 7 }, (far) => record(sim, far, "far"));
    const abort = new AbortController();
    const dialling = a.transport().dial({ address: B, port: 7 }, { signal: abort.signal });
    sim.deadlines.alarm(() => abort.abort(new Error("never mind"))).set(15);
    await expect(sim.settle(dialling, 1000)).rejects.toThrow("never mind");
    await sim.advance(100);
    expect(closings(sim)).toEqual(["25.000 far closed"]);
    expect(sim.deadlines.size).toBe(0);
  });

  it("stall while the path is cut, and go on when it heals", async () => {
    const { sim, dial, a } = world({ latencyMs: 5, uploadBytesPerSecond: 1e5 });
    const [near, far] = await dial();
    const atFar = record(sim, far);
    near.write([new Uint8Array(10_000)]);
    await sim.advance(50);
    sim.network.cut(A, B);
    await sim.advance(10);
    const before = atFar.bytes;
    await sim.advance(60_000);
    expect(atFar.bytes).toBe(before);
    let answered = false;
    const abort = new AbortController();
    const dialling = a.transport().dial({ address: B, port: 7 }, { signal: abort.signal });
    dialling.catch(() => {
      answered = true;
    });
    await sim.advance(60_000);
    expect(answered).toBe(false);
    abort.abort();
    sim.network.heal(A, B);
    await sim.run(() => atFar.bytes === 10_000, 1000);
  });

  it("can be dropped: both ends close with an error", async () => {
    const { sim, dial } = world({ latencyMs: 5 });
    const [near, far] = await dial();
    record(sim, near, "near");
    record(sim, far, "far");
    near.write([new Uint8Array(1000)]);
    sim.network.drop(far);
    await sim.advance(100);
    expect(closings(sim).map((line) => line.slice(0, 18))).toEqual([
      "10.000 far closed:",
      "10.000 near closed",
    ]);
    expect(closings(sim)[1]).toContain("dropped");
    expect(sim.deadlines.size).toBe(0);
  });

  it("can't listen where somebody does or at another's address", async () => {
    const { b } = world();
    const transport = b.transport();
    const listener = await transport.listen({ address: B, port: 7 }, () => {});
    await expect(transport.listen({ address: B, port: 7 }, () => {})).rejects.toMatchObject({
      code: "ERR_TESTKIT_ADDRESS_IN_USE",
    });
    await expect(transport.listen({ address: A, port: 8 }, () => {})).rejects.toMatchObject({
      code: "ERR_TESTKIT_ADDRESS_UNAVAILABLE",
    });
    await listener.close();
    await transport.listen({ address: B, port: 7 }, () => {});
  });
});

describe("datagrams", () => {
  it("arrive after the latency, in the time that the lines need", async () => {
    const { sim, a, b } = world({ latencyMs: 10, uploadBytesPerSecond: 1e5 });
    const [from, to] = [a.datagrams(), b.datagrams(6881)];
    const bytes = new Uint8Array(1000).fill(1);
    to.attach((received, sender) => sim.log(`${received.length} of ${received[0]} ${sender.port}`));
    from.send(bytes, to.local);
    from.send(new Uint8Array(1000).fill(2), to.local);
    bytes.fill(9);
    await sim.advance(100);
    const { port } = from.local;
    expect(sim.history).toEqual([`20.000 1000 of 1 ${port}`, `30.000 1000 of 2 ${port}`]);
  });

  it("are lost as often as told, the same ones for the same seed", async () => {
    const lost = async (): Promise<number[]> => {
      const { sim, a, b } = world({ datagramLoss: 0.25 });
      const [from, to] = [a.datagrams(), b.datagrams(1)];
      const seen: number[] = [];
      to.attach((bytes) => seen.push((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)));
      for (let i = 0; i < 1000; i++) from.send(Uint8Array.of(i >> 8, i), to.local);
      await sim.advance(1);
      return seen;
    };
    const seen = await lost();
    expect(seen.length).toBeGreaterThan(700);
    expect(seen.length).toBeLessThan(800);
    expect(await lost()).toEqual(seen);
  });

  it("vanish when too large, cut off, of the other family or after close", async () => {
    const { sim, a, b } = world();
    const [from, to] = [a.datagrams(), b.datagrams(1)];
    const seen: number[] = [];
    to.attach((bytes) => seen.push(bytes.length));
    from.send(new Uint8Array(65_508), to.local);
    from.send(new Uint8Array(1), { address: "::1", port: 1 });
    from.send(new Uint8Array(1), { address: "10.9.9.9", port: 1 });
    from.send(new Uint8Array(1), { address: B, port: 2 });
    sim.network.cut(A, B);
    from.send(new Uint8Array(2), to.local);
    sim.network.heal(A, B);
    from.send(new Uint8Array(3), to.local);
    await sim.advance(1);
    await to.close();
    from.send(new Uint8Array(4), to.local);
    await sim.advance(1);
    await from.close();
    from.send(new Uint8Array(5), to.local);
    expect(seen).toEqual([3]);
    expect(b.datagrams(1).local.port).toBe(1);
  });

  it("keep ports apart", () => {
    const { a } = world();
    const sockets: Datagrams[] = [a.datagrams(), a.datagrams(), a.datagrams(7)];
    expect(new Set(sockets.map(({ local }) => local.port)).size).toBe(3);
    expect(() => a.datagrams(7)).toThrow(/port 7 .* is taken/);
  });
});

function world(forA: HostOptions = {}, forB: HostOptions = {}) {
  const sim = createSimulation({ seed: 1 });
  const a = sim.network.host(A, forA);
  const b = sim.network.host(B, forB);
  let port = 1000;
  const dial = async (): Promise<[Duplex, Duplex]> => {
    const at = { address: B, port: port++ };
    const accepted = Promise.withResolvers<Duplex>();
    await b.transport().listen(at, accepted.resolve);
    const near = await sim.settle(a.transport().dial(at, { signal: never }), 10_000);
    return [near, await accepted.promise];
  };
  return { sim, a, b, dial };
}

const idle: DuplexHandler = { received: () => {}, flushed: () => {}, closed: () => {} };

function record(sim: Simulation, duplex: Duplex, name?: string) {
  const chunks: Buffer[] = [];
  const seen = {
    bytes: 0,
    flushed: 0,
    isClosed: false,
    text: () => Buffer.concat(chunks).toString("latin1"),
  };
  duplex.attach({
    received: (chunk) => {
      seen.bytes += chunk.length;
      chunks.push(Buffer.from(chunk));
    },
    flushed: (total) => {
      seen.flushed = total;
    },
    closed: (error) => {
      seen.isClosed = true;
      if (name) sim.log(`${name} closed${error === undefined ? "" : `: ${error.message}`}`);
    },
  });
  return seen;
}

function closings(sim: Simulation): string[] {
  return sim.history.filter((line) => line.includes(" closed"));
}
