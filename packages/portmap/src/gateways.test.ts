// Routing tables as kernels print them.
import { describe, expect, it } from "vitest";
import { defaultGateways, gatewaysOf, parseRoutes, parseRoutes6 } from "./gateways.ts";

const V4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
eth1\t00000000\t0101A8C0\t0203\t0\t0\t10\t00000000\t0\t0\t0
eth1\t0000000A\t0101A8C0\t0003\t0\t0\t10\t000000FF\t0\t0\t0
bad0\t00000000\tzzzz\t0003\t0\t0\t10\t00000000\t0\t0\t0
`;
const ZERO = "0".repeat(32);
const ROUTER = "fe800000000000000000000000000001";
const V6 = `20010db8000000000000000000000000 40 ${ZERO} 00 ${ZERO} 00000100 00000001 00000000 00000001     eth0
${ZERO} 00 ${ZERO} 00 ${ROUTER} 00000400 00000003 00000000 00000003     eth0
${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 00000001 00000000 00200200       lo
`;

describe("default routes", () => {
  it("over IPv4: those to routers, by metric", () => {
    expect(parseRoutes(V4, true)).toEqual([
      { device: "eth0", router: "192.168.1.1" },
      { device: "wlan0", router: "192.168.1.254" },
    ]);
  });

  it("over IPv4 on big-endian machines", () => {
    const table = V4.replace("0101A8C0", "C0A80101");
    expect(parseRoutes(table, false)[0]).toEqual({ device: "eth0", router: "192.168.1.1" });
  });

  it("over IPv6", () => {
    expect(parseRoutes6(V6)).toEqual([{ device: "eth0", router: "fe80::1" }]);
  });

  it("of nonsense: none", () => {
    for (const text of ["", "\n\n", "a b c", "Iface\nx"]) {
      expect(parseRoutes(text, true)).toEqual([]);
      expect(parseRoutes6(text)).toEqual([]);
    }
  });
});

describe("gatewaysOf", () => {
  const at = (cidr: string, internal = false) => ({
    address: cidr.replace(/\/.*/, ""),
    cidr,
    internal,
  });

  it("names our address in the router's network", () => {
    const interfaces = { eth0: [at("10.0.0.5/8"), at("192.168.1.5/24"), at("2001:db8::5/64")] };
    const routes = [{ device: "eth0", router: "192.168.1.1" }];
    expect(gatewaysOf(routes, interfaces)).toEqual([
      { address: "192.168.1.1", local: "192.168.1.5" },
    ]);
  });

  it("names our first address if none is in the router's network", () => {
    const routes = [{ device: "ppp0", router: "192.0.2.1" }];
    const interfaces = { ppp0: [at("198.51.100.7/32")] };
    expect(gatewaysOf(routes, interfaces)).toEqual([
      { address: "192.0.2.1", local: "198.51.100.7" },
    ]);
  });

  it("names all global addresses over IPv6, and the zone of a link-local router", () => {
    const eth0 = ["fe80::5/64", "2001:db8::5/64", "fd00::5/64", "2001:db8::6/64", "192.168.1.5/24"];
    const routes = [{ device: "eth0", router: "fe80::1" }];
    expect(gatewaysOf(routes, { eth0: eth0.map((one) => at(one)) })).toEqual([
      { address: "fe80::1%eth0", local: "2001:db8::5" },
      { address: "fe80::1%eth0", local: "2001:db8::6" },
    ]);
  });

  it("leaves out interfaces without an address", () => {
    const routes = [{ device: "eth0", router: "192.168.1.1" }];
    expect(gatewaysOf(routes, {})).toEqual([]);
    expect(gatewaysOf(routes, { eth0: [at("127.0.0.1/8", true)] })).toEqual([]);
  });
});

describe("defaultGateways", () => {
  it("reads this machine's tables, whatever they hold", async () => {
    for (const { local } of await defaultGateways()) expect(local).toMatch(/[.:]/);
  });
});
