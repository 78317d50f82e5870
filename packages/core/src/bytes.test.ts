import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes, concatBytes, copyBytes, equalBytes, fromHex, toHex } from "./index.ts";

const bytes = fc.uint8Array({ maxLength: 20 });

describe("hexadecimal", () => {
  it("is what Node writes and reads", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(fromHex(toHex(value))).toEqual(value);
        expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
      }),
    );
  });

  it.each(["0", "0g", "0x00", " 00", "00\n", "é0", "-1"])("refuses %j", (text) => {
    expect(fromHex(text)).toBe(undefined);
  });
});

describe("comparison", () => {
  it("agrees with Node's", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(equalBytes(a, a.slice())).toBe(true);
      }),
    );
  });

  it("puts a prefix first", () => {
    expect(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 0), Uint8Array.of(1))).toBe(false);
  });
});

it("copyBytes takes memory of its own, of a Node Buffer too", () => {
  const buffer = Buffer.from([1, 2]);
  const copy = copyBytes(buffer);
  buffer.fill(0);
  expect(copy).toEqual(Uint8Array.of(1, 2));
});

it("concatBytes joins in order, into memory of its own", () => {
  const part = Uint8Array.of(1, 2);
  const whole = concatBytes([part, new Uint8Array(0), part, Uint8Array.of(3)]);
  part.fill(9);
  expect(whole).toEqual(Uint8Array.of(1, 2, 1, 2, 3));
  expect(concatBytes([])).toEqual(new Uint8Array(0));
});
