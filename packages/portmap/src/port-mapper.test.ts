// Leases at a gateway in memory, on virtual time: granted, renewed, lost, refused, given back.
import { describe, expect, it } from "vitest";
import { MINUTE, SECOND, World } from "../testing/world.ts";

const never = new AbortController().signal;
const TCP = { protocol: "tcp", port: 6881 } as const;
const UDP = { protocol: "udp", port: 6881 } as const;
const HOUR = 60 * MINUTE;

async function mapped(world: World): Promise<World> {
  world.mapper.map(TCP);
  world.mapper.map(UDP);
  await world.pass(SECOND);
  return world;
}

describe("mapping by PCP", () => {
  it("tells where the outside reaches us", async () => {
    const world = new World();
    world.server.shift = 100;
    await mapped(world);
    expect(world.requests()).toEqual(["pcp map 6 6881→6881 3600", "pcp map 17 6881→6881 3600"]);
    const gateway = { address: "192.168.1.1", local: "192.168.1.5" };
    const outside = { externalAddress: "203.0.113.7", externalPort: 6981, lifetime: 3600 };
    expect(world.mapped).toEqual([
      { ...TCP, via: "pcp", gateway, ...outside },
      { ...UDP, via: "pcp", gateway, ...outside },
    ]);
    expect(world.mapper.mappings).toEqual(world.mapped);
    expect(world.sockets.size).toBe(0);
  });

  it("asks once for what is wanted twice, and refuses what is no port", async () => {
    const world = await mapped(new World());
    world.mapper.map(TCP);
    await world.pass(SECOND);
    expect(world.requests()).toHaveLength(2);
    for (const port of [0, 65_536, 1.5, Number.NaN]) {
      expect(() => world.mapper.map({ protocol: "tcp", port })).toThrow(RangeError);
    }
  });

  it("renews at half the lifetime, by the same nonce and for the same outside", async () => {
    const world = new World();
    world.server.shift = 100;
    await mapped(world);
    const nonces = world.server.requests.map(({ nonce }) => nonce);
    expect(new Set(nonces).size).toBe(2);
    world.requests();
    await world.pass(30 * MINUTE - 2 * SECOND);
    expect(world.requests()).toEqual([]);
    world.server.epoch += 1800;
    await world.pass(2 * SECOND);
    expect(world.server.requests.map(({ nonce }) => nonce)).toEqual(nonces);
    expect(world.requests()).toEqual(["pcp map 6 6881→6981 3600", "pcp map 17 6881→6981 3600"]);
    expect(world.mapped).toHaveLength(2);
  });

  it("tells when the outside has changed", async () => {
    const world = await mapped(new World());
    world.server.externalAddress = [198, 51, 100, 1];
    world.server.epoch += 1800;
    await world.pass(30 * MINUTE);
    expect(world.mapped.map(({ externalAddress }) => externalAddress)).toEqual([
      "203.0.113.7",
      "203.0.113.7",
      "198.51.100.1",
      "198.51.100.1",
    ]);
  });

  it("gives everything back", async () => {
    const world = await mapped(new World());
    world.requests();
    await world.mapper.close(never);
    expect(world.requests()).toEqual(["pcp map 6 6881→0 0", "pcp map 17 6881→0 0"]);
    expect(world.server.granted.size).toBe(0);
    expect(world.mapper.mappings).toEqual([]);
    expect(world.deadlines.size).toBe(0);
    world.mapper.map({ protocol: "tcp", port: 1 });
    await world.pass(HOUR);
    expect(world.requests()).toEqual([]);
  });

  it("waits no longer for a dead gateway than it is told to", async () => {
    const world = await mapped(new World());
    world.server.isDead = true;
    const stop = new AbortController();
    let isClosed = false;
    void world.mapper.close(stop.signal).then(() => {
      isClosed = true;
    });
    await world.pass(3 * SECOND);
    expect(isClosed).toBe(false);
    stop.abort();
    await world.settle();
    expect(isClosed).toBe(true);
    expect(world.sockets.size).toBe(0);
    expect(world.deadlines.size).toBe(0);
  });

  it("gives up a dead gateway by itself", async () => {
    const world = await mapped(new World());
    world.server.isDead = true;
    const closing = world.mapper.close(never);
    await world.pass(4 * SECOND);
    await closing;
    expect(world.sockets.size).toBe(0);
  });

  it("takes back a request that nobody has answered yet when it is closed", async () => {
    const world = new World();
    world.server.isDead = true;
    world.mapper.map(TCP);
    await world.pass(100);
    await world.mapper.close(never);
    expect(world.requests()).toEqual(["pcp map 6 6881→6881 3600", "pcp map 6 6881→0 0"]);
    expect(world.sockets.size).toBe(0);
    expect(world.deadlines.size).toBe(0);
  });

  it("can be closed before it began", async () => {
    const world = new World();
    world.mapper.map(TCP);
    await world.mapper.close(never);
    expect(world.sent).toEqual([]);
    expect(world.deadlines.size).toBe(0);
  });
});

