import { Socket } from "node:net";
import type { Duplex, DuplexHandler, Listener } from "@shoal/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createNetwork } from "./network.ts";
import { tcpTransport } from "./tcp.ts";

const never = new AbortController().signal;
const transport = tcpTransport();
const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of cleanUp.splice(0)) await close();
});

describe.each(["127.0.0.1", "::1"])("tcpTransport at %s", (address) => {
  it("carries bytes both ways and names both ends", async () => {
    const [client, server] = await connect(address);
    expect(client.remote).toEqual(server.local);
    expect(server.remote).toEqual(client.local);
    expect(client.remote.address).toBe(address);
    const atClient = record(client);
    const atServer = record(server);
    client.write([text("hello "), text("server")]);
    server.write([text("hello client")]);
    expect(await atServer.received(12)).toBe("hello server");
    expect(await atClient.received(12)).toBe("hello client");
  });

  it("closes both ends, once, when one ends", async () => {
    const [client, server] = await connect(address);
    const atClient = record(client);
    const atServer = record(server);
    client.write([text("bye")]);
    client.end();
    client.write([text("too late")]);
    await Promise.all([atClient.closed, atServer.closed]);
    expect(atServer.text()).toBe("bye");
    expect(atClient.closings).toEqual([undefined]);
    expect(atServer.closings).toEqual([undefined]);
    client.destroy();
    client.end();
    await turn();
    expect(atClient.closings).toHaveLength(1);
  });

  it("refuses with a code when nobody listens", async () => {
    const listener = await transport.listen({ address, port: 0 }, () => {});
    await listener.close();
    await expect(transport.dial(listener.local, { signal: never })).rejects.toMatchObject({
      code: "ERR_NET_REFUSED",
    });
  });
});

