import { expect, it } from "vitest";
import { isMeantFor } from "./reach.ts";

const PUBLIC = "203.0.113.1";
const LAN = "192.168.1.1";

it.each([
  [PUBLIC, "198.51.100.1", true],
  [PUBLIC, "2001:db8::1", true],
  [PUBLIC, LAN, false],
  [PUBLIC, "100.64.0.1", false],
  [PUBLIC, "fd00::1", false],
  [PUBLIC, "127.0.0.1", false],
  [LAN, "198.51.100.1", true],
  [LAN, "10.0.0.1", true],
  [LAN, "127.0.0.1", false],
  [LAN, "::1", false],
  ["127.0.0.1", "127.0.0.2", true],
  ["::1", "127.0.0.1", true],
  ["127.0.0.1", LAN, true],
  ["127.0.0.1", "224.0.0.1", false],
  ["127.0.0.1", "0.0.0.0", false],
  ["127.0.0.1", "ff02::1", false],
  ["fe80::1%eth0", "fe80::2%eth0", false],
  ["fe80::1%eth0", "fd00::2", true],
])("between us and %s, %s is fit: %s", (party, address, fit) => {
  expect(isMeantFor(party, { address, port: 6881 })).toBe(fit);
  expect(isMeantFor(party, { address, port: 0 })).toBe(false);
});