describe("gateways that only know NAT-PMP", () => {
  it("are asked so once they have said so", async () => {
    const world = new World();
    world.server.speaksPcp = false;
    await mapped(world);
    expect(world.requests()).toEqual([
      "pcp map 6 6881→6881 3600",
      "nat-pmp map 6 6881→6881 3600",
      "nat-pmp address",
      "nat-pmp map 17 6881→6881 3600",
      "nat-pmp address",
    ]);
    expect(world.mapped).toMatchObject([
      { ...TCP, via: "nat-pmp", externalAddress: "203.0.113.7", externalPort: 6881 },
      { ...UDP, via: "nat-pmp", externalAddress: "203.0.113.7", externalPort: 6881 },
    ]);
    await world.mapper.close(never);
    expect(world.requests()).toEqual(["nat-pmp map 6 6881→0 0", "nat-pmp map 17 6881→0 0"]);
    expect(world.server.granted.size).toBe(0);
  });

  it("may not know their address", async () => {
    const world = new World(["nat-pmp"]);
    world.server.externalAddress = [0, 0, 0, 0];
    await mapped(world);
    expect(world.mapped[0]?.externalAddress).toBeUndefined();
    expect(world.mapped).toHaveLength(2);
  });

  it("are left alone if only PCP may be spoken", async () => {
    const world = new World(["pcp"]);
    world.server.speaksPcp = false;
    await mapped(world);
    expect(world.requests().filter((what) => what.startsWith("nat-pmp"))).toEqual([]);
    expect(world.warnings[0]?.message).toContain("version not supported");
  });

  it("are not asked so over IPv6", async () => {
    const world = new World();
    world.gateways = [{ address: "fe80::1%eth0", local: "2001:db8::5" }];
    world.server.speaksPcp = false;
    world.answers = (request) => {
      const answer = world.server.answer(request, "");
      return answer ? [[answer, { address: "fe80::1%eth0", port: 5351 }]] : [];
    };
    await mapped(world);
    expect(world.requests().every((what) => what.startsWith("pcp"))).toBe(true);
    expect(world.mapped).toEqual([]);
  });
});

describe("failures", () => {
  it("are said once, and tried again ever more rarely", async () => {
    const world = new World();
    world.server.isDead = true;
    world.mapper.map(TCP);
    await world.pass(24 * HOUR);
    expect(world.warnings).toHaveLength(1);
    expect(world.warnings[0]).toMatchObject({ code: "ERR_PORTMAP_UNANSWERED" });
    expect(world.warnings[0]?.message).toContain("PCP at 192.168.1.1 does not answer");
    const times = world.sent.map(({ at }) => at);
    expect(times.slice(0, 5)).toEqual([0, 250, 750, 1750, 3750 + MINUTE]);
    // Four datagrams an attempt; an hour between attempts in the end.
    expect(times.length).toBeLessThan(4 * 32);
    expect(world.sockets.size).toBe(0);
  });

  it("end when the gateway is back", async () => {
    const world = new World();
    world.server.isDead = true;
    world.mapper.map(TCP);
    await world.pass(10 * SECOND);
    world.server.isDead = false;
    await world.pass(MINUTE);
    expect(world.mapped).toHaveLength(1);
    world.server.isDead = true;
    await world.pass(HOUR);
    expect(world.warnings).toHaveLength(2);
    expect(world.mapper.mappings).toEqual([]);
  });

  it("of a renewal leave the mapping until it ends", async () => {
    const world = await mapped(new World());
    world.server.isDead = true;
    await world.pass(59 * MINUTE);
    expect(world.mapper.mappings).toHaveLength(2);
    world.server.isDead = false;
    world.server.epoch += 3600;
    await world.pass(10 * MINUTE);
    expect(world.mapper.mappings).toHaveLength(2);
    expect(world.mapped).toHaveLength(2);
  });

  it("by refusal are said, and rest as long as the gateway wants, up to an hour", async () => {
    const world = new World();
    Object.assign(world.server, { result: 2, lifetime: 1200 });
    world.mapper.map(TCP);
    await world.pass(19 * MINUTE);
    expect(world.requests()).toHaveLength(1);
    expect(world.warnings).toMatchObject([{ code: "ERR_PORTMAP_REFUSED" }]);
    expect(world.warnings[0]?.message).toContain("not authorized");
    await world.pass(2 * MINUTE);
    expect(world.requests()).toHaveLength(1);
    world.server.lifetime = 0xffffffff;
    await world.pass(22 * MINUTE);
    world.server.result = 0;
    world.server.lifetime = 3600;
    world.requests();
    await world.pass(HOUR);
    expect(world.mapped).toHaveLength(1);
  });

  it("of the list of gateways are said, and it is looked at again", async () => {
    const world = new World();
    const { gateways } = world;
    Object.defineProperty(world, "gateways", {
      configurable: true,
      get: () => {
        throw new Error("no routes");
      },
    });
    world.mapper.map(TCP);
    await world.pass(SECOND);
    expect(world.warnings.map(({ message }) => message)).toEqual(["no routes"]);
    Object.defineProperty(world, "gateways", { value: gateways });
    await world.pass(5 * MINUTE);
    expect(world.mapped).toHaveLength(1);
  });
});

