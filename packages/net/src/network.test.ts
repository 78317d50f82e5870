import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import type { Datagrams, Duplex, Endpoint } from "@shoal/core";
import { afterEach, describe, expect, it } from "vitest";
import { createNetwork, type Network, udpSocket } from "./index.ts";

const cleanUp: (() => unknown)[] = [];
const bounds = { maxBytes: 1000, timeoutMs: 5000 };
const UNAVAILABLE = { code: "ERR_NET_ADDRESS_UNAVAILABLE" };
const isLinux = process.platform === "linux";

afterEach(async () => {
  for (const close of cleanUp.splice(0).reverse()) await close();
});

describe("a network that is not bound", () => {
  it("listens at both families and dials them", async () => {
    const network = createNetwork();
    expect(network.families()).toEqual([4, 6]);
    expect(network.listenAddresses(6881)).toEqual([{ address: "::", port: 6881 }]);
    const { port } = await echo(network, "::");
    for (const address of ["127.0.0.1", "::1"]) {
      expect(await ask(network, { address, port })).toBe(address);
    }
  });

  it("has UDP of either family, HTTP and names", async () => {
    const network = createNetwork();
    expect((await open(network.udp(4))).local.address).toBe("0.0.0.0");
    expect((await open(network.udp(6))).local.address).toBe("::");
    expect((await open(network.udp({ address: "::1", port: 0 }))).local.address).toBe("::1");
    expect(await fetchFrom(network, await serve(), "[::1]")).toBe("::1");
    expect(await network.resolve("localhost", { family: 4 })).toEqual(["127.0.0.1"]);
  });
});

