import { formatIp, parseIp } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IpFilter } from "./index.ts";

const range = (first: string, last: string = first): { first: string; last: string } => ({
  first,
  last,
});

describe("IpFilter", () => {
  it("blocks nothing when it is empty", () => {
    const filter = IpFilter.of([]);
    expect([filter.size, filter.byteLength]).toEqual([0, 0]);
    expect(filter.blocks("0.0.0.0")).toBe(false);
    expect(filter.blocks("::")).toBe(false);
  });

  it("blocks both ends of a range and what lies between", () => {
    const filter = IpFilter.of([
      range("10.0.0.5", "10.0.1.3"),
      range("2001:db8::5", "2001:db8::a"),
    ]);
    const blocked = ["10.0.0.5", "10.0.0.255", "10.0.1.3", "2001:db8::5", "2001:db8::a"];
    const free = ["10.0.0.4", "10.0.1.4", "9.0.0.6", "2001:db8::4", "2001:db8::b", "2001:db9::5"];
    expect(blocked.filter((ip) => !filter.blocks(ip))).toEqual([]);
    expect(free.filter((ip) => filter.blocks(ip))).toEqual([]);
  });

  it("knows the ends of the address space", () => {
    const filter = IpFilter.of([
      range("0.0.0.0"),
      range("255.255.255.255"),
      range("::"),
      range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
      range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ]);
    expect(filter.size).toBe(4);
    for (const ip of [
      "0.0.0.0",
      "255.255.255.255",
      "::",
      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
    ]) {
      expect([ip, filter.blocks(ip)]).toEqual([ip, true]);
    }
    for (const ip of ["0.0.0.1", "255.255.255.254", "::1", "fffe::"]) {
      expect([ip, filter.blocks(ip)]).toEqual([ip, false]);
    }
  });

  it("takes IPv4-mapped addresses for IPv4, and IPv6 ranges for IPv6 alone", () => {
    const filter = IpFilter.of([
      range("::ffff:192.0.2.0", "::ffff:192.0.2.255"),
      range("::", "ffff::"),
    ]);
    expect(filter.blocks("192.0.2.7")).toBe(true);
    expect(filter.blocks("::ffff:192.0.2.7")).toBe(true);
    expect(filter.blocks("::ffff:c000:0207")).toBe(true);
    expect(filter.blocks("192.0.3.7")).toBe(false);
    expect(filter.blocks("::ffff:192.0.3.7")).toBe(false);
  });

  it("ignores zones, and blocks no names", () => {
    const filter = IpFilter.of([
      range("fe80::", "fe80::ffff"),
      range("0.0.0.0", "255.255.255.255"),
    ]);
    expect(filter.blocks("fe80::1%eth0")).toBe(true);
    for (const name of ["", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "[::1]", "1.2.3.4 "]) {
      expect([name, filter.blocks(name)]).toEqual([name, false]);
    }
  });

  it("joins ranges that overlap, touch or lie in others", () => {
    const filter = IpFilter.of([
      range("1.0.0.10", "1.0.0.20"),
      range("1.0.0.0", "1.0.0.9"),
      range("1.0.0.12", "1.0.0.13"),
      range("1.0.0.22"),
      range("::1:ffff:ffff"),
      range("::", "::1:ffff:fffe"),
      range("::2:0:0", "::2:0:1"),
      range("::5", "::6"),
    ]);
    expect(filter.size).toBe(3);
    expect(filter.byteLength).toBe(2 * 8 + 32);
    expect(filter.blocks("1.0.0.21")).toBe(false);
    expect(filter.blocks("::1:ffff:ffff")).toBe(true);
    expect(filter.blocks("::2:0:2")).toBe(false);
  });

  it.each([
    range("1.0.0.2", "1.0.0.1"),
    range("::2", "::1"),
    range("1.0.0.2", "::3"),
    range("localhost"),
  ])("refuses $first to $last", (bad) => {
    expect(() => IpFilter.of([range("1.1.1.1"), bad])).toThrow(RangeError);
  });

  it("says of any address what the ranges say", () => {
    // Few different bytes, so that ranges overlap and touch and are hit.
    const byte = fc.constantFrom(0, 1, 2, 127, 128, 254, 255);
    const v4 = fc.array(byte, { minLength: 4, maxLength: 4 });
    const v6 = fc
      .array(byte, { minLength: 5, maxLength: 5 })
      .map(([a = 0, b = 0, c = 0, ...rest]) => [0x20, a, 0, b, ...Array(8).fill(c), 0, 0, ...rest]);
    const value = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
    for (const address of [v4, v6]) {
      const ip = address.map((bytes) => formatIp(Uint8Array.from(bytes)));
      const ranges = fc.array(
        fc.tuple(ip, ip).map(([a, b]) => {
          const isAscending = value(parseIp(a) as Uint8Array) <= value(parseIp(b) as Uint8Array);
          return isAscending ? range(a, b) : range(b, a);
        }),
        { maxLength: 8 },
      );
      fc.assert(
        fc.property(ranges, fc.array(ip, { maxLength: 20 }), (all, wanted) => {
          const filter = IpFilter.of(all);
          for (const one of [...wanted, ...all.flatMap(({ first, last }) => [first, last])]) {
            const number = value(parseIp(one) as Uint8Array);
            const expected = all.some(
              ({ first, last }) =>
                value(parseIp(first) as Uint8Array) <= number &&
                number <= value(parseIp(last) as Uint8Array),
            );
            expect(filter.blocks(one)).toBe(expected);
          }
        }),
      );
    }
  });

  it("keeps a million ranges in under 16 MiB", () => {
    const ranges = function* () {
      for (let i = 0; i < 1_000_000; i++) {
        yield range(`${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.7`);
      }
    };
    const filter = IpFilter.of(ranges());
    expect(filter.size).toBe(1_000_000);
    expect(filter.byteLength).toBeLessThan(16 * 2 ** 20);
    expect(filter.blocks("9.1.1.7")).toBe(true);
    expect(filter.blocks("9.1.1.8")).toBe(false);
  });
});
