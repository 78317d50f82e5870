import { networkInterfaces } from "node:os";
import type { Datagrams, Endpoint } from "@shoal/core";
import { afterEach, describe, expect, it } from "vitest";
import { type MulticastInterface, multicastInterfaces, multicastSocket } from "./multicast.ts";
import { udpSocket } from "./udp.ts";

const open: Datagrams[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

describe("multicastInterfaces", () => {
  it("lists every address that the system has, with zones where they are needed", () => {
    const all = multicastInterfaces();
    const expected = Object.values(networkInterfaces()).flatMap((infos) => infos ?? []);
    expect(all.map(({ address }) => address.replace(/%.*$/, ""))).toEqual(
      expected.map(({ address }) => address),
    );
    for (const { address, name } of all) {
      expect(address.includes("%")).toBe(/^fe[89ab]/.test(address));
      expect(networkInterfaces()).toHaveProperty(name);
    }
  });

  it("knows each one's network", () => {
    const one = loopback();
    expect(one).toMatchObject({ isLoopback: true, family: 4 });
    expect(one.contains("127.200.0.1")).toBe(true);
    expect(one.contains("128.0.0.1")).toBe(false);
    expect(one.contains("::1")).toBe(false);
    expect(one.contains("nonsense")).toBe(false);
    for (const other of multicastInterfaces()) {
      expect(other.contains(other.address)).toBe(true);
    }
  });
});

describe("multicastSocket", () => {
  it("reaches every member, the sender included", async () => {
    const group = await freeGroup();
    const [a, b] = [await join(group), await join(group)];
    const received = Promise.all([next(a), next(b)]);
    a.send(Buffer.from("hello"), group);
    const copies = await received;
    expect(copies.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["hello", "hello"]);
    expect(copies.map(({ from }) => from)).toEqual([a.local, a.local]);
    expect(a.local.address).toBe("127.0.0.1");
  });

  it.skipIf(process.platform === "win32")("hears nothing but the group", async () => {
    const group = await freeGroup();
    const member = await join(group);
    const stranger = await udpSocket({ address: "127.0.0.1", port: 0 });
    open.push(stranger);
    const received = next(member);
    stranger.send(Buffer.from("not for you"), { address: "127.0.0.1", port: group.port });
    stranger.send(Buffer.from("nor this"), member.local);
    member.send(Buffer.from("for all"), group);
    expect(Buffer.from((await received).bytes).toString()).toBe("for all");
  });

  it("closes whole, twice, and when it can't join", async () => {
    const group = await freeGroup();
    const socket = await multicastSocket(group, loopback());
    await Promise.all([socket.close(), socket.close()]);
    socket.send(new Uint8Array(1), group);
    for (const bad of [
      { ...loopback(), address: "192.0.2.77" },
      { ...group, address: "10.0.0.1" },
    ]) {
      const attempt =
        "name" in bad ? multicastSocket(group, bad) : multicastSocket(bad, loopback());
      await expect(attempt).rejects.toMatchObject({
        name: "NetError",
        message: expect.stringMatching(/^joining .* on \w+ \(/),
      });
    }
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.getActiveResourcesInfo()).not.toContain("UDPWrap");
  });
});

/** What is sent here can't leave the machine. */
function loopback(): MulticastInterface {
  const found = multicastInterfaces().find(({ address }) => address === "127.0.0.1");
  if (found === undefined) throw new Error("this machine has no 127.0.0.1");
  return found;
}

/** A group at a port that nobody uses. */
async function freeGroup(): Promise<Endpoint> {
  const socket = await udpSocket({ address: "127.0.0.1", port: 0 });
  await socket.close();
  return { address: "239.192.152.143", port: socket.local.port };
}

async function join(group: Endpoint): Promise<Datagrams> {
  const socket = await multicastSocket(group, loopback());
  open.push(socket);
  return socket;
}

function next(socket: Datagrams): Promise<{ bytes: Uint8Array; from: Endpoint }> {
  return new Promise((resolve) => socket.attach((bytes, from) => resolve({ bytes, from })));
}
