import npm from "bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, latin1, toPlain } from "../testing/values.ts";
import { decode, decodeDict, decodePrefix } from "./decode.ts";
import { BencodeDict, type BencodeValue } from "./dict.ts";
import { encode } from "./encode.ts";
import { BencodeError, type BencodeFault } from "./error.ts";
import type { DecodeOptions } from "./options.ts";

function codeOf(text: string, options?: DecodeOptions): string {
  try {
    decodePrefix(latin1(text), options);
    return "accepted";
  } catch (error) {
    if (error instanceof BencodeError) return error.code.replace("ERR_BENCODE_", "");
    throw error;
  }
}

function faultsOf(text: string): [code: string, offset: number][] {
  const faults: BencodeFault[] = [];
  decode(latin1(text), { onFault: (fault) => faults.push(fault) });
  return faults.map(({ code, offset }) => [code.replace("ERR_BENCODE_", ""), offset]);
}

describe("decode", () => {
  it("reads each type", () => {
    const bytes = latin1("d1:ai-7e1:bl3:abci0e0:lee1:cd1:xd1:yi1eeee");
    expect(toPlain(decode(bytes))).toEqual({
      a: -7,
      b: [latin1("abc"), 0, new Uint8Array(0), []],
      c: { x: { y: 1 } },
    });
    expect(decode(latin1("4:spam"))).toEqual(latin1("spam"));
    expect(decode(latin1("i42e"))).toBe(42);
    expect(toPlain(decode(latin1("ld1:ai1eel2:hiee")))).toEqual([{ a: 1 }, [latin1("hi")]]);
    expect(decode(latin1("le"))).toEqual([]);
    expect(toPlain(decode(latin1("de")))).toEqual({});
  });

  it("gives strings as views of the input", () => {
    const bytes = latin1("l4:spame");
    const [spam] = decode(bytes) as [Uint8Array];
    expect(spam.buffer).toBe(bytes.buffer);
    expect(spam.byteOffset).toBe(bytes.byteOffset + 3);
  });

  it("reads input that is itself a view", () => {
    const padded = latin1("xxd1:a3:fooexx").subarray(2, 12);
    expect(decodeDict(padded).text("a")).toBe("foo");
    expect(decodeDict(padded).span("a")).toEqual(latin1("3:foo"));
  });

  it("keeps integers exact", () => {
    for (const n of [
      9007199254740959n,
      2n ** 53n - 1n,
      2n ** 53n,
      9007199254740993n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]) {
      const value = decode(latin1(`i${n}e`), { mode: "strict" });
      expect(BigInt(value as bigint)).toBe(n);
      const small = n <= Number.MAX_SAFE_INTEGER && n >= -Number.MAX_SAFE_INTEGER;
      expect(typeof value).toBe(small ? "number" : "bigint");
    }
    expect(Object.is(decode(latin1("i-0e")), 0)).toBe(true);
  });

  // Inputs and verdicts of libtorrent's decoder.
  it.each([
    ["di5e1:ae", "EXPECTED_DIGIT"],
    ["di2ei0ee", "EXPECTED_DIGIT"],
    ["ie", "EXPECTED_DIGIT"],
    ["i-e", "EXPECTED_DIGIT"],
    ["i+5e", "EXPECTED_DIGIT"],
    ["i1.5e", "EXPECTED_DIGIT"],
    ["i35412-5633e", "EXPECTED_DIGIT"],
    ["i92337203t854775807e", "EXPECTED_DIGIT"],
    ["df00:", "EXPECTED_DIGIT"],
    ["d1:ai1e1:be", "EXPECTED_VALUE"],
    ["-10:foobar", "EXPECTED_VALUE"],
    ["x", "EXPECTED_VALUE"],
    ["e", "EXPECTED_VALUE"],
    ["", "UNEXPECTED_END"],
    ["i", "UNEXPECTED_END"],
    ["i-", "UNEXPECTED_END"],
    ["i10", "UNEXPECTED_END"],
    ["l", "UNEXPECTED_END"],
    ["d", "UNEXPECTED_END"],
    ["d1:a", "UNEXPECTED_END"],
    ["l2:..", "UNEXPECTED_END"],
    ["100:..", "UNEXPECTED_END"],
    ["d1000:", "UNEXPECTED_END"],
    ["d1000", "EXPECTED_COLON"],
    ["5foo", "EXPECTED_COLON"],
    ["99999999:foobar", "UNEXPECTED_END"],
    ["199999999:foobar", "STRING_TOO_LONG"],
    ["18446744073709551615:foobar", "STRING_TOO_LONG"],
    ["i184467440737095516154e", "INTEGER_TOO_LONG"],
    [`i${"1".repeat(1000)}e`, "INTEGER_TOO_LONG"],
  ])("refuses %s: %s", (text, code) => {
    expect(codeOf(text)).toBe(code);
    expect(codeOf(text, { mode: "strict" })).toBe(code);
  });

  it.each([
    ["d2:bai1e2:aai2ee", "UNSORTED_KEYS", 8],
    ["d2:aai1e1:ai2ee", "UNSORTED_KEYS", 8],
    ["d1:ai1e1:ai2ee", "DUPLICATE_KEY", 7],
    ["i01e", "LEADING_ZERO", 0],
    ["i-01e", "LEADING_ZERO", 0],
    ["06:foobar", "LEADING_ZERO", 0],
    ["00:", "LEADING_ZERO", 0],
    ["i-0e", "NEGATIVE_ZERO", 0],
    ["i18446744073709551615e", "INTEGER_OVERFLOW", 0],
    ["i9223372036854775808e", "INTEGER_OVERFLOW", 0],
    ["i-9223372036854775809e", "INTEGER_OVERFLOW", 0],
  ])("tolerates %s unless strict: %s", (text, code, offset) => {
    expect(faultsOf(text)).toEqual([[code, offset]]);
    expect(codeOf(text)).toBe("accepted");
    expect(codeOf(text, { mode: "strict" })).toBe(code);
  });

  it("reports every fault in order, in nested dictionaries too", () => {
    expect(faultsOf("d1:bd1:yi01e1:xi1ee1:ai1ee")).toEqual([
      ["LEADING_ZERO", 8],
      ["UNSORTED_KEYS", 12],
      ["UNSORTED_KEYS", 19],
    ]);
    expect(faultsOf("d1:a0:2:ab0:2:b\x000:1:\xff0:e")).toEqual([]);
  });

  it.each(["i0e", "0:", "i9223372036854775807e", "i-9223372036854775808e", "d3:a\x00bi1ee"])(
    "finds no fault in %s",
    (text) => {
      expect(codeOf(text, { mode: "strict" })).toBe("accepted");
    },
  );

  it("bounds depth, tokens and strings", () => {
    const nested = (depth: number): string => "l".repeat(depth) + "e".repeat(depth);
    expect(codeOf(nested(100))).toBe("accepted");
    expect(codeOf(nested(101))).toBe("TOO_DEEP");
    expect(codeOf("d1:a".repeat(101))).toBe("TOO_DEEP");
    expect(codeOf("i1e", { maxDepth: 0 })).toBe("accepted");
    expect(codeOf("le", { maxDepth: 0 })).toBe("TOO_DEEP");
    expect(codeOf("li1ei2ee", { maxTokens: 4 })).toBe("accepted");
    expect(codeOf("li1ei2ee", { maxTokens: 3 })).toBe("TOO_MANY_TOKENS");
    expect(codeOf("3:abc", { maxStringLength: 3 })).toBe("accepted");
    expect(codeOf("4:abcd", { maxStringLength: 3 })).toBe("STRING_TOO_LONG");
  });

  it("nests as deep as asked without recursion", () => {
    const depth = 200_000;
    let value = decode(latin1("l".repeat(depth) + "e".repeat(depth)), { maxDepth: depth });
    let levels = 0;
    for (; Array.isArray(value); levels++) value = value[0] as BencodeValue;
    expect(levels).toBe(depth);
  });

  it("wants the whole input used", () => {
    expect(() => decode(latin1("i1ei2e"))).toThrow(
      expect.objectContaining({ code: "ERR_BENCODE_TRAILING_DATA", offset: 3 }),
    );
    expect(() => decodeDict(latin1("dex"))).toThrow(BencodeError);
  });

  it("says where and what", () => {
    expect(() => decode(latin1("d1:ai1e1:be"))).toThrow(
      "expected a value (a digit, 'i', 'l' or 'd'), got byte 0x65 (at byte 10)",
    );
    expect(() => decodeDict(latin1("le"))).toThrow("expected a dictionary (at byte 0)");
  });
});

