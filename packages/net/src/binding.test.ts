import type { NetworkInterfaceInfo } from "node:os";
import { expect, it } from "vitest";
import { bindTo } from "./binding.ts";

const UNAVAILABLE = expect.objectContaining({ code: "ERR_NET_ADDRESS_UNAVAILABLE" });

function host(interfaces: Record<string, string[]>): () => Record<string, NetworkInterfaceInfo[]> {
  const info = (address: string): NetworkInterfaceInfo => ({
    address,
    netmask: "",
    mac: "",
    internal: false,
    cidr: null,
    ...(address.includes(":") ? { family: "IPv6", scopeid: 3 } : { family: "IPv4" }),
  });
  return () =>
    Object.fromEntries(Object.entries(interfaces).map(([name, all]) => [name, all.map(info)]));
}

const interfaces = host({
  lo: ["127.0.0.1", "::1"],
  eth0: ["10.0.0.5", "fe80::5", "2001:DB8::5"],
  tun0: ["10.8.0.2"],
});
const zone = process.platform === "win32" ? "3" : "eth0";

it("takes all addresses of an interface, with zones, and ties to it what it should", () => {
  const { addresses } = bindTo(["eth0", "10.8.0.2"], true, interfaces);
  expect(addresses()).toEqual([
    { address: "10.0.0.5", family: 4, device: "eth0" },
    { address: `fe80::5%${zone}`, family: 6, device: "eth0" },
    { address: "2001:db8::5", family: 6, device: "eth0" },
    { address: "10.8.0.2", family: 4 },
  ]);
  expect(bindTo(["tun0"], false, interfaces).addresses()).toEqual([
    { address: "10.8.0.2", family: 4 },
  ]);
});

it("chooses a source of the same family, and keeps loopback and links apart", () => {
  const { sourceFor } = bindTo(["lo", "eth0"], false, interfaces);
  expect(sourceFor("192.0.2.1").address).toBe("10.0.0.5");
  expect(sourceFor("2001:db8:1::1").address).toBe("2001:db8::5");
  expect(sourceFor(`fe80::9%${zone}`).address).toBe(`fe80::5%${zone}`);
  expect(sourceFor("127.0.0.53").address).toBe("127.0.0.1");
  expect(sourceFor("::1").address).toBe("::1");
  expect(() => sourceFor("fe80::9%tun0")).toThrow(UNAVAILABLE);
  const tunnel = bindTo(["tun0"], false, interfaces);
  for (const to of ["127.0.0.1", "::1", "2001:db8::1"]) {
    expect(() => tunnel.sourceFor(to)).toThrow(UNAVAILABLE);
  }
});

it("gives exactly the address that is asked for, or the family's first", () => {
  const { local } = bindTo(["eth0", "tun0"], false, interfaces);
  expect(local("10.8.0.2").address).toBe("10.8.0.2");
  expect(local("0.0.0.0").address).toBe("10.0.0.5");
  expect(local("::").address).toBe("2001:db8::5");
  expect(() => local("127.0.0.1")).toThrow(UNAVAILABLE);
  expect(() => bindTo(["tun0"], false, interfaces).local("::")).toThrow(UNAVAILABLE);
});

it("looks anew each time: what goes down is refused, what comes up is used", () => {
  let present = interfaces;
  const { addresses, sourceFor } = bindTo(["tun0", "2001:db8::5"], true, () => present());
  expect(addresses()).toHaveLength(2);
  present = host({ lo: ["127.0.0.1"], eth0: ["10.0.0.5", "2001:db8::6"] });
  expect(addresses()).toEqual([]);
  expect(() => sourceFor("192.0.2.1")).toThrow(UNAVAILABLE);
  present = host({ tun0: ["10.8.0.3"] });
  expect(sourceFor("192.0.2.1")).toEqual({ address: "10.8.0.3", family: 4, device: "tun0" });
});

it("has all of 127/8 where there is loopback", () => {
  expect(bindTo(["127.0.0.3"], false, interfaces).addresses()).toHaveLength(1);
  expect(bindTo(["127.0.0.3"], false, host({ eth0: ["10.0.0.5"] })).addresses()).toEqual([]);
});
