import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeCompact,
  encodeCompact,
  endpoint,
  endpointFamily,
  formatEndpoint,
  parseEndpoint,
} from "./index.ts";

const port = fc.nat(65_535);
const any = fc.oneof(fc.ipV4(), fc.ipV6());

describe("endpoint", () => {
  it("makes addresses canonical, so that equal ones are equal strings", () => {
    expect(endpoint("2001:DB8:0::1", 1)).toEqual({ address: "2001:db8::1", port: 1 });
    expect(endpoint("::ffff:192.0.2.1", 1)).toEqual(endpoint("192.0.2.1", 1));
  });

  it.each([
    ["localhost", 1],
    ["", 1],
    ["192.0.2.1", -1],
    ["192.0.2.1", 65_536],
    ["192.0.2.1", 1.5],
    ["192.0.2.1", Number.NaN],
  ])("refuses %j port %d", (address, number) => {
    expect(() => endpoint(address, number)).toThrow(RangeError);
  });

  it("knows its family", () => {
    expect(endpointFamily(endpoint("192.0.2.1", 1))).toBe(4);
    expect(endpointFamily(endpoint("2001:db8::1", 1))).toBe(6);
    expect(endpointFamily(endpoint("::ffff:192.0.2.1", 1))).toBe(4);
  });
});

describe("text", () => {
  it("is written with brackets around IPv6", () => {
    expect(formatEndpoint(endpoint("192.0.2.1", 6881))).toBe("192.0.2.1:6881");
    expect(formatEndpoint(endpoint("2001:db8::1", 6881))).toBe("[2001:db8::1]:6881");
  });

  it("keeps the zone of link-local addresses", () => {
    const peer = endpoint("FE80::1%eth0", 6881);
    expect(formatEndpoint(peer)).toBe("[fe80::1%eth0]:6881");
    expect(parseEndpoint("[fe80::1%eth0]:6881")).toEqual(peer);
    expect(endpointFamily(peer)).toBe(6);
    expect(parseEndpoint("[fe80::1%eth1]:6881")).not.toEqual(peer);
  });

  it("is read back", () => {
    fc.assert(
      fc.property(any, port, (address, number) => {
        const peer = endpoint(address, number);
        expect(parseEndpoint(formatEndpoint(peer))).toEqual(peer);
      }),
    );
  });

  it.each([
    "",
    "192.0.2.1",
    "192.0.2.1:",
    "192.0.2.1:65536",
    "192.0.2.1:123456",
    "192.0.2.1:-1",
    "192.0.2.1: 80",
    "192.0.2.1:80\n",
    "192.0.2:80",
    "2001:db8::1:80",
    "[2001:db8::1]",
    "[2001:db8::1]80",
    "[2001:db8::1%eth0]:80",
    "[fe80::1%]:80",
    "fe80::1%eth0:80",
    "example.com:80",
    "[]:80",
    ":80",
  ])("refuses %j", (text) => {
    expect(parseEndpoint(text)).toBe(undefined);
  });
});

describe("compact form", () => {
  it("is big-endian", () => {
    expect([...encodeCompact(endpoint("192.0.2.1", 0x1ae1))]).toEqual([192, 0, 2, 1, 0x1a, 0xe1]);
    expect(encodeCompact(endpoint("2001:db8::1", 1))).toHaveLength(18);
  });

  it("is read back as a list", () => {
    const list = (address: fc.Arbitrary<string>): fc.Arbitrary<[string, number][]> =>
      fc.array(fc.tuple(address, port), { maxLength: 10 });
    for (const [family, arbitrary] of [
      [4, list(fc.ipV4())],
      [6, list(fc.ipV6())],
    ] as const) {
      fc.assert(
        fc.property(arbitrary, fc.uint8Array({ maxLength: 5 }), (entries, torn) => {
          const peers = entries
            .map(([address, number]) => endpoint(address, number))
            .filter((peer) => endpointFamily(peer) === family);
          const bytes = concatBytes([...peers.map(encodeCompact), torn]);
          expect(decodeCompact(bytes, family)).toEqual(peers);
        }),
      );
    }
  });

  it("leaves zones out", () => {
    const bytes = encodeCompact(endpoint("fe80::1%eth0", 1));
    expect(decodeCompact(bytes, 6)).toEqual([{ address: "fe80::1", port: 1 }]);
  });

  it("refuses what is no address", () => {
    expect(() => encodeCompact({ address: "example.com", port: 1 })).toThrow(RangeError);
  });
});