describe("decodePrefix", () => {
  it("tells how much it took", () => {
    const { value, length } = decodePrefix(latin1("d8:msg_typei1e5:piecei0eeDATA"));
    expect(value).toBeInstanceOf(BencodeDict);
    expect(length).toBe(25);
    expect(decodePrefix(latin1("i1ei2e"))).toEqual({ value: 1, length: 3 });
    expect(decodePrefix(latin1("3:abcd")).length).toBe(5);
  });
});

describe("properties", () => {
  it("reads what npm's bencode reads, of canonical input", () => {
    fc.assert(
      fc.property(canonical(), (value) => {
        const bytes = encode(value);
        expect(toPlain(decode(bytes, { mode: "strict" }))).toEqual(npm.decode(bytes));
      }),
    );
  });

  it("throws nothing but BencodeError for arbitrary bytes", () => {
    const alphabet = [...latin1("diel0123456789:-ax\xff")];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 60 }), (bytes) => {
        const input = Uint8Array.from(bytes);
        const text = String.fromCharCode(...bytes);
        if (codeOf(text) !== "accepted") return;
        const { value, length } = decodePrefix(input);
        toPlain(value);
        // What is accepted strictly is canonical: encoding it anew gives the same bytes.
        if (codeOf(text, { mode: "strict" }) !== "accepted") return;
        expect(encode(rebuilt(value))).toEqual(input.subarray(0, length));
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses each proper prefix of a list or dictionary", () => {
    fc.assert(
      fc.property(canonical(), (value) => {
        const bytes = encode([value]);
        for (let end = 0; end < bytes.length; end++) {
          expect(() => decodePrefix(bytes.subarray(0, end))).toThrow(BencodeError);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("survives each flipped byte", () => {
    const bytes = encode({ a: [1, "two", { three: 3 }], b: "x".repeat(20), c: -5 });
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const bad = bytes.slice();
        bad[at] = byte;
        codeOf(String.fromCharCode(...bad));
      }
    }
  });
});

/** The value with every dictionary as a map, so that encoding can't copy the input. */
function rebuilt(value: BencodeValue): never {
  if (Array.isArray(value)) return value.map(rebuilt) as never;
  if (!(value instanceof BencodeDict)) return value as never;
  return new Map([...value.byteEntries()].map(([key, inner]) => [key, rebuilt(inner)])) as never;
}