// With a name of an interface every socket is made in another way, tied to it.
const bindings: [bind: string[], expected: string[]][] = [
  [
    ["127.0.0.1", "::1"],
    ["127.0.0.1", "::1"],
  ],
  ...(isLinux ? [[["lo"], ["127.0.0.1", "::1"]] as [string[], string[]]] : []),
];
describe.each(bindings)("a network bound to %j", (bind, expected) => {
  it("has those addresses alone", () => {
    const network = createNetwork({ bind });
    const listen = expected.map((address) => ({ address, port: 80 }));
    expect(network.listenAddresses(80)).toEqual(listen);
    expect(network.families()).toEqual([4, 6]);
    expect(expected.map((address) => network.allows(address))).toEqual([true, true]);
    expect(["127.0.0.9", "192.0.2.1", "::"].some((address) => network.allows(address))).toBe(false);
  });

  it.each(expected)("listens and dials at %s", async (address) => {
    const network = createNetwork({ bind });
    const listener = await echo(network, address);
    expect(listener).toEqual({ address, port: expect.any(Number) });
    expect(listener.port).not.toBe(0);
    expect(await ask(network, listener)).toBe(address);
  });

  it.each(expected)("sends and receives datagrams at %s", async (address) => {
    const network = createNetwork({ bind });
    const a = await open(network.udp({ address, port: 0 }));
    const b = await open(network.udp(address === "::1" ? 6 : 4, { bufferSize: 65_536 }));
    expect([a.local.address, b.local.address]).toEqual([address, address]);
    const received = next(a);
    b.send(Buffer.from("ping"), a.local);
    expect(await received).toEqual(["ping", b.local]);
  });

  it("fetches over HTTP, by address and by name, and streams", async () => {
    const network = createNetwork({ bind });
    const port = await serve();
    for (const address of expected) {
      const host = address.includes(":") ? `[${address}]` : address;
      expect(await fetchFrom(network, port, host)).toBe(address);
    }
    expect(["::1", "127.0.0.1"]).toContain(await fetchFrom(network, port, "localhost"));
    expect(await fetchFrom(network, port, "localhost", 4)).toBe("127.0.0.1");
    const client = network.http();
    cleanUp.push(() => client.close());
    const body = await new Promise<string>((resolve, reject) => {
      let text = "";
      client.stream(
        `http://localhost:${port}/`,
        { idleTimeoutMs: 5000 },
        {
          head: () => true,
          data: (chunk) => {
            text += Buffer.from(chunk).toString();
          },
          end: () => resolve(text),
          failed: reject,
        },
      );
    });
    expect(["::1", "127.0.0.1"]).toContain(body);
  });

  it("says which port is taken, and by which rule an address is refused", async () => {
    const network = createNetwork({ bind });
    const taken = await echo(network, "127.0.0.1");
    const listening = network.tcp.listen(taken, () => {});
    await expect(listening).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_IN_USE" });
    const udp = await open(network.udp(4));
    await expect(network.udp(udp.local)).rejects.toMatchObject({ code: "ERR_NET_ADDRESS_IN_USE" });
    const elsewhere = { address: "127.0.0.9", port: 0 };
    await expect(network.udp(elsewhere)).rejects.toMatchObject(UNAVAILABLE);
    await expect(network.tcp.listen(elsewhere, () => {})).rejects.toMatchObject(UNAVAILABLE);
  });

  it("joins groups on its own interfaces alone", async () => {
    const network = createNetwork({ bind });
    const all = createNetwork().multicastInterfaces();
    const own = network.multicastInterfaces();
    expect(own.map(({ address }) => address)).toEqual(expected);
    expect(all.length).toBeGreaterThanOrEqual(own.length);
    const group = { address: "239.192.152.143", port: 0 };
    for (const at of [
      { ...all[0], address: "127.0.0.9" },
      ...all.filter((one) => !one.isLoopback),
    ]) {
      await expect(network.multicast(group, at as (typeof all)[0])).rejects.toMatchObject(
        UNAVAILABLE,
      );
    }
    const at = own.find(({ family }) => family === 4);
    expect(at).toBeDefined();
    if (at !== undefined) await open(network.multicast(group, at));
  });

  it("leads nowhere else", async () => {
    const network = createNetwork({ bind, nameServers: ["192.0.2.53"] });
    const client = network.http();
    cleanUp.push(() => client.close());
    for (const address of ["192.0.2.1", "2001:db8::1", "fe80::1%lo"]) {
      const dialling = network.tcp.dial({ address, port: 1 }, { signal: never });
      await expect(dialling).rejects.toMatchObject(UNAVAILABLE);
    }
    await expect(client.get("http://192.0.2.1/", bounds)).rejects.toMatchObject(UNAVAILABLE);
    await expect(client.get("http://name.invalid/", bounds)).rejects.toMatchObject(UNAVAILABLE);
    await expect(network.resolve("name.invalid")).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe("a network bound to what is not there", () => {
  it.each([["192.0.2.77"], ["2001:db8::77"], ["fe80::77%lo"]])(
    "refuses all with %s",
    async (at) => {
      await refusesAll(createNetwork({ bind: [at] }));
    },
  );

  it.runIf(isLinux)("refuses all with an interface that does not exist", async () => {
    await refusesAll(createNetwork({ bind: ["shoal-none0"] }));
  });

  it("uses the rest", () => {
    const network = createNetwork({ bind: ["192.0.2.77", "127.0.0.1"] });
    expect(network.listenAddresses(1)).toEqual([{ address: "127.0.0.1", port: 1 }]);
  });

  it("refuses the family that it lacks", async () => {
    const network = createNetwork({ bind: ["127.0.0.1"] });
    expect(network.families()).toEqual([4]);
    await expect(network.udp(6)).rejects.toMatchObject(UNAVAILABLE);
    const there = await echo(createNetwork(), "::1");
    const dialling = network.tcp.dial(there, { signal: never });
    await expect(dialling).rejects.toMatchObject(UNAVAILABLE);
    await expect(fetchFrom(network, await serve(), "[::1]")).rejects.toMatchObject(UNAVAILABLE);
    expect(await network.resolve("localhost")).toEqual(["127.0.0.1"]);
  });
});

it.each([
  [[]],
  [[""]],
  [["0.0.0.0"]],
  [["::"]],
  [["fe80::1"]],
  [["ff02::1"]],
  [["10.0.0.0/8"]],
  [["a b"]],
])("refuses to be bound to %j", (bind) => {
  expect(() => createNetwork({ bind })).toThrow(
    expect.objectContaining({ code: "ERR_NET_INVALID_ADDRESS" }),
  );
});

it("tries a server's addresses in turn", async () => {
  const network = createNetwork({ bind: ["::1", "127.0.0.1"] });
  const server = createServer((request, response) => response.end(request.socket.remoteAddress));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUp.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  expect(await fetchFrom(network, port, "localhost")).toBe("127.0.0.1");
});

it("lets go of connections under way when the client closes", async () => {
  const network = createNetwork({ bind: ["127.0.0.1"] });
  const silent = await udpSocket({ address: "127.0.0.1", port: 0 });
  cleanUp.push(() => silent.close());
  const asked = next(silent);
  const client = createNetwork({
    bind: ["127.0.0.1"],
    nameServers: [`127.0.0.1:${silent.local.port}`],
  }).http();
  const getting = client.get("http://name.invalid/", bounds);
  await asked;
  const refusal = expect(getting).rejects.toMatchObject({ code: "ERR_NET_CLOSED" });
  await client.close();
  await refusal;
  expect(network.families()).toEqual([4]);
});

const never: AbortSignal = new AbortController().signal;

async function refusesAll(network: Network): Promise<void> {
  const server = createTcpServer();
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "::", resolve));
  cleanUp.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  expect(network.families()).toEqual([]);
  expect(() => network.listenAddresses(1)).toThrow(expect.objectContaining(UNAVAILABLE));
  for (const address of ["127.0.0.1", "::1"]) {
    const there = { address, port };
    await expect(network.tcp.dial(there, { signal: never })).rejects.toMatchObject(UNAVAILABLE);
    await expect(network.tcp.listen({ address, port: 0 }, () => {})).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await expect(network.udp({ address, port: 0 })).rejects.toMatchObject(UNAVAILABLE);
    const host = address.includes(":") ? `[${address}]` : address;
    await expect(fetchFrom(network, port, host)).rejects.toMatchObject(UNAVAILABLE);
  }
  for (const family of [4, 6] as const) {
    await expect(network.udp(family)).rejects.toMatchObject(UNAVAILABLE);
  }
  await expect(network.resolve("name.invalid")).rejects.toMatchObject(UNAVAILABLE);
  expect(connections).toBe(0);
}

/** Tells who connects what their address is. */
async function echo(network: Network, address: string): Promise<Endpoint> {
  const listener = await network.tcp.listen({ address, port: 0 }, (duplex) => {
    duplex.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
    duplex.write([Buffer.from(duplex.remote.address)]);
    duplex.end();
  });
  cleanUp.push(() => listener.close());
  return listener.local;
}

async function ask(network: Network, to: Endpoint): Promise<string> {
  const duplex: Duplex = await network.tcp.dial(to, { signal: AbortSignal.timeout(5000) });
  expect(duplex.remote).toEqual(to);
  return new Promise((resolve, reject) => {
    let text = "";
    duplex.attach({
      received: (chunk) => {
        text += Buffer.from(chunk).toString();
      },
      flushed: () => {},
      closed: (error) => (error === undefined ? resolve(text) : reject(error)),
    });
  });
}

/** A server of both families that answers with the client's address. @returns its port */
async function serve(): Promise<number> {
  const server = createServer((request, response) => {
    response.end(request.socket.remoteAddress?.replace("::ffff:", ""));
  });
  await new Promise<void>((resolve) => server.listen(0, "::", resolve));
  cleanUp.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function fetchFrom(
  network: Network,
  port: number,
  host: string,
  family?: 4 | 6,
): Promise<string> {
  const client = network.http();
  try {
    const options = family === undefined ? bounds : { ...bounds, family };
    const { body } = await client.get(`http://${host}:${port}/`, options);
    return Buffer.from(body).toString();
  } finally {
    await client.close();
  }
}

async function open(opening: Promise<Datagrams>): Promise<Datagrams> {
  const socket = await opening;
  cleanUp.push(() => socket.close());
  return socket;
}

function next(socket: Datagrams): Promise<[string, Endpoint]> {
  return new Promise((resolve) =>
    socket.attach((bytes, from) => resolve([Buffer.from(bytes).toString(), from])),
  );
}
