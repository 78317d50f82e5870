import { encode } from "@shoal/bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetadataError } from "./error.ts";
import {
  countPieces,
  encodeData,
  encodeReject,
  encodeRequest,
  MAX_MESSAGE_LENGTH,
  type Message,
  PIECE_LENGTH,
  parseMessage,
} from "./message.ts";

describe("messages", () => {
  it("are as in BEP 9", () => {
    expect(text(encodeRequest(0))).toBe("d8:msg_typei0e5:piecei0ee");
    expect(text(encodeReject(0))).toBe("d8:msg_typei2e5:piecei0ee");
    expect(text(encodeData(0, bytes("xyz")))).toBe("d8:msg_typei1e5:piecei0e10:total_sizei3eexyz");
  });

  it("carry the piece that they name", () => {
    const metadata = Uint8Array.from({ length: PIECE_LENGTH + 5 }, (_, i) => i % 251);
    const message = parseMessage(encodeData(1, metadata));
    expect(message).toEqual({
      type: "data",
      piece: 1,
      totalSize: PIECE_LENGTH + 5,
      data: metadata.slice(PIECE_LENGTH),
    });
  });

  it("come back as they were sent", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: PIECE_LENGTH }),
        (piece, data) => {
          expect(parseMessage(encodeRequest(piece))).toEqual({ type: "request", piece });
          expect(parseMessage(encodeReject(piece))).toEqual({ type: "reject", piece });
          expect(parseMessage(encodeData(0, data))).toMatchObject({ totalSize: data.length, data });
        },
      ),
    );
  });

  it("may have members that are not known, in any order, and data behind the dictionary", () => {
    expect(parse("d5:piecei7e1:xli1ee8:msg_typei0ee")).toEqual({ type: "request", piece: 7 });
    expect(parse("d8:msg_typei0e5:piecei7eetail")).toEqual({ type: "request", piece: 7 });
    expect(parse("d8:msg_typei1e5:piecei7ee")).toEqual({
      type: "data",
      piece: 7,
      totalSize: undefined,
      data: new Uint8Array(0),
    });
  });

  it.for([3, 255, -1])("of the unknown type %i are ignored", (type) => {
    expect(parseMessage(encode({ msg_type: type }))).toBeUndefined();
  });

  it.for([
    ["nothing", ""],
    ["no bencode", "hello"],
    ["half a dictionary", "d8:msg_typei0e5:piece"],
    ["another value", "i0e"],
    ["a list", "li0ei0ee"],
    ["no type", "d5:piecei0ee"],
    ["a type that is text", "d8:msg_type1:05:piecei0ee"],
    ["a type beyond all numbers", "d8:msg_typei99999999999999999999e5:piecei0ee"],
    ["a request without piece", "d8:msg_typei0ee"],
    ["data without piece", "d8:msg_typei1e10:total_sizei3eexyz"],
    ["a reject without piece", "d8:msg_typei2ee"],
    ["a piece that is text", "d8:msg_typei0e5:piece1:0e"],
    ["a piece below 0", "d8:msg_typei0e5:piecei-1ee"],
    ["a piece beyond all numbers", "d8:msg_typei0e5:piecei99999999999999999999ee"],
    ["nesting", `d8:msg_typei0e1:x${"l".repeat(50)}${"e".repeat(50)}5:piecei0ee`],
    ["many members", `d8:msg_typei0e5:piecei0e1:xl${"i0e".repeat(500)}ee`],
  ] as const)("that are %0s are refused", ([, message]) => {
    expect(() => parse(message)).toThrow(
      expect.objectContaining({ name: "MetadataError", code: "ERR_METADATA_MESSAGE" }),
    );
  });

  it("are bounded", () => {
    const head = encodeRequest(0);
    const longest = new Uint8Array(MAX_MESSAGE_LENGTH);
    longest.set(head);
    expect(parseMessage(longest)).toMatchObject({ type: "request" });
    const longer = new Uint8Array(MAX_MESSAGE_LENGTH + 1);
    longer.set(head);
    expect(() => parseMessage(longer)).toThrow(/at most 17408 bytes/);
  });

  it("of any bytes are read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        try {
          parseMessage(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(MetadataError);
        }
      }),
    );
  });

  it("are as many as pieces of 16 KiB", () => {
    expect([1, PIECE_LENGTH, PIECE_LENGTH + 1, 31_457_280].map(countPieces)).toEqual([
      1, 1, 2, 1920,
    ]);
  });
});

function parse(message: string): Message | undefined {
  return parseMessage(bytes(message));
}

function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0));
}

function text(message: Uint8Array): string {
  return String.fromCharCode(...message);
}
