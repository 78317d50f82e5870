import { describe, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";
import { endpoint } from "./endpoint.ts";
import { peerPriority } from "./priority.ts";

const ONES = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
const withZero = (group: number, text: string): string =>
  ONES.split(":")
    .map((ones, i) => (i === group ? text : ones))
    .join(":");

describe("peerPriority", () => {
  it.each([
    ["123.213.32.10", "98.76.54.32", 0xec2d7224],
    ["123.213.32.10", "123.213.32.234", 0x99568189],
    ["230.12.123.1", "230.12.123.3", 0x99c54d79],
    ["230.12.23.1", "230.12.123.3", 0x21fd5f80],
    ["230.120.23.1", "230.12.123.3", 0xfa9a860e],
    [ONES, withZero(1, "0fff"), 0x59d71f38],
    [ONES, withZero(2, "0fff"), 0x081d5282],
    [ONES, withZero(2, "ff0f"), 0xc5f972be],
    [ONES, withZero(3, "0fff"), 0x9ff50bd0],
  ])("ranks %s and %s as BEP 40 and libtorrent do", (a, b, priority) => {
    expect(peerPriority(endpoint(a, 1), endpoint(b, 2))).toBe(priority);
    expect(peerPriority(endpoint(b, 7), endpoint(a, 3))).toBe(priority);
  });

  it("compares ports where the addresses are the same", () => {
    for (const ip of ["230.12.123.3", ONES]) {
      expect(peerPriority(endpoint(ip, 0x4d2), endpoint(ip, 0x12c))).toBe(0xae8b7034);
      expect(peerPriority(endpoint(ip, 0x12c), endpoint(ip, 0x4d2))).toBe(0xae8b7034);
    }
  });

  it("has no rank across families", () => {
    expect(peerPriority(endpoint("1.2.3.4", 5), endpoint("2001:db8::1", 5))).toBe(0);
  });
});

describe("crc32c", () => {
  it("gives the check value of RFC 3720", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  });
});
