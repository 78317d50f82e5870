import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalAddress,
  formatIp,
  ipFamily,
  isDialable,
  isLocal,
  normalizeIp,
  parseIp,
  toHex,
  zoneOf,
} from "./index.ts";

describe("parseIp", () => {
  it.each([
    ["192.0.2.1", "c0000201"],
    ["0.0.0.0", "00000000"],
    ["255.255.255.255", "ffffffff"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["1::", "00010000000000000000000000000000"],
    ["2001:db8::FF00:42:8329", "20010db8000000000000ff0000428329"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
  ])("reads %s", (text, hex) => {
    expect(toHex(parseIp(text) ?? new Uint8Array(0))).toBe(hex);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "0x1.2.3.4",
    "1..2.3",
    ":",
    ":1",
    "1:",
    ":1::",
    "1::2:",
    "1:::2",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%",
    "fe80::1%eth0%1",
    "fe80::1%eth 0",
    "2001:db8::1%eth0",
    "::1%lo",
    "169.254.0.1%eth0",
    "::ffff:169.254.0.1%eth0",
    "[::1]",
    "localhost",
  ])("refuses %j", (text) => {
    expect(parseIp(text)).toBe(undefined);
    expect(ipFamily(text)).toBe(undefined);
    expect(normalizeIp(text)).toBe(undefined);
  });

  it("takes the same texts as Node", () => {
    const text = fc.oneof(
      fc.ipV4Extended(),
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom("0", "1", "9", "f", ".", ":", "::") }),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(ipFamily(value) ?? 0).toBe(isIP(value));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("zones", () => {
  it("belong to link-local addresses and are no part of their bytes", () => {
    expect(parseIp("fe80::1%eth0")).toEqual(parseIp("fe80::1"));
    expect(ipFamily("febf::1%br-0.100")).toBe(6);
    expect(zoneOf("fe80::1%eth0")).toBe("eth0");
    expect(zoneOf("fe80::1")).toBe(undefined);
  });

  it("are kept in addresses of this machine, and refused in those of strangers", () => {
    expect(canonicalAddress("FE80:0::1%eth0")).toBe("fe80::1%eth0");
    expect(canonicalAddress("fe80::1")).toBe("fe80::1");
    expect(normalizeIp("fe80::1%eth0")).toBe(undefined);
  });

  it("make link-local addresses dialable and leave them local", () => {
    expect(isDialable("fe80::1%eth0")).toBe(true);
    expect(isLocal("fe80::1%eth0")).toBe(true);
  });

  it("never spoil what is read", () => {
    const text = fc.string({ unit: fc.constantFrom("fe80::1", "%", "e", "0", ":", ".", "/", " ") });
    fc.assert(
      fc.property(text, (value) => {
        const canonical = canonicalAddress(value);
        if (canonical === undefined) return;
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(isIP(canonical)).toBe(6);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("formatIp", () => {
  // The rules of RFC 5952, section 4.
  it.each([
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:DB8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["::fffe:c000:201", "::fffe:c000:201"],
  ])("writes %s as %s", (text, canonical) => {
    expect(normalizeIp(text)).toBe(canonical);
  });

  it("is read back as the same bytes, IPv4-mapped ones as IPv4", () => {
    const groups = fc.array(fc.constantFrom(0, 0, 1, 0xffff), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (values) => {
        const bytes = Uint8Array.from(values.flatMap((group) => [group >> 8, group & 0xff]));
        const text = formatIp(bytes);
        const mapped = toHex(bytes).startsWith(`${"0".repeat(20)}ffff`);
        expect(parseIp(text)).toEqual(mapped ? bytes.subarray(12) : bytes);
        // A URL parser writes the same form, but knows no mapped addresses.
        if (!mapped) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });

  it.each([0, 3, 5, 15, 17])("refuses %d bytes", (length) => {
    expect(() => formatIp(new Uint8Array(length))).toThrow(RangeError);
  });
});

it.each([
  ["192.0.2.1", true],
  ["127.0.0.1", true],
  ["10.0.0.1", true],
  ["0.0.0.0", false],
  ["0.1.2.3", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["2001:db8::1", true],
  ["::1", true],
  ["::", false],
  ["ff02::1", false],
  ["fe80::1", false],
  ["febf::1", false],
  ["fec0::1", true],
  ["::ffff:192.0.2.1", true],
  ["::ffff:224.0.0.1", false],
  ["example.com", false],
])("isDialable(%j) is %j", (address, expected) => {
  expect(isDialable(address)).toBe(expected);
});

it.each([
  ["127.0.0.1", true],
  ["127.255.0.1", true],
  ["10.255.255.255", true],
  ["11.0.0.0", false],
  ["172.15.0.1", false],
  ["172.16.0.1", true],
  ["172.31.255.255", true],
  ["172.32.0.0", false],
  ["192.168.0.1", true],
  ["192.169.0.1", false],
  ["169.254.1.1", true],
  ["100.63.255.255", false],
  ["100.64.0.1", true],
  ["100.127.255.255", true],
  ["100.128.0.0", false],
  ["0.0.0.0", true],
  ["8.8.8.8", false],
  ["::", true],
  ["::1", true],
  ["::2", false],
  ["fc00::1", true],
  ["fdff::1", true],
  ["fe00::1", false],
  ["fe80::1", true],
  ["fec0::1", true],
  ["ff02::1", false],
  ["2001:db8::1", false],
  ["::ffff:10.0.0.1", true],
  ["::ffff:8.8.8.8", false],
  ["example.com", false],
])("isLocal(%j) is %j", (address, expected) => {
  expect(isLocal(address)).toBe(expected);
});
