// PCP messages, by hand from RFC 6887 and by properties.
import { fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePcpMap, encodePcpMap, type PcpMapRequest } from "./pcp.ts";

const nonce = fromHex("000102030405060708090a0b") ?? new Uint8Array();

/** A request's 60 bytes made the success that answers it. */
function answerTo(request: Uint8Array, epoch = 7, result = 0): Uint8Array {
  const bytes = Uint8Array.from(request);
  bytes[1] = 0x81;
  bytes[3] = result;
  bytes.fill(0, 8, 24);
  new DataView(bytes.buffer).setUint32(8, epoch);
  return bytes;
}

const port = fc.integer({ min: 0, max: 65_535 });
const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 255 }), fc.nat(255), fc.nat(255))
    .map((b) => `${b.join(".")}.1`),
  fc.integer({ min: 1, max: 0xffff }).map((group) => `2001:db8::${group.toString(16)}`),
);
const request: fc.Arbitrary<PcpMapRequest> = fc.record({
  client: address,
  nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  protocol: fc.constantFrom("tcp", "udp"),
  internalPort: port,
  externalPort: port,
  externalAddress: fc.option(address, { nil: undefined }),
  lifetime: fc.integer({ min: 0, max: 0xffffffff }),
});

describe("encodePcpMap", () => {
  it("writes a MAP request for an IPv4 client", () => {
    const bytes = encodePcpMap({
      client: "192.0.2.9",
      nonce,
      protocol: "tcp",
      internalPort: 6881,
      externalPort: 6882,
      externalAddress: undefined,
      lifetime: 3600,
    });
    expect(toHex(bytes)).toBe(
      "02010000" + // version, opcode MAP, reserved
        "00000e10" +
        "00000000000000000000ffffc0000209" +
        "000102030405060708090a0b" +
        "06000000" +
        "1ae11ae2" +
        "00000000000000000000ffff00000000",
    );
  });

  it("asks for any IPv6 address by ::, and for UDP by 17", () => {
    const bytes = encodePcpMap({
      client: "2001:db8::5",
      nonce,
      protocol: "udp",
      internalPort: 1,
      externalPort: 0,
      lifetime: 0,
    });
    expect(toHex(bytes.subarray(4, 24))).toBe("0000000020010db8000000000000000000000005");
    expect(toHex(bytes.subarray(36))).toBe(`11000000${"00010000"}${"0".repeat(32)}`);
  });

  it("refuses what is no address and nonces of another length", () => {
    const wanted = { protocol: "tcp", internalPort: 1, externalPort: 1, lifetime: 1 } as const;
    expect(() => encodePcpMap({ ...wanted, client: "router", nonce })).toThrow(RangeError);
    const short = nonce.subarray(1);
    expect(() => encodePcpMap({ ...wanted, client: "::1", nonce: short })).toThrow("12 bytes");
  });
});

describe("decodePcpMap", () => {
  it("reads what was granted", () => {
    fc.assert(
      fc.property(request, fc.integer({ min: 0, max: 0xffffffff }), (wanted, epoch) => {
        expect(decodePcpMap(answerTo(encodePcpMap(wanted), epoch))).toEqual({
          result: 0,
          lifetime: wanted.lifetime,
          epoch,
          nonce: wanted.nonce,
          protocol: wanted.protocol,
          internalPort: wanted.internalPort,
          externalPort: wanted.externalPort,
          externalAddress: wanted.externalAddress,
        });
      }),
    );
  });

  it("keeps no view of what it was given", () => {
    const wanted = { protocol: "tcp", internalPort: 1, externalPort: 1, lifetime: 1 } as const;
    const bytes = Buffer.from(answerTo(encodePcpMap({ ...wanted, client: "::1", nonce })));
    const answer = decodePcpMap(bytes);
    bytes.fill(0);
    expect(answer).toMatchObject({ nonce });
  });

  it.each([
    ["a NAT-PMP gateway, as RFC 6886 §3.5 has it", "0080000100000007"],
    ["one that repeats our opcode", "0081000100000007"],
    ["a short one", "00800001"],
    ["a gateway of PCP version 1", `01810001${"00".repeat(20)}`],
  ])("knows another version: %s", (_, hex) => {
    expect(decodePcpMap(fromHex(hex) ?? new Uint8Array())).toBe("version");
  });

  it("passes over requests, other opcodes, other protocols, and what is cut or too long", () => {
    const wanted = { protocol: "tcp", internalPort: 1, externalPort: 1, lifetime: 1 } as const;
    const question = encodePcpMap({ ...wanted, client: "::1", nonce });
    const good = answerTo(question);
    const changed = (at: number, to: number): Uint8Array =>
      Uint8Array.from(good).fill(to, at, at + 1);
    expect(decodePcpMap(good)).toBeDefined();
    expect(decodePcpMap(question)).toBeUndefined();
    expect(decodePcpMap(changed(1, 0x82))).toBeUndefined();
    expect(decodePcpMap(changed(0, 3))).toBeUndefined();
    expect(decodePcpMap(changed(36, 1))).toBeUndefined();
    for (let end = 0; end < good.length; end++) {
      expect(decodePcpMap(good.subarray(0, end))).toBeUndefined();
    }
    expect(decodePcpMap(new Uint8Array(1101).fill(2))).toBeUndefined();
    const withOptions = new Uint8Array(100);
    withOptions.set(good);
    expect(decodePcpMap(withOptions)).toEqual(decodePcpMap(good));
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodePcpMap(bytes)));
  });
});
