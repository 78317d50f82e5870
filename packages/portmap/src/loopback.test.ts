// Real sockets: PCP, NAT-PMP and UPnP with a router on loopback.
import { randomBytes } from "node:crypto";
import { Deadlines } from "@shoal/core";
import { clock, deadlineDriver, tcpTransport } from "@shoal/net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { description, fault, LoopbackRouter } from "../testing/loopback.ts";
import type { Mapping, PortMapProtocol } from "./method.ts";
import { createPortMapper, type PortMapper } from "./port-mapper.ts";

const never = new AbortController().signal;
const TCP = { protocol: "tcp", port: 6881 } as const;

let router: LoopbackRouter;
let deadlines: Deadlines;
let driver: { close(): void };
let mapper: PortMapper;

/** Maps a port and waits for what comes of it. */
function outcome(...protocols: PortMapProtocol[]): Promise<Mapping | Error> {
  return new Promise((resolve) => {
    mapper = createPortMapper({
      clock: clock(),
      deadlines,
      entropy: (size) => randomBytes(size),
      udp: router.udp,
      tcp: tcpTransport(),
      gateways: () => [router.gateway],
      mapped: resolve,
      warn: resolve,
      protocols,
    });
    mapper.map(TCP);
  });
}

beforeEach(async () => {
  router = await LoopbackRouter.start();
  deadlines = new Deadlines();
  driver = deadlineDriver(deadlines, clock());
});

afterEach(async () => {
  await mapper.close(never);
  expect(deadlines.size).toBe(0);
  driver.close();
  await router.close();
});

describe("a router on loopback", () => {
  it.each(["pcp", "nat-pmp"] as const)("maps by %s and gives back", async (via) => {
    expect(await outcome(via)).toMatchObject({ via, externalAddress: "203.0.113.7" });
    expect([...router.pcp.granted]).toEqual([
      ["6 6881", { protocol: 6, internalPort: 6881, externalPort: 6881, lifetime: 3600 }],
    ]);
    await mapper.close(never);
    expect(router.pcp.granted.size).toBe(0);
  });

  it("maps by UPnP and gives back", async () => {
    expect(await outcome("upnp")).toEqual({
      ...TCP,
      via: "upnp",
      gateway: router.gateway,
      externalAddress: "203.0.113.7",
      externalPort: 6881,
      lifetime: 3600,
    });
    expect([...router.leases]).toEqual([["TCP 6881", 3600]]);
    await mapper.close(never);
    expect(router.leases.size).toBe(0);
    expect(router.actions).toEqual([
      "AddPortMapping 6881 TCP 6881 127.0.0.1",
      "GetExternalIPAddress",
      "DeletePortMapping 6881 TCP",
    ]);
  });

  it("is asked by UPnP when it refuses PCP", async () => {
    router.pcp.result = 2;
    expect(await outcome("upnp", "nat-pmp", "pcp")).toMatchObject({ via: "upnp" });
  });

  it("is searched for where its address is not known", async () => {
    Object.assign(router, { gateway: { address: undefined, local: "127.0.0.1" } });
    expect(await outcome("pcp", "upnp")).toMatchObject({ gateway: { address: "127.0.0.1" } });
  });
});

describe("UPnP", () => {
  it("takes another port if somebody has ours", async () => {
    router.leases.set("TCP 6881", 1);
    router.control = (action, values) => {
      const isTaken = action === "AddPortMapping" && values.get("NewExternalPort") === "6881";
      return isTaken ? fault(718) : router.map(action, values);
    };
    const mapping = await outcome("upnp");
    const externalPort = "externalPort" in mapping ? mapping.externalPort : 0;
    expect(externalPort).toBeGreaterThanOrEqual(49_152);
    expect([...router.leases.keys()]).toEqual(["TCP 6881", `TCP ${externalPort}`]);
    await mapper.close(never);
    expect([...router.leases.keys()]).toEqual(["TCP 6881"]);
  });

  it("gives up when all ports are taken", async () => {
    router.control = () => fault(718);
    expect(await outcome("upnp")).toMatchObject({ code: "ERR_PORTMAP_REFUSED" });
    expect(router.actions).toHaveLength(4);
  });

  it("asks for a lease without end where there is no other", async () => {
    router.control = (action, values) =>
      action === "AddPortMapping" && values.get("NewLeaseDuration") !== "0"
        ? fault(725)
        : router.map(action, values);
    expect(await outcome("upnp")).toMatchObject({ via: "upnp", lifetime: 3600 });
    expect([...router.leases]).toEqual([["TCP 6881", 0]]);
  });

  it("stops asking a router that refuses that as well", async () => {
    router.control = () => fault(725);
    expect(await outcome("upnp")).toMatchObject({ code: "ERR_PORTMAP_REFUSED" });
    expect(router.actions).toHaveLength(2);
  });

  it("asks the next service if one refuses", async () => {
    router.description = description(["/off", "/on"]);
    let asked = 0;
    router.control = (action, values) => (asked++ === 0 ? fault(501) : router.map(action, values));
    expect(await outcome("upnp")).toMatchObject({ via: "upnp" });
  });

  it.each([
    ["does not tell its address", (): [number, string] => fault(501)],
    ["has none", (): [number, string] => [200, "<NewExternalIPAddress/>"]],
    [
      "tells nonsense",
      (): [number, string] => [200, "<NewExternalIPAddress>0.0.0.0</NewExternalIPAddress>"],
    ],
  ])("maps also if the router %s", async (_, answer) => {
    router.control = (action, values) =>
      action === "GetExternalIPAddress" ? answer() : router.map(action, values);
    expect(await outcome("upnp")).toMatchObject({ via: "upnp", externalAddress: undefined });
  });

  it.each([
    ["no service", description([])],
    ["a service elsewhere", description(["http://192.0.2.1/control"])],
    ["nothing", ""],
    ["too much", " ".repeat(70_000)],
  ])("is harmless with a description of %s", async (_, body) => {
    router.description = body;
    expect(await outcome("upnp")).toMatchObject({ code: "ERR_PORTMAP_BAD_ANSWER" });
    expect(router.actions).toEqual([]);
  });

  it("is harmless with a web server that nobody runs", async () => {
    router.location = "http://127.0.0.1:1/desc.xml";
    expect(await outcome("upnp")).toMatchObject({ code: "ERR_PORTMAP_UNANSWERED" });
  });
});
