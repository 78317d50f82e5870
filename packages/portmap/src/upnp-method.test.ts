// Searches and web servers that hang or lie, on virtual time.
import type { Duplex, DuplexHandler } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { MINUTE, SECOND, World } from "../testing/world.ts";

const TCP = { protocol: "tcp", port: 6881 } as const;
const ST = "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1";
const never = new AbortController().signal;

function found(location: string): string {
  return `HTTP/1.1 200 OK\r\nLOCATION: ${location}\r\n${ST}\r\n\r\n`;
}

/** A world whose web server records who is dialled, and says nothing. */
function silent(): { world: World; dialled: string[]; open: Set<Duplex> } {
  const world = new World(["upnp"]);
  const dialled: string[] = [];
  const open = new Set<Duplex>();
  world.tcp = {
    dial: async (remote) => {
      dialled.push(`${remote.address}:${remote.port}`);
      let handler: DuplexHandler | undefined;
      const duplex: Duplex = {
        kind: "test",
        remote,
        local: { address: "192.168.1.5", port: 1 },
        attach: (attached) => {
          handler = attached;
        },
        write: () => {},
        pause: () => {},
        resume: () => {},
        end: () => {},
        destroy: () => {
          if (open.delete(duplex)) handler?.closed(undefined);
        },
      };
      open.add(duplex);
      return duplex;
    },
  };
  return { world, dialled, open };
}

describe("a search", () => {
  it("goes to the group and to the gateway, twice, and ends", async () => {
    const world = new World(["upnp"]);
    world.mapper.map(TCP);
    await world.pass(30 * SECOND);
    const both = ["239.255.255.250:1900", "192.168.1.1:1900"];
    expect(world.sent.map(({ to }) => to)).toEqual([...both, ...both]);
    expect(world.warnings).toMatchObject([{ code: "ERR_PORTMAP_UNANSWERED" }]);
    expect(world.sockets.size).toBe(0);
  });

  it.each(["203.0.113.9", "2001:db8::5"])(
    "is not made from %s, which needs no NAT",
    async (local) => {
      const world = new World(["upnp"]);
      world.gateways = [{ address: undefined, local }];
      world.mapper.map(TCP);
      await world.pass(MINUTE);
      expect(world.sent).toEqual([]);
      expect(world.warnings).toEqual([]);
    },
  );

  it.each([
    ["from another host", "http://192.168.1.66/", "192.168.1.66"],
    ["that leads to another host", "http://192.168.1.66/", "192.168.1.1"],
    ["that leads to ourselves", "http://127.0.0.1:8080/shutdown", "192.168.1.1"],
    ["that leads to a name", "http://router.example/", "192.168.1.1"],
  ])("does not believe an answer %s", async (_, location, address) => {
    const { world, dialled } = silent();
    world.searches = () => [[found(location), { address, port: 1900 }]];
    world.mapper.map(TCP);
    await world.pass(MINUTE);
    expect(dialled).toEqual([]);
  });

  it("believes local devices alone where the gateway is not known", async () => {
    const { world, dialled } = silent();
    world.gateways = [{ address: undefined, local: "192.168.1.5" }];
    world.searches = () => [
      [found("http://203.0.113.5/"), { address: "203.0.113.5", port: 1900 }],
      ["X * HTTP/1.1\r\n\r\n", { address: "192.168.1.9", port: 1900 }],
      [found("http://192.168.1.1:5000/d"), { address: "192.168.1.1", port: 1900 }],
    ];
    world.mapper.map(TCP);
    await world.pass(SECOND);
    expect(dialled).toEqual(["192.168.1.1:5000"]);
  });
});

describe("a web server that hangs", () => {
  const answers = [
    [found("http://192.168.1.1:5000/d"), { address: "192.168.1.1", port: 1900 }],
  ] as const;

  it("is given up after five seconds", async () => {
    const { world, open } = silent();
    world.searches = () => answers;
    world.mapper.map(TCP);
    await world.pass(4 * SECOND);
    expect(open.size).toBe(1);
    await world.pass(2 * SECOND);
    expect(open.size).toBe(0);
    expect(world.warnings).toMatchObject([{ code: "ERR_PORTMAP_UNANSWERED" }]);
    expect(world.warnings[0]?.message).toContain("takes too long");
  });

  it("does not keep us from closing", async () => {
    const { world, open } = silent();
    world.searches = () => answers;
    world.mapper.map(TCP);
    await world.pass(SECOND);
    await world.mapper.close(never);
    expect(open.size).toBe(0);
    expect(world.deadlines.size).toBe(0);
    expect(world.warnings).toEqual([]);
  });

  it("is not waited for while it accepts no connection", async () => {
    const { world } = silent();
    let aborted = 0;
    world.tcp = {
      dial: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted++;
            reject(signal.reason);
          });
        }),
    };
    world.searches = () => answers;
    world.mapper.map(TCP);
    await world.pass(6 * SECOND);
    expect(aborted).toBe(1);
    expect(world.warnings[0]?.message).toContain("takes too long");
  });
});
