// NAT-PMP messages, by hand from RFC 6886.
import { fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap } from "./nat-pmp.ts";

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array();
}

describe("NAT-PMP", () => {
  it("writes requests", () => {
    expect(toHex(encodeNatPmpAddress())).toBe("0000");
    const wanted = { internalPort: 6881, externalPort: 6882, lifetime: 3600 };
    expect(toHex(encodeNatPmpMap({ ...wanted, protocol: "tcp" }))).toBe("000200001ae11ae200000e10");
    expect(toHex(encodeNatPmpMap({ ...wanted, protocol: "udp" }))).toBe("000100001ae11ae200000e10");
  });

  it("reads an address, and one that the gateway has not got yet", () => {
    const told = { kind: "address", epoch: 5 };
    const known = { ...told, address: "203.0.113.7" };
    expect(decodeNatPmp(bytesOf("0080000000000005cb007107"), 0)).toEqual(known);
    const unknown = { ...told, address: undefined };
    expect(decodeNatPmp(bytesOf("008000000000000500000000"), 0)).toEqual(unknown);
  });

  it("reads a mapping", () => {
    const granted = { kind: "mapping", epoch: 5, internalPort: 6881, externalPort: 6882 };
    expect(decodeNatPmp(bytesOf("00820000000000051ae11ae200000e10"), 2)).toEqual({
      ...granted,
      protocol: "tcp",
      lifetime: 3600,
    });
    expect(decodeNatPmp(bytesOf("00810000000000051ae11ae200000000"), 1)).toEqual({
      ...granted,
      protocol: "udp",
      lifetime: 0,
    });
  });

  it("reads failures, which may lack the rest", () => {
    const failure = { kind: "failure", result: 2, epoch: 5 };
    expect(decodeNatPmp(bytesOf("0082000200000005"), 2)).toEqual(failure);
  });

  it("passes over other versions, answers to others, requests, and what is cut", () => {
    const good = bytesOf("00820000000000051ae11ae200000e10");
    expect(decodeNatPmp(good, 1)).toBeUndefined();
    expect(decodeNatPmp(Uint8Array.from(good).fill(2, 0, 1), 2)).toBeUndefined();
    expect(decodeNatPmp(Uint8Array.from(good).fill(2, 1, 2), 2)).toBeUndefined();
    for (let end = 0; end < 16; end++)
      expect(decodeNatPmp(good.subarray(0, end), 2)).toBeUndefined();
    const address = bytesOf("0080000000000005cb007107");
    for (let end = 0; end < 12; end++)
      expect(decodeNatPmp(address.subarray(0, end), 0)).toBeUndefined();
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.nat(2), (bytes, opcode) => {
        decodeNatPmp(bytes, opcode);
      }),
    );
  });
});
