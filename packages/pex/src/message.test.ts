import { encode } from "@shoal/bencode";
import { type Endpoint, formatIp } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePex, encodePex, type PexContact } from "./message.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const bytes = (latin1: string): Uint8Array => Buffer.from(latin1, "latin1");

const ip = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  .map(formatIp);
const endpoint: fc.Arbitrary<Endpoint> = fc.record({ address: ip, port: fc.nat(65_535) });
const contact: fc.Arbitrary<PexContact> = fc.record({
  address: ip,
  port: fc.nat(65_535),
  flags: fc.nat(255),
});

describe("encodePex", () => {
  it("writes the members of BEP 11, and only those that are needed", () => {
    const written = encodePex({
      added: [
        { address: "2001:db8::1", port: 1, flags: 0x13 },
        { address: "65.66.67.68", port: 0x4546, flags: 2 },
      ],
      dropped: [{ address: "97.98.99.100", port: 0x6566 }],
    });
    const v6 = " \x01\r\xb8".padEnd(15, "\0");
    expect(text(written)).toBe(
      `d5:added6:ABCDEF7:added.f1:\x026:added618:${v6}\x01\0\x018:added6.f1:\x137:dropped6:abcdefe`,
    );
    expect(text(encodePex({ added: [], dropped: [] }))).toBe("de");
  });

  it("is undone by decodePex, but for the order of families", () => {
    fc.assert(
      fc.property(fc.array(contact), fc.array(endpoint), (added, dropped) => {
        const payload = Buffer.from(encodePex({ added, dropped }));
        const read = decodePex(payload);
        // Nothing of it is kept.
        payload.fill(0);
        expect(byFamily(read.added)).toEqual(byFamily(added));
        expect(byFamily(read.dropped)).toEqual(byFamily(dropped));
      }),
    );
  });
});

describe("decodePex", () => {
  it("takes contacts without flags, and members that it does not know", () => {
    const { added, dropped } = decodePex(bytes("d5:added6:ABCDEF1:xd1:yi1eee"));
    expect(added).toEqual([{ address: "65.66.67.68", port: 0x4546, flags: 0 }]);
    expect(dropped).toEqual([]);
  });

  it("leaves out a list whose flags are not one for each", () => {
    const { added } = decodePex(bytes("d5:added6:ABCDEF7:added.f2:\0\0e"));
    expect(added).toEqual([]);
  });

  it.each(["", "le", "i1e", "d5:added", "d5:added5:ABCDEe", "d8:dropped66:ABCDEFe", "de0:"])(
    "refuses '%s'",
    (payload) => {
      expect(() => decodePex(bytes(payload))).toThrow(
        expect.objectContaining({ code: "ERR_PEX_MALFORMED" }),
      );
    },
  );

  it.each([
    { added: new Uint8Array(501 * 6) },
    { added: new Uint8Array(400 * 6), added6: new Uint8Array(101 * 18) },
    { dropped: new Uint8Array(2001 * 6) },
    { x: new Uint8Array(65_536) },
  ])("refuses what is too large", (members) => {
    expect(() => decodePex(encode(members))).toThrow(
      expect.objectContaining({ code: "ERR_PEX_OVERSIZE" }),
    );
  });

  it("throws nothing but its own error, whatever comes", () => {
    const pieces = fc.constantFrom("d", "e", "5:added", "6:", "ABCDEF", "7:added.f", "i1e", "l");
    const nonsense = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(pieces, { maxLength: 20 }).map((parts) => bytes(parts.join(""))),
    );
    fc.assert(
      fc.property(nonsense, (payload) => {
        try {
          decodePex(payload);
        } catch (error) {
          expect(error).toMatchObject({ name: "PexError", code: "ERR_PEX_MALFORMED" });
        }
      }),
    );
  });
});

function byFamily<T extends Endpoint>(peers: readonly T[]): T[] {
  const is6 = ({ address }: T): boolean => address.includes(":");
  return [...peers.filter((peer) => !is6(peer)), ...peers.filter(is6)];
}
