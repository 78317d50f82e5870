// What the encoder writes, the decoder reads back.
import { concatBytes, toHex } from "@shoal/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type HashRange, MessageDecoder, MessageEncoder, type MessageHandler } from "./index.ts";

const RANGE: HashRange = {
  piecesRoot: new Uint8Array(32).fill(0xab),
  baseLayer: 1,
  index: 512,
  length: 256,
  proofLayers: 7,
};

it("what the encoder writes is decoded to the same, however it is cut", () => {
  fc.assert(
    fc.property(fc.array(message()), fc.array(fc.nat(5000)), (messages, cuts) => {
      const encoder = new MessageEncoder();
      for (const { write } of messages) write(encoder);
      const stream = concatBytes(encoder.take());
      expect(decode(split(stream, cuts))).toEqual(messages.map(({ call }) => call));
    }),
  );
});

/** The calls with bytes as hex; those for a block as one, made when it is whole. */
function decode(chunks: readonly Uint8Array[]): unknown[] {
  const calls: unknown[] = [];
  let block: unknown[] = [];
  let data = "";
  const note = (name: string, args: unknown[]): void => {
    calls.push([name, ...args.map((arg) => (arg instanceof Uint8Array ? toHex(arg) : arg))]);
  };
  const own: Partial<MessageHandler> = {
    pieceStart: (...head) => {
      block = head;
      data = "";
    },
    pieceData: (chunk, start, end) => {
      data += toHex(chunk.subarray(start, end));
    },
    pieceEnd: () => note("piece", [...block, data]),
  };
  const handler = new Proxy(own as MessageHandler, {
    get: (target, name: keyof MessageHandler) =>
      target[name] ?? ((...args: unknown[]) => note(name, args)),
  });
  const decoder = new MessageDecoder(handler);
  for (const chunk of chunks) {
    // As sockets do that read into one buffer, over and over.
    const buffer = Buffer.from(chunk);
    decoder.receive(buffer);
    buffer.fill(0);
  }
  expect(decoder.idle).toBe(true);
  return calls;
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
  return at.slice(1).map((end, i) => stream.subarray(at[i], end));
}

interface Sample {
  readonly call: readonly unknown[];
  readonly write: (encoder: MessageEncoder) => void;
}

/** Any message that the encoder writes, with the call that it must come out as. */
function message(): fc.Arbitrary<Sample> {
  const uint32 = fc.nat(0xffff_ffff);
  return fc.oneof(
    fc
      .constantFrom(
        "keepAlive",
        "choke",
        "unchoke",
        "interested",
        "notInterested",
        "haveAll",
        "haveNone",
      )
      .map((name) => ({ call: [name], write: (encoder) => encoder[name]() }) satisfies Sample),
    fc
      .tuple(fc.constantFrom("have", "suggest", "allowedFast"), uint32)
      .map(
        ([name, n]) => ({ call: [name, n], write: (encoder) => encoder[name](n) }) satisfies Sample,
      ),
    fc
      .tuple(fc.constantFrom("request", "cancel", "reject"), uint32, uint32, uint32)
      .map(
        ([name, a, b, c]) =>
          ({ call: [name, a, b, c], write: (encoder) => encoder[name](a, b, c) }) satisfies Sample,
      ),
    fc
      .nat(65_535)
      .map((port) => ({ call: ["port", port], write: (e) => e.port(port) }) satisfies Sample),
    fc
      .uint8Array({ maxLength: 3000 })
      .map(
        (bits) =>
          ({ call: ["bitfield", toHex(bits)], write: (e) => e.bitfield(bits) }) satisfies Sample,
      ),
    fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 3000 })).map(
      ([id, payload]) =>
        ({
          call: ["extended", id, toHex(payload)],
          write: (encoder) => encoder.extended(id, payload),
        }) satisfies Sample,
    ),
    fc.tuple(uint32, uint32, fc.uint8Array({ minLength: 1, maxLength: 500 }), fc.nat(500)).map(
      ([piece, begin, block, cut]) =>
        ({
          call: ["piece", piece, begin, block.length, toHex(block)],
          write: (encoder) => {
            if (cut >= block.length) encoder.piece(piece, begin, block);
            else encoder.piece(piece, begin, block.subarray(0, cut), block.subarray(cut));
          },
        }) satisfies Sample,
    ),
    fc.tuple(fc.constantFrom("hashRequest", "hashReject"), uint32).map(
      ([name, index]) =>
        ({
          call: [name, { ...RANGE, index }],
          write: (encoder) => encoder[name]({ ...RANGE, index }),
        }) satisfies Sample,
    ),
    fc.nat(4).map(
      (count) =>
        ({
          call: ["hashes", RANGE, "07".repeat(32 * count)],
          write: (encoder) => encoder.hashes(RANGE, new Uint8Array(32 * count).fill(7)),
        }) satisfies Sample,
    ),
  );
}
