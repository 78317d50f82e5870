import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latin1 } from "../testing/values.ts";
import { decodeDict } from "./decode.ts";
import { encode } from "./encode.ts";

describe("BencodeDict", () => {
  const dict = decodeDict(
    encode({
      big: 2n ** 60n,
      bytes: Uint8Array.of(0xff, 0x41),
      dict: { inner: 1 },
      int: -3,
      list: [1, "two", [3, [4, { five: 5 }], []], "six"],
      text: "späm",
      zoë: 1,
    }),
  );

  it("reads members by type", () => {
    expect(dict.int("int")).toBe(-3);
    expect(dict.big("int")).toBe(-3n);
    expect(dict.big("big")).toBe(2n ** 60n);
    expect(dict.text("text")).toBe("späm");
    expect(dict.bytes("bytes")).toEqual(Uint8Array.of(0xff, 0x41));
    expect(dict.text("bytes")).toBe("\ufffdA");
    expect(dict.dict("dict")?.int("inner")).toBe(1);
    expect(dict.list("list")).toMatchObject([1, latin1("two"), [3, [4, {}], []], latin1("six")]);
    expect(dict.get("int")).toBe(-3);
    expect(dict.int("zoë")).toBe(1);
  });

  it("gives undefined for a missing member or a wrong type", () => {
    expect(dict.int("big")).toBeUndefined();
    for (const key of ["text", "list", "dict", "missing"]) {
      expect(dict.int(key)).toBeUndefined();
      expect(dict.big(key)).toBeUndefined();
    }
    for (const key of ["int", "list", "dict", "missing"]) {
      expect(dict.bytes(key)).toBeUndefined();
      expect(dict.text(key)).toBeUndefined();
    }
    for (const key of ["int", "text", "dict", "missing"]) {
      expect(dict.list(key)).toBeUndefined();
    }
    for (const key of ["int", "text", "list", "missing"]) {
      expect(dict.dict(key)).toBeUndefined();
    }
    expect(dict.get("missing")).toBeUndefined();
    expect(dict.span("missing")).toBeUndefined();
    expect([dict.has("int"), dict.has("in"), dict.has("intx")]).toEqual([true, false, false]);
  });

  it("has no inherited members", () => {
    expect(dict.has("__proto__")).toBe(false);
    expect(dict.has("constructor")).toBe(false);
    const trap = decodeDict(latin1("d9:__proto__d5:admini1eee"));
    expect(trap.int("admin")).toBeUndefined();
    expect(trap.dict("__proto__")?.int("admin")).toBe(1);
  });

  it("gives the raw bytes of a value and of itself", () => {
    const input = latin1("d1:z1:x4:infod3:b01i01e1:ai2eee");
    const odd = decodeDict(input);
    expect(odd.span("info")).toEqual(latin1("d3:b01i01e1:ai2ee"));
    expect(odd.dict("info")?.raw).toEqual(latin1("d3:b01i01e1:ai2ee"));
    expect(odd.span("z")).toEqual(latin1("1:x"));
    expect(odd.raw).toEqual(input);
  });

  it("finds keys that are not text", () => {
    const odd = decodeDict(latin1("d1:\xfei1e1:\xffi2ee"));
    expect(odd.int(Uint8Array.of(0xff))).toBe(2);
    expect(odd.int(Uint8Array.of(0xfe))).toBe(1);
    expect(odd.int("\xff")).toBeUndefined();
    expect([...odd.byteEntries()]).toEqual([
      [Uint8Array.of(0xfe), 1],
      [Uint8Array.of(0xff), 2],
    ]);
    expect([...odd.entries()].map(([key]) => key)).toEqual(["\ufffd", "\ufffd"]);
  });

  it("keeps the order of the input; of duplicates the first is found", () => {
    const odd = decodeDict(latin1("d1:bi1e1:ai2e1:bi3ee"));
    expect([...odd.entries()]).toEqual([
      ["b", 1],
      ["a", 2],
      ["b", 3],
    ]);
    expect(odd.int("b")).toBe(1);
    expect(odd.size).toBe(3);
    expect(decodeDict(latin1("de")).size).toBe(0);
  });

  it("reads text of any length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
        expect(decodeDict(encode({ text })).text("text")).toBe(text);
      }),
    );
    expect(decodeDict(encode({ text: "\ufeffbom" })).text("text")).toBe("\ufeffbom");
  });
});
