import npm from "bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, latin1, toPlain } from "../testing/values.ts";
import { decode, decodeDict } from "./decode.ts";
import { type BencodeInput, encode, encodedLength } from "./encode.ts";

function text(value: BencodeInput): string {
  return new TextDecoder("latin1").decode(encode(value));
}

describe("encode", () => {
  it.each<[BencodeInput, string]>([
    [0, "i0e"],
    [-0, "i0e"],
    [-42, "i-42e"],
    [7, "i7e"],
    [10, "i10e"],
    [999_999_999, "i999999999e"],
    [2_147_483_647, "i2147483647e"],
    [-2_147_483_647, "i-2147483647e"],
    [2_147_483_648, "i2147483648e"],
    [-2_147_483_648, "i-2147483648e"],
    [Number.MAX_SAFE_INTEGER, "i9007199254740991e"],
    [Number.MIN_SAFE_INTEGER, "i-9007199254740991e"],
    [2n ** 63n - 1n, "i9223372036854775807e"],
    [-(2n ** 63n), "i-9223372036854775808e"],
    ["", "0:"],
    ["spam", "4:spam"],
    ["ä", "2:\xc3\xa4"],
    [Uint8Array.of(0xff), "1:\xff"],
    [[], "le"],
    [[1, ["a"], {}], "li1el1:aedee"],
    [{}, "de"],
    [
      { b: 1, a: [undefined as never].slice(1), c: { z: 1, y: 2 } },
      "d1:ale1:bi1e1:cd1:yi2e1:zi1eee",
    ],
    [{ gone: undefined, here: 1 }, "d4:herei1ee"],
    [
      new Map([
        ["b", 1],
        ["a", 2],
      ]),
      "d1:ai2e1:bi1ee",
    ],
    [Object.create(null) as object as never, "de"],
  ])("writes %o", (value, expected) => {
    expect(text(value)).toBe(expected);
    expect(encodedLength(value)).toBe(expected.length);
  });

  it("sorts keys as raw bytes, not as UTF-16", () => {
    // U+FF5E is EF BD 9E, U+1F600 is F0 9F 98 80, yet in UTF-16 the latter comes first.
    const keys = [...decodeDict(encode({ "\u{1f600}": 1, "\uff5e": 2, a: 3 })).entries()];
    expect(keys.map(([key]) => key)).toEqual(["a", "\uff5e", "\u{1f600}"]);
    const map = new Map<string | Uint8Array, BencodeInput>([
      [Uint8Array.of(0xff), 1],
      ["é", 2],
      ["z", 3],
      ["zz", 4],
      [Uint8Array.of(), 5],
    ]);
    expect(text(map)).toBe("d0:i5e1:zi3e2:zzi4e2:\xc3\xa9i2e1:\xffi1ee");
  });

  it("writes a decoded dictionary as it stood", () => {
    const odd = decodeDict(latin1("d4:infod1:bi01e1:ai2eee"));
    expect(text({ info: odd.dict("info"), x: 1 })).toBe("d4:infod1:bi01e1:ai2ee1:xi1ee");
  });

  it.each<[unknown, string]>([
    [1.5, "NOT_AN_INTEGER"],
    [Number.NaN, "NOT_AN_INTEGER"],
    [2 ** 53, "NOT_AN_INTEGER"],
    [2n ** 63n, "INTEGER_OVERFLOW"],
    [null, "UNSUPPORTED_TYPE"],
    [undefined, "UNSUPPORTED_TYPE"],
    [true, "UNSUPPORTED_TYPE"],
    [() => 1, "UNSUPPORTED_TYPE"],
    [new Date(0), "UNSUPPORTED_TYPE"],
    [[undefined], "UNSUPPORTED_TYPE"],
    [new Map([[1, 1]]), "UNSUPPORTED_TYPE"],
    [
      new Map<unknown, number>([
        ["a", 1],
        [latin1("a"), 2],
      ]),
      "DUPLICATE_KEY",
    ],
    [{ "\ud800": 1, "\ud801": 2 }, "DUPLICATE_KEY"],
  ])("refuses %o: %s", (value, code) => {
    const refused = expect.objectContaining({ name: "BencodeError", code: `ERR_BENCODE_${code}` });
    expect(() => encode(value as BencodeInput)).toThrow(refused);
    expect(() => encodedLength({ a: value as BencodeInput, b: [value as BencodeInput] })).toThrow(
      value === undefined ? expect.objectContaining({}) : refused,
    );
  });

  it("refuses circles", () => {
    const circle: BencodeInput[] = [];
    circle.push({ circle });
    expect(() => encode(circle)).toThrow(expect.objectContaining({ code: "ERR_BENCODE_TOO_DEEP" }));
  });

  it("grows over any number of buffers", () => {
    const value = Array.from({ length: 5000 }, (_, i) => ({ index: i, name: `file ${i}` }));
    expect(toPlain(decode(encode(value)))).toEqual(npm.decode(npm.encode(value)));
    const large = new Uint8Array(1_000_000).fill(5);
    expect(decode(encode(["x".repeat(255), large]))).toEqual([latin1("x".repeat(255)), large]);
  });

  it("writes what npm's bencode writes, where that sorts right", () => {
    fc.assert(
      fc.property(canonical(), (value) => {
        const bytes = encode(value);
        expect(encodedLength(value)).toBe(bytes.length);
        expect(toPlain(decode(bytes, { mode: "strict" }))).toEqual(npm.decode(npm.encode(value)));
        if (!/[\ud800-\udfff]/.test(JSON.stringify(value)))
          expect(bytes).toEqual(npm.encode(value));
      }),
    );
  });
});