describe("tcpTransport", () => {
  it("reads nothing before it is attached, even what is over by then", async () => {
    const [client, server] = await connect("127.0.0.1");
    record(client);
    client.write([text("early")]);
    await turn();
    client.end();
    await turn();
    const atServer = record(server);
    await atServer.closed;
    expect(atServer.text()).toBe("early");
  });

  it("tells an owner who comes late that the stream is over", async () => {
    const [client] = await connect("127.0.0.1");
    client.destroy(new Error("no owner"));
    await turn();
    const late = record(client);
    expect(late.closings).toEqual([]);
    await late.closed;
    expect(late.closings).toEqual([new Error("no owner")]);
  });

  it("hands over to another owner", async () => {
    const [client, server] = await connect("127.0.0.1");
    const first = record(server);
    client.write([text("one")]);
    await first.received(3);
    const second = record(server);
    client.write([text("two")]);
    expect(await second.received(3)).toBe("two");
    server.destroy();
    await second.closed;
    expect(first.text()).toBe("one");
    expect(first.closings).toEqual([]);
  });

  it("shows IPv4 remotes of a dual-stack listener as dotted quads", async () => {
    const [client, server] = await connect("127.0.0.1", "::");
    expect(server.remote).toEqual(client.local);
    expect(server.local.address).toBe("127.0.0.1");
  });

  it("stops receiving at once on pause, also inside `received`, until resume", async () => {
    const [client, server] = await connect("127.0.0.1");
    const atServer = record(server, { onChunk: () => server.pause() });
    client.write([new Uint8Array(4 << 20)]);
    await atServer.received(1);
    const before = atServer.size();
    for (let i = 0; i < 20; i++) await turn();
    expect(atServer.size()).toBe(before);
    record(server);
    for (let i = 0; i < 5; i++) await turn();
    expect(atServer.size()).toBe(before);
    const rest = record(server);
    server.resume();
    await rest.received((4 << 20) - before);
  });

  it("sends a batch of 16 blocks as one vectored write and reports it once", async () => {
    const [client, server] = await connect("127.0.0.1");
    const atClient = record(client);
    const atServer = record(server);
    const writev = vi.spyOn(Socket.prototype, "_writev");
    const write = vi.spyOn(Socket.prototype, "_write");
    // Views of shared memory, as blocks in the slab are.
    const slab = new SharedArrayBuffer(16 * 16_384);
    new Uint8Array(slab).fill(7);
    const batch = Array.from({ length: 16 }, (_, i) => [
      new Uint8Array(13).fill(i),
      new Uint8Array(slab, i * 16_384, 16_384),
    ]).flat();
    client.write(batch);
    const total = 16 * (13 + 16_384);
    await atServer.received(total);
    expect(writev).toHaveBeenCalledTimes(1);
    expect(write).not.toHaveBeenCalled();
    // Node has unwrapped the queue in place: what is left is the list that the system is given.
    const sent = writev.mock.calls[0]?.[0] as unknown as Buffer[];
    expect(sent).toHaveLength(32);
    expect(sent[1]?.buffer).toBe(slab);
    await atClient.flushed(total);
    expect(atClient.flushes).toEqual([total]);
    const bytes = atServer.bytes();
    for (let i = 0; i < 16; i++) {
      expect(bytes.subarray(i * 16_397, i * 16_397 + 13)).toEqual(Buffer.alloc(13, i));
      expect(bytes[i * 16_397 + 13]).toBe(7);
    }
  });

  it("counts flushed bytes over all writes, in order", async () => {
    const [client, server] = await connect("127.0.0.1");
    const atClient = record(client);
    const atServer = record(server);
    for (let i = 0; i < 5; i++) client.write([new Uint8Array(1000), new Uint8Array(i)]);
    await atServer.received(5010);
    await atClient.flushed(5010);
    expect(atClient.flushes).toEqual([1000, 2001, 3003, 4006, 5010]);
  });

  it("does not flush what a remote that reads nothing leaves in the queue", async () => {
    const [client] = await connect("127.0.0.1");
    const atClient = record(client);
    client.write([new Uint8Array(32 << 20)]);
    await turn();
    client.destroy();
    await atClient.closed;
    expect(atClient.flushes).toEqual([]);
  });

  it("cuts a stream whose remote never ends its side", async () => {
    const [client] = await connect("127.0.0.1");
    const atClient = record(client);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    client.end();
    vi.advanceTimersByTime(3000);
    vi.useRealTimers();
    await atClient.closed;
    expect(atClient.closings).toEqual([undefined]);
  });

  it("reports the error of a broken connection", async () => {
    const [client, server] = await connect("127.0.0.1");
    const atClient = record(client);
    // Unread bytes make the system reset the connection when it is closed.
    client.write([new Uint8Array(1000)]);
    await atClient.flushed(1000);
    server.destroy();
    await atClient.closed;
    expect(atClient.closings).toMatchObject([{ code: "ERR_NET_RESET" }]);
  });

  it("does not dial when the signal is aborted, and stops when it aborts", async () => {
    const reason = new Error("changed my mind");
    const to = { address: "127.0.0.1", port: 1 };
    await expect(transport.dial(to, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const dialling = transport.dial(to, { signal: abort.signal });
    abort.abort(reason);
    await expect(dialling).rejects.toBe(reason);
  });

  it("gives up a dial after the connect timeout", async () => {
    const slow = tcpTransport({ connectTimeoutMs: 0 });
    vi.spyOn(Socket.prototype, "connect").mockReturnThis();
    await expect(
      slow.dial({ address: "192.0.2.1", port: 1 }, { signal: never }),
    ).rejects.toMatchObject({ code: "ERR_NET_TIMEOUT" });
  });

  it("says which port is taken and what to do", async () => {
    const listener = await listen("127.0.0.1");
    const again = transport.listen(listener.local, () => {});
    await expect(again).rejects.toMatchObject({
      code: "ERR_NET_ADDRESS_IN_USE",
      message: expect.stringMatching(
        new RegExp(`127\\.0\\.0\\.1:${listener.local.port}.*choose another port`),
      ),
    });
  });

  it("says when this machine lacks the address", async () => {
    const foreign = transport.listen({ address: "192.0.2.1", port: 0 }, () => {});
    await expect(foreign).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_UNAVAILABLE" });
  });

  it.each([
    { address: "localhost", port: 1 },
    { address: "127.0.0.1", port: 65_536 },
    { address: "127.0.0.1", port: 1.5 },
  ])("refuses $address:$port without trying", async (to) => {
    const invalid = { code: "ERR_NET_INVALID_ADDRESS" };
    await expect(transport.dial(to, { signal: never })).rejects.toMatchObject(invalid);
    await expect(transport.listen(to, () => {})).rejects.toMatchObject(invalid);
  });

  it.each(["fe80::1", "::", "0.0.0.0", "ff02::1", "224.0.0.1"])(
    "does not dial %s, where nobody can be",
    async (address) => {
      const dialling = transport.dial({ address, port: 1 }, { signal: never });
      await expect(dialling).rejects.toMatchObject({ code: "ERR_NET_INVALID_ADDRESS" });
    },
  );

  it("dials from the local address and refuses the other family", async () => {
    const bound = createNetwork({ bind: ["127.0.0.2"] }).tcp;
    const accepted = deferred<Duplex>();
    const listener = await listen("127.0.0.1", accepted.resolve);
    const client = await bound.dial(listener.local, { signal: never });
    cleanUp.push(() => client.destroy());
    expect(client.local.address).toBe("127.0.0.2");
    expect((await accepted.promise).remote.address).toBe("127.0.0.2");
    const other = bound.dial({ address: "::1", port: 1 }, { signal: never });
    await expect(other).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_UNAVAILABLE" });
  });

  it("leaves accepted connections alive when the listener closes", async () => {
    const [client, server, listener] = await connect("127.0.0.1");
    await listener.close();
    const atServer = record(server);
    client.write([text("still here")]);
    expect(await atServer.received(10)).toBe("still here");
  });

  it("carries megabytes unharmed in both directions through the shared buffer", async () => {
    const pairs = await Promise.all([1, 2, 3].map(() => connect("127.0.0.1")));
    const size = 3 << 20;
    const ends = pairs.flatMap((pair) => pair.slice(0, 2) as Duplex[]);
    const recordings = ends.map((end) => record(end));
    for (const [i, end] of ends.entries()) {
      const payload = new Uint8Array(size).map((_, at) => at * 31 + i);
      for (let at = 0; at < size; at += 65_536) end.write([payload.subarray(at, at + 65_536)]);
    }
    for (const [i, recording] of recordings.entries()) {
      await recording.received(size);
      const sender = i ^ 1;
      const wrong = recording.bytes().findIndex((byte, at) => byte !== ((at * 31 + sender) & 255));
      expect(wrong).toBe(-1);
    }
  });

  it("leaves no socket, timer or handle", async () => {
    await settle();
    const before = resources();
    const [client, server, listener] = await connect("::1");
    const over = [record(client).closed, record(server).closed];
    client.end();
    await Promise.all([listener.close(), ...over]);
    await settle();
    expect(resources()).toEqual(before);
  });
});

async function listen(
  address: string,
  accept: (duplex: Duplex) => void = () => {},
): Promise<Listener> {
  const listener = await transport.listen({ address, port: 0 }, accept);
  cleanUp.push(() => listener.close());
  return listener;
}

async function connect(to: string, at = to): Promise<[Duplex, Duplex, Listener]> {
  const accepted = deferred<Duplex>();
  const listener = await listen(at, accepted.resolve);
  const { port } = listener.local;
  const client = await transport.dial({ address: to, port }, { signal: never });
  const server = await accepted.promise;
  cleanUp.push(() => [client, server].map((end) => end.destroy()));
  return [client, server, listener];
}

interface Recording {
  readonly flushes: number[];
  readonly closings: (Error | undefined)[];
  readonly closed: Promise<void>;
  bytes(): Buffer;
  size(): number;
  text(): string;
  /** All text, once there are that many bytes. */
  received(bytes: number): Promise<string>;
  /** Resolves once the last of `flushes` is this total or more. */
  flushed(total: number): Promise<void>;
}

function record(duplex: Duplex, { onChunk }: { onChunk?: () => void } = {}): Recording {
  const chunks: Buffer[] = [];
  const flushes: number[] = [];
  const closings: (Error | undefined)[] = [];
  const over = deferred<void>();
  let wake = (): void => {};
  const bytes = (): Buffer => Buffer.concat(chunks);
  const size = (): number => chunks.reduce((sum, { length }) => sum + length, 0);
  const handler: DuplexHandler = {
    received: (chunk) => {
      chunks.push(Buffer.from(chunk));
      onChunk?.();
      wake();
    },
    flushed: (total) => {
      flushes.push(total);
      wake();
    },
    closed: (error) => {
      closings.push(error);
      over.resolve();
    },
  };
  duplex.attach(handler);
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    flushes,
    closings,
    closed: over.promise,
    bytes,
    size,
    text: () => bytes().toString(),
    received: async (wanted) => {
      await until(() => size() >= wanted);
      return wanted < 1000 ? bytes().toString() : "";
    },
    flushed: (total) => until(() => (flushes.at(-1) ?? 0) >= total),
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  return Promise.withResolvers<T>();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
}

function resources(): string[] {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Pipe.*Req/.test(name));
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
