import { concatBytes } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAnswer, encodeQuestion } from "./dns-message.ts";

const question = encodeQuestion(0x1234, "www.Example.com.", 4) ?? new Uint8Array(0);
const A = [0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
const POINTER = [0xc0, 12];

/** @param records Whole records. */
function answer(flags: number, count: number, records: number[], to = question): Uint8Array {
  const bytes = concatBytes([to, Uint8Array.from(records)]);
  bytes[2] = 0x81;
  bytes[3] = 0x80 | flags;
  bytes[7] = count;
  return bytes;
}

describe("encodeQuestion", () => {
  it("writes a recursive question", () => {
    const text = Buffer.from("1234 0100 0001 0000 0000 0000".replaceAll(" ", ""), "hex");
    const name = Buffer.from("\x03www\x07Example\x03com\0\0\x01\0\x01", "latin1");
    expect(Buffer.from(question)).toEqual(Buffer.concat([text, name]));
    expect([...(encodeQuestion(1, "a", 6) ?? [])].slice(-4)).toEqual([0, 28, 0, 1]);
  });

  it.each(["", ".", "a..b", "a b.c", `${"a".repeat(64)}.com`, "ä.de", "abcdefg.".repeat(32)])(
    "refuses %j",
    (name) => expect(encodeQuestion(1, name, 4)).toBe(undefined),
  );
});

describe("decodeAnswer", () => {
  it("finds the addresses behind aliases", () => {
    const alias = [...POINTER, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, 0x62, ...POINTER];
    const other = [0, ...A.slice(0, 1), 28, ...A.slice(2, -1), 16, ...Array(16).fill(1)];
    const two = [...POINTER, ...A, 192, 0, 2, 1, 1, 0x62, 0, ...A, 192, 0, 2, 2];
    expect(decodeAnswer(answer(0, 4, [...alias, ...other, ...two]), question)).toEqual({
      code: 0,
      addresses: ["192.0.2.1", "192.0.2.2"],
    });
  });

  it("reads IPv6 addresses", () => {
    const asked = encodeQuestion(7, "a", 6) ?? new Uint8Array(0);
    const record = [...POINTER, 0, 28, 0, 1, 0, 0, 0, 0, 0, 16, 0x20, 1, 0xd, 0xb8];
    const bytes = answer(0, 1, [...record, ...Array(11).fill(0), 1], asked);
    expect(decodeAnswer(bytes, asked)?.addresses).toEqual(["2001:db8::1"]);
  });

  it("tells the server's code, and takes another case for the same name", () => {
    const upper = answer(3, 0, []);
    upper.set(Buffer.from("WWW"), 13);
    expect(decodeAnswer(upper, question)).toEqual({ code: 3, addresses: [] });
  });

  it.each([
    ["another id", 0, 0x55],
    ["a question", 2, 0x01],
    ["another name", 14, 0x58],
    ["another type", question.length - 3, 28],
    ["no question", 5, 0],
  ])("refuses %s", (_, at, byte) => {
    const bytes = answer(0, 1, [...POINTER, ...A, 192, 0, 2, 1]);
    bytes[at] = byte;
    expect(decodeAnswer(bytes, question)).toBe(undefined);
  });

  it("survives whatever comes", () => {
    const rest = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(rest, fc.nat(255), fc.nat(100), (tail, count, cut) => {
        const bytes = answer(0, count, [...tail]);
        expect(decodeAnswer(bytes, question)?.code).toBe(0);
        decodeAnswer(bytes.subarray(0, cut), question);
        decodeAnswer(tail, question);
      }),
    );
  });
});
