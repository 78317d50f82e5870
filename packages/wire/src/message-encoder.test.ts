import { concatBytes, toHex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { MessageEncoder } from "./index.ts";

describe("MessageEncoder", () => {
  it("writes each message as its BEP says", () => {
    const range = {
      piecesRoot: new Uint8Array(32).fill(0xab),
      baseLayer: 1,
      index: 512,
      length: 256,
      proofLayers: 7,
    };
    const rangeHex = `${"ab".repeat(32)}00000001000002000000010000000007`;
    const cases: [hex: string, write: (encoder: MessageEncoder) => void][] = [
      ["00000000", (e) => e.keepAlive()],
      ["0000000100", (e) => e.choke()],
      ["0000000101", (e) => e.unchoke()],
      ["0000000102", (e) => e.interested()],
      ["0000000103", (e) => e.notInterested()],
      ["0000000504ffffffff", (e) => e.have(0xffff_ffff)],
      ["00000003058001", (e) => e.bitfield(Uint8Array.of(0x80, 1))],
      ["0000000d06000000010000400000004000", (e) => e.request(1, 16_384, 16_384)],
      ["0000000c070000000200008000010203", (e) => e.piece(2, 32_768, Uint8Array.of(1, 2, 3))],
      [
        "0000000c070000000200008000010203",
        (e) => e.piece(2, 32_768, Uint8Array.of(1), Uint8Array.of(2, 3)),
      ],
      ["0000000d08000000010000400000004000", (e) => e.cancel(1, 16_384, 16_384)],
      ["00000003091ae1", (e) => e.port(6881)],
      ["000000050d00000007", (e) => e.suggest(7)],
      ["000000010e", (e) => e.haveAll()],
      ["000000010f", (e) => e.haveNone()],
      ["0000000d10000000010000400000004000", (e) => e.reject(1, 16_384, 16_384)],
      ["000000051100000009", (e) => e.allowedFast(9)],
      ["0000000414026465", (e) => e.extended(2, Uint8Array.of(0x64, 0x65))],
      [`0000003115${rangeHex}`, (e) => e.hashRequest(range)],
      [
        `0000005116${rangeHex}${"01".repeat(32)}`,
        (e) => e.hashes(range, new Uint8Array(32).fill(1)),
      ],
      [`0000003117${rangeHex}`, (e) => e.hashReject(range)],
    ];
    for (const [hex, write] of cases) {
      const encoder = new MessageEncoder();
      write(encoder);
      expect(encoder.pendingBytes).toBe(hex.length / 2);
      expect(toHex(concatBytes(encoder.take()))).toBe(hex);
    }
  });

  it("merges neighbouring messages into one chunk, and passes blocks through uncopied", () => {
    const encoder = new MessageEncoder();
    const block = new Uint8Array(16_384);
    encoder.unchoke();
    encoder.have(1);
    encoder.piece(0, 0, block);
    encoder.have(2);
    encoder.choke();
    expect(encoder.pendingBytes).toBe(5 + 9 + 13 + 16_384 + 9 + 5);
    const chunks = encoder.take();
    expect(chunks.map((chunk) => chunk.length)).toEqual([5 + 9 + 13, 16_384, 9 + 5]);
    expect(chunks[1]).toBe(block);
  });

  it("is empty after take", () => {
    const encoder = new MessageEncoder();
    expect(encoder.take()).toEqual([]);
    encoder.choke();
    expect(encoder.take()).toHaveLength(1);
    expect(encoder.pendingBytes).toBe(0);
    expect(encoder.take()).toEqual([]);
  });

  it("never touches again what it has given away", () => {
    const encoder = new MessageEncoder();
    const taken: { chunk: Uint8Array; hex: string }[] = [];
    for (let i = 0; i < 2000; i++) {
      encoder.request(i, i, i);
      if (i % 3 === 0) encoder.extended(1, new Uint8Array(i).fill(i));
      if (i % 2 === 0) taken.push(...encoder.take().map((chunk) => ({ chunk, hex: toHex(chunk) })));
    }
    for (const { chunk, hex } of taken) expect(toHex(chunk)).toBe(hex);
  });

  it("copies bitfields and extension payloads, which their owners change", () => {
    const encoder = new MessageEncoder();
    const bytes = Uint8Array.of(1, 2);
    encoder.bitfield(bytes);
    encoder.extended(0, bytes);
    bytes.fill(0);
    expect(toHex(concatBytes(encoder.take()))).toBe("00000003050102" + "0000000414000102");
  });
});
