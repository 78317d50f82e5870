import { encode } from "@shoal/bencode";
import { concatBytes } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "./error.ts";
import { encodeExtendedHandshake, parseExtendedHandshake } from "./extended-handshake.ts";

describe("parseExtendedHandshake", () => {
  it("reads the example of BEP 10", () => {
    // The BEP counts µ as one byte; a real client sends two.
    const theirs = parse("d1:md11:LT_metadatai1e7:µT_PEXi2ee1:pi6881e1:v13:µTorrent 1.2e");
    expect([...theirs.messages]).toEqual([
      ["LT_metadata", 1],
      ["µT_PEX", 2],
    ]);
    expect(theirs.listenPort).toBe(6881);
    expect(theirs.client).toBe("µTorrent 1.2");
  });

  it("outlives the buffer that it came in", () => {
    const buffer = Buffer.from(encode({ m: { ut_x: 1 }, metadata_size: 5 }));
    const theirs = parseExtendedHandshake(buffer, undefined);
    buffer.fill(0);
    expect(theirs.raw.int("metadata_size")).toBe(5);
  });

  it("reads every known member", () => {
    const theirs = parseExtendedHandshake(
      encode({
        m: { ut_metadata: 3 },
        v: "X",
        p: 1,
        reqq: 500,
        upload_only: 1,
        yourip: Uint8Array.of(192, 0, 2, 1),
        ipv4: Uint8Array.of(192, 0, 2, 2),
        ipv6: new Uint8Array(16).fill(9),
        metadata_size: 31_235,
        complete_ago: 7,
      }),
      undefined,
    );
    expect(theirs).toMatchObject({
      client: "X",
      listenPort: 1,
      requestQueue: 500,
      uploadOnly: true,
      yourIp: Uint8Array.of(192, 0, 2, 1),
      ipv4: Uint8Array.of(192, 0, 2, 2),
      ipv6: new Uint8Array(16).fill(9),
      metadataSize: 31_235,
    });
    expect(theirs.raw.int("complete_ago")).toBe(7);
  });

  it("reads an empty dictionary, and ignores what follows one", () => {
    expect(parse("de")).toMatchObject({
      messages: new Map(),
      client: undefined,
      uploadOnly: undefined,
    });
    expect(parse("d1:pi5eegarbage").listenPort).toBe(5);
  });

  it.each([
    "d1:pi0e4:reqqi0e13:metadata_sizei0ee",
    "d1:pi65536e4:reqqi-1e13:metadata_sizei-5ee",
    "d1:p2:hi4:reqq1:513:metadata_sizelee",
    "d1:vi5e6:yourip3:abc4:ipv45:abcde4:ipv64:abcde",
    "d1:mi5e11:upload_only1:1e",
    "d13:metadata_sizei9223372036854775807e4:reqqi99999999999999999999ee",
  ])("takes members that make no sense as missing: %s", (text) => {
    const { raw, ...theirs } = parse(text);
    expect(raw.size).toBeGreaterThan(0);
    expect(Object.values(theirs).filter((value) => value !== undefined)).toEqual([new Map()]);
  });

  it("takes only ids of 1…255", () => {
    const theirs = parse("d1:md1:ai0e1:bi255e1:ci256e1:di-1e1:e1:31:fleee");
    expect([...theirs.messages]).toEqual([["b", 255]]);
  });

  it("treats names as data, not as properties", () => {
    const theirs = parse("d1:md9:__proto__i4e11:constructori5eee");
    expect(theirs.messages.get("__proto__")).toBe(4);
    expect(theirs.messages.get("toString")).toBe(undefined);
  });

  it("adds to what was told before, and id 0 withdraws a name", () => {
    const first = parse("d1:md1:ai1e1:bi2ee1:pi99e11:upload_onlyi1e1:v1:Xe");
    const second = parseExtendedHandshake(text("d1:md1:ai0e1:ci7ee11:upload_onlyi0ee"), first);
    expect([...second.messages]).toEqual([
      ["b", 2],
      ["c", 7],
    ]);
    expect(second).toMatchObject({ listenPort: 99, uploadOnly: false, client: "X" });
    expect(first.messages.get("a")).toBe(1);
    const third = parseExtendedHandshake(text("de"), second);
    expect(third).toEqual({ ...second, raw: third.raw });
  });

  it("keeps at most as many names as there are ids, however many handshakes come", () => {
    let theirs = parse("d1:md5:firsti1eee");
    for (let round = 0; round < 5; round++) {
      const m = Object.fromEntries(
        Array.from({ length: 200 }, (_, i) => [`x${round}.${i}`, 1 + i]),
      );
      theirs = parseExtendedHandshake(encode({ m }), theirs);
    }
    expect(theirs.messages.size).toBe(255);
    theirs = parseExtendedHandshake(text("d1:md5:firsti9eee"), theirs);
    expect(theirs.messages.get("first")).toBe(9);
  });

  it("shortens a client name that is a book", () => {
    const theirs = parseExtendedHandshake(encode({ v: "x".repeat(10_000) }), undefined);
    expect(theirs.client).toHaveLength(128);
  });

  it("keeps nothing of the caller's memory", () => {
    const payload = text("d4:ipv44:abcd1:pi5ee");
    const theirs = parseExtendedHandshake(payload, undefined);
    payload.fill(0);
    expect(theirs.ipv4).toEqual(text("abcd"));
    expect(theirs.raw.int("p")).toBe(5);
  });

  it.each([
    ["nothing", ""],
    ["a list", "le"],
    ["an integer", "i1e"],
    ["a torn dictionary", "d1:md"],
    ["a key that is no string", "di1ei2ee"],
    ["11 levels", `d1:x${"l".repeat(10)}${"e".repeat(10)}e`],
    ["100,000 levels", `d1:x${"l".repeat(100_000)}`],
    ["1001 tokens", `d1:ml${"i1e".repeat(1000)}ee`],
    ["17 KiB", `d1:x17408:${"x".repeat(17_408)}e`],
    ["a string beyond the end", "d1:x999999999:"],
  ])("refuses %s", (_, payload) => {
    expect(() => parse(payload)).toThrow(
      expect.objectContaining({ name: "WireError", code: "ERR_WIRE_EXTENDED_HANDSHAKE" }),
    );
  });

  it("answers garbage with a WireError, nothing else", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc
        .string({
          unit: fc.constantFrom("d", "l", "e", "i", "0", "1", "2", ":", "m", "-"),
          maxLength: 60,
        })
        .map((s) => text(`d${s}`)),
    );
    fc.assert(
      fc.property(garbage, (payload) => {
        try {
          parseExtendedHandshake(payload, undefined);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("encodeExtendedHandshake", () => {
  it("writes only what we tell, keys in order", () => {
    const bytes = encodeExtendedHandshake(
      { client: "S", uploadOnly: false },
      new Map([["ut_pex", 2]]),
      {
        metadata_size: 5,
      },
    );
    const expected = "d1:md6:ut_pexi2ee13:metadata_sizei5e11:upload_onlyi0e1:v1:Se";
    expect(new TextDecoder().decode(bytes)).toBe(expected);
  });

  it("does not let an extension replace our own members", () => {
    const bytes = encodeExtendedHandshake({ listenPort: 7 }, new Map(), { p: 9, m: 1 });
    expect(new TextDecoder().decode(bytes)).toBe("d1:mde1:pi7ee");
  });

  it("is read back", () => {
    const own = {
      client: "Shoal 0.1",
      listenPort: 6881,
      requestQueue: 2000,
      uploadOnly: true,
      yourIp: new Uint8Array(16).fill(3),
      ipv4: Uint8Array.of(1, 2, 3, 4),
      ipv6: new Uint8Array(16).fill(4),
    };
    const bytes = encodeExtendedHandshake(own, new Map([["ut_pex", 2]]), { metadata_size: 5 });
    const theirs = parseExtendedHandshake(concatBytes([bytes]), undefined);
    expect(theirs).toMatchObject({ ...own, messages: new Map([["ut_pex", 2]]), metadataSize: 5 });
  });
});

function parse(payload: string): ReturnType<typeof parseExtendedHandshake> {
  return parseExtendedHandshake(text(payload), undefined);
}

function text(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}
