import { concatBytes, fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHandshake, HANDSHAKE_LENGTH, HandshakeDecoder, WireError } from "./index.ts";

const infoHash = new Uint8Array(20).fill(0xaa);
const peerId = new TextEncoder().encode("-SH0100-abcdefghijkl");
const NONE = { fast: false, extended: false, dht: false, v2: false };

const PROTOCOL = "13426974546f7272656e742070726f746f636f6c";
const TAIL = `${"aa".repeat(20)}2d5348303130302d6162636465666768696a6b6c`;

describe("encodeHandshake", () => {
  it.each([
    ["0000000000000000", NONE],
    ["0000000000000004", { ...NONE, fast: true }],
    ["0000000000100000", { ...NONE, extended: true }],
    ["0000000000000001", { ...NONE, dht: true }],
    ["0000000000000010", { ...NONE, v2: true }],
    ["0000000000100015", { fast: true, extended: true, dht: true, v2: true }],
  ])("sets the reserved bits %s, and they are read back", (reserved, features) => {
    const bytes = encodeHandshake({ infoHash, peerId, features });
    expect(toHex(bytes)).toBe(PROTOCOL + reserved + TAIL);
    const decoder = new HandshakeDecoder();
    expect(decoder.receive(bytes)).toBe(HANDSHAKE_LENGTH);
    expect(decoder.result).toEqual({ infoHash, peerId, features });
  });

  it("refuses ids of other sizes", () => {
    const short = new Uint8Array(19);
    expect(() => encodeHandshake({ infoHash: short, peerId, features: NONE })).toThrow(RangeError);
    expect(() => encodeHandshake({ infoHash, peerId: short, features: NONE })).toThrow(RangeError);
  });
});

describe("HandshakeDecoder", () => {
  const bytes = encodeHandshake({ infoHash, peerId, features: { ...NONE, fast: true } });

  it("works at every cut and leaves what follows", () => {
    const stream = concatBytes([bytes, Uint8Array.of(0, 0, 0, 1, 0)]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const decoder = new HandshakeDecoder();
      const first = decoder.receive(stream.subarray(0, cut));
      expect(first).toBe(Math.min(cut, HANDSHAKE_LENGTH));
      const second = decoder.receive(stream.subarray(cut));
      expect(first + second).toBe(HANDSHAKE_LENGTH);
      expect(decoder.result?.features.fast).toBe(true);
      expect(decoder.result?.peerId).toEqual(peerId);
      expect(decoder.receive(stream)).toBe(0);
    }
  });

  it("keeps nothing of what it is given, also if that is a Node buffer", () => {
    const buffer = Buffer.from(bytes);
    const decoder = new HandshakeDecoder();
    decoder.receive(buffer);
    buffer.fill(0);
    expect(decoder.result).toMatchObject({ infoHash, peerId });
  });

  it("knows the info-hash before the peer id has come", () => {
    const decoder = new HandshakeDecoder();
    decoder.receive(bytes.subarray(0, 47));
    expect(decoder.infoHash).toBe(undefined);
    decoder.receive(bytes.subarray(47, 48));
    expect(decoder.infoHash).toEqual(infoHash);
    expect(decoder.result).toBe(undefined);
  });

  it("copies: the chunk may be overwritten", () => {
    const decoder = new HandshakeDecoder();
    const chunk = bytes.slice();
    decoder.receive(chunk);
    chunk.fill(0);
    expect(decoder.result?.infoHash).toEqual(infoHash);
  });

  it("refuses the first byte that is wrong, at any split", () => {
    for (let wrong = 0; wrong < 20; wrong++) {
      const broken = bytes.slice();
      broken[wrong] = (broken[wrong] ?? 0) ^ 0x20;
      const decoder = new HandshakeDecoder();
      decoder.receive(broken.subarray(0, wrong));
      expect(() => decoder.receive(broken.subarray(wrong, wrong + 1))).toThrow(
        expect.objectContaining({ code: "ERR_WIRE_PROTOCOL" }),
      );
      expect(() => new HandshakeDecoder().receive(broken)).toThrow(WireError);
    }
  });

  it("ignores reserved bits that it does not know", () => {
    const decoder = new HandshakeDecoder();
    decoder.receive(fromHex(`${PROTOCOL}ffffffffffeffffa${TAIL}`) ?? infoHash);
    expect(decoder.result?.features).toEqual({
      fast: false,
      extended: false,
      dht: false,
      v2: true,
    });
  });

  it("answers garbage with a WireError, nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (garbage) => {
        fc.pre(garbage[0] !== 0x13);
        expect(() => new HandshakeDecoder().receive(garbage)).toThrow(WireError);
      }),
    );
  });
});
