import type { Datagrams, Endpoint } from "@shoal/core";
import { afterEach, describe, expect, it } from "vitest";
import { udpSocket } from "./udp.ts";

const open: Datagrams[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

describe.each(["127.0.0.1", "::1"])("udpSocket at %s", (address) => {
  it("carries datagrams and names their senders", async () => {
    const a = await bind(address);
    const b = await bind(address);
    expect(a.local).toEqual({ address, port: expect.any(Number) });
    expect(a.local.port).not.toBe(0);
    const received = next(b);
    a.send(Buffer.from("ping"), b.local);
    const { bytes, from } = await received;
    expect(Buffer.from(bytes).toString()).toBe("ping");
    expect(from).toEqual(a.local);
  });

  it("loses what can't be sent, without a word", async () => {
    const a = await bind(address);
    const b = await bind(address);
    const other = address.includes(":") ? "127.0.0.1" : "::1";
    a.send(new Uint8Array(70_000), b.local);
    a.send(new Uint8Array(1), { address, port: 0 });
    a.send(new Uint8Array(1), { address, port: 70_000 });
    a.send(new Uint8Array(1), { address: other, port: 1 });
    a.send(new Uint8Array(1), { address: "no address", port: 1 });
    a.send(new Uint8Array(1), { address, port: 1 });
    const received = next(b);
    a.send(Buffer.from("still works"), b.local);
    expect(Buffer.from((await received).bytes).toString()).toBe("still works");
  });
});

describe("udpSocket", () => {
  it("leaves the receiver's bytes alone when more come", async () => {
    const a = await bind("127.0.0.1");
    const b = await bind("127.0.0.1");
    const kept: Uint8Array[] = [];
    const all = new Promise<void>((resolve) => {
      b.attach((bytes) => {
        kept.push(bytes);
        if (kept.length === 20) resolve();
      });
    });
    for (let i = 0; i < 20; i++) a.send(new Uint8Array(100).fill(i), b.local);
    await all;
    expect(kept.map((bytes) => bytes[99])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("says which port is taken", async () => {
    const taken = await bind("127.0.0.1");
    await expect(udpSocket(taken.local)).rejects.toMatchObject({
      code: "ERR_NET_ADDRESS_IN_USE",
      message: expect.stringContaining(`127.0.0.1:${taken.local.port}`),
    });
  });

  it("refuses names and addresses that this machine lacks", async () => {
    await expect(udpSocket({ address: "localhost", port: 0 })).rejects.toMatchObject({
      code: "ERR_NET_INVALID_ADDRESS",
    });
    await expect(udpSocket({ address: "127.0.0.1", port: 70_000 })).rejects.toMatchObject({
      code: "ERR_NET_INVALID_ADDRESS",
    });
    await expect(udpSocket({ address: "192.0.2.1", port: 0 })).rejects.toMatchObject({
      code: "ERR_NET_ADDRESS_UNAVAILABLE",
    });
  });

  it("sends nothing after close, closes twice, and leaves no handle", async () => {
    const socket = await bind("127.0.0.1");
    await Promise.all([socket.close(), socket.close()]);
    socket.send(new Uint8Array(1), { address: "127.0.0.1", port: 1 });
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.getActiveResourcesInfo()).not.toContain("UDPWrap");
  });

  it("takes a buffer size", async () => {
    const a = await udpSocket({ address: "127.0.0.1", port: 0 }, { bufferSize: 65_536 });
    open.push(a);
    const received = next(a);
    a.send(new Uint8Array(3), a.local);
    expect((await received).bytes).toHaveLength(3);
  });
});

async function bind(address: string): Promise<Datagrams> {
  const socket = await udpSocket({ address, port: 0 });
  open.push(socket);
  return socket;
}

function next(socket: Datagrams): Promise<{ bytes: Uint8Array; from: Endpoint }> {
  return new Promise((resolve) => socket.attach((bytes, from) => resolve({ bytes, from })));
}