describe("strange gateways", () => {
  it("others than the gateway are not believed, nor answers to others", async () => {
    const world = new World(["pcp"]);
    world.answers = (request) => {
      const good = world.server.answer(request, "192.168.1.5") ?? new Uint8Array();
      const otherNonce = Uint8Array.from(good).fill(0xee, 24, 36);
      const otherPort = Uint8Array.from(good).fill(0xee, 40, 42);
      const gateway = { address: "192.168.1.1", port: 5351 };
      return [
        [good, { address: "192.168.1.66", port: 5351 }],
        [good, { address: "192.168.1.1", port: 5350 }],
        [otherNonce, gateway],
        [otherPort, gateway],
        [new Uint8Array(1), gateway],
        [new Uint8Array(), gateway],
        [request, gateway],
      ];
    };
    world.mapper.map(TCP);
    await world.pass(10 * SECOND);
    expect(world.mapped).toEqual([]);
    expect(world.warnings).toMatchObject([{ code: "ERR_PORTMAP_UNANSWERED" }]);
  });

  it("grants of no time or no port are none", async () => {
    const world = new World();
    world.server.lifetime = 0;
    world.mapper.map(TCP);
    await world.pass(SECOND);
    expect(world.mapped).toEqual([]);
    expect(world.warnings).toMatchObject([{ code: "ERR_PORTMAP_BAD_ANSWER" }]);
  });

  it("grants of a second do not keep us busy", async () => {
    const world = new World();
    world.server.lifetime = 1;
    world.mapper.map(TCP);
    await world.pass(MINUTE);
    expect(world.requests().length).toBeLessThanOrEqual(7);
  });

  it("restarts are noticed at the next answer, and other mappings renewed soon", async () => {
    const world = new World();
    world.mapper.map(TCP);
    await world.pass(15 * MINUTE);
    world.requests();
    // The gateway restarts, and forgets.
    world.server.granted.clear();
    world.server.epoch = 3;
    world.mapper.map(UDP);
    await world.pass(9 * SECOND);
    expect(world.requests()).toEqual(["pcp map 17 6881→6881 3600"]);
    world.server.epoch += 10;
    await world.pass(2 * SECOND);
    expect(world.requests()).toEqual(["pcp map 6 6881→6881 3600"]);
    expect(world.server.granted.size).toBe(2);
    world.server.epoch += 60;
    await world.pass(MINUTE);
    expect(world.requests()).toEqual([]);
  });

  it("a clock that always goes back does not keep us busy", async () => {
    const world = new World();
    const answers = world.answers;
    world.answers = (request) => {
      world.server.epoch -= 5;
      return answers(request);
    };
    await mapped(world);
    await world.pass(MINUTE);
    expect(world.requests().length).toBeLessThanOrEqual(14);
  });
});

describe("networks", () => {
  it("every gateway is asked", async () => {
    const world = new World();
    world.gateways = [...world.gateways, { address: "10.0.0.1", local: "10.0.0.5" }];
    world.mapper.map(TCP);
    await world.pass(SECOND);
    expect(world.sent.map(({ to }) => to)).toContain("10.0.0.1:5351");
    expect(world.mapped).toHaveLength(1);
  });

  it("a new gateway is found within five minutes, and a former one left", async () => {
    const world = await mapped(new World());
    world.gateways = [{ address: "10.0.0.1", local: "10.0.0.5" }];
    await world.pass(5 * MINUTE);
    expect(world.mapper.mappings).toEqual([]);
    expect(world.sent.at(-1)?.to).toBe("10.0.0.1:5351");
    await world.mapper.close(AbortSignal.abort());
    expect(world.deadlines.size).toBe(0);
  });

  it("without a gateway nothing is sent and nothing said", async () => {
    const world = new World();
    world.gateways = [];
    world.mapper.map(TCP);
    await world.pass(HOUR);
    expect(world.sent).toEqual([]);
    expect(world.warnings).toEqual([]);
  });

  it("without a gateway's address PCP is not spoken", async () => {
    const world = new World();
    world.gateways = [{ address: undefined, local: "192.168.1.5" }];
    world.mapper.map(TCP);
    await world.pass(HOUR);
    expect(world.sent).toEqual([]);
  });
});
