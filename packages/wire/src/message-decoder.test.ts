import { concatBytes, fromHex, toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type HashRange,
  MessageDecoder,
  MessageEncoder,
  type MessageHandler,
  WireError,
  type WireLimits,
} from "./index.ts";

const ROOT = "ab".repeat(32);
const RANGE: HashRange = {
  piecesRoot: bytes(ROOT),
  baseLayer: 1,
  index: 512,
  length: 256,
  proofLayers: 7,
};
const RANGE_HEX = `${ROOT}00000001000002000000010000000007`;

/** Every message: its bytes, and the call that it must lead to. */
const VECTORS: readonly (readonly [hex: string, call: readonly unknown[]])[] = [
  ["00000000", ["keepAlive"]],
  ["0000000100", ["choke"]],
  ["0000000101", ["unchoke"]],
  ["0000000102", ["interested"]],
  ["0000000103", ["notInterested"]],
  ["000000050400000bad", ["have", 0xbad]],
  ["0000000504ffffffff", ["have", 0xffff_ffff]],
  ["0000000405a0b0c0", ["bitfield", "a0b0c0"]],
  ["0000000105", ["bitfield", ""]],
  ["0000000d06000000010000400000004000", ["request", 1, 16384, 16384]],
  ["0000000d07000000020000800001020304", ["piece", 2, 32768, 4, "01020304"]],
  ["0000000a07fffffffffffffffe00", ["piece", 0xffff_ffff, 0xffff_fffe, 1, "00"]],
  ["0000000d08000000010000400000004000", ["cancel", 1, 16384, 16384]],
  ["00000003091ae1", ["port", 6881]],
  ["000000050d00000007", ["suggest", 7]],
  ["000000010e", ["haveAll"]],
  ["000000010f", ["haveNone"]],
  ["0000000d1080000000ffffffff00000001", ["reject", 0x8000_0000, 0xffff_ffff, 1]],
  ["000000051100000009", ["allowedFast", 9]],
  ["0000000414006465", ["extended", 0, "6465"]],
  ["0000000214ff", ["extended", 255, ""]],
  [`0000003115${RANGE_HEX}`, ["hashRequest", RANGE]],
  [`0000007116${RANGE_HEX}${"01".repeat(64)}`, ["hashes", RANGE, "01".repeat(64)]],
  [`0000003117${RANGE_HEX}`, ["hashReject", RANGE]],
  ["00000004630a0b0c", ["unknown", 99, 3]],
  ["00000001ff", ["unknown", 255, 0]],
];

const STREAM = concatBytes(VECTORS.map(([hex]) => bytes(hex)));
const CALLS = VECTORS.map(([, call]) => call);

describe("a stream of messages", () => {
  it.each(VECTORS)("decodes %s", (hex, call) => {
    expect(decode([bytes(hex)])).toEqual([call]);
  });

  it("decodes all in one chunk", () => {
    expect(decode([STREAM])).toEqual(CALLS);
  });

  it("decodes byte by byte", () => {
    expect(decode(Array.from(STREAM, (_, i) => STREAM.subarray(i, i + 1)))).toEqual(CALLS);
  });

  it("decodes the same at every single cut", () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      expect(decode([STREAM.subarray(0, cut), STREAM.subarray(cut)])).toEqual(CALLS);
    }
  });

  it("decodes the same at random cuts", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length)), (cuts) => {
        expect(decode(split(STREAM, cuts))).toEqual(CALLS);
      }),
    );
  });

  it("passes payloads on as ranges of the caller's own chunk", () => {
    const seen: unknown[] = [];
    const { handler } = recorder({
      pieceData: (chunk, start, end) => seen.push([chunk, start, end]),
    });
    const decoder = new MessageDecoder(handler);
    const chunk = bytes("0000000d07000000000000000001020304");
    decoder.receive(chunk.subarray(0, 15));
    const rest = chunk.subarray(15);
    decoder.receive(rest);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toEqual([chunk.subarray(0, 15), 13, 15]);
    expect((seen[1] as unknown[])[0]).toBe(rest);
    expect(seen[1]).toEqual([rest, 0, 2]);
  });

  it("is idle between messages only", () => {
    const decoder = new MessageDecoder(recorder().handler);
    expect(decoder.idle).toBe(true);
    for (const part of ["00", "00000d", "07", "0000000000000000", "010203"]) {
      decoder.receive(bytes(part));
      expect(decoder.idle).toBe(false);
    }
    decoder.receive(bytes("04"));
    expect(decoder.idle).toBe(true);
    decoder.receive(bytes("0000000363"));
    expect(decoder.idle).toBe(false);
    decoder.receive(bytes("0a0b"));
    expect(decoder.idle).toBe(true);
  });

  it("decodes long messages that come in many parts, one after the other", () => {
    const encoder = new MessageEncoder();
    encoder.extended(3, new Uint8Array(70_000).fill(1));
    encoder.bitfield(new Uint8Array(70_000).fill(2));
    encoder.have(5);
    const stream = concatBytes(encoder.take());
    const calls = decode(
      Array.from({ length: 100 }, (_, i) => stream.subarray(i * 1500, (i + 1) * 1500)),
    );
    expect(calls).toEqual([
      ["extended", 3, "01".repeat(70_000)],
      ["bitfield", "02".repeat(70_000)],
      ["have", 5],
    ]);
  });
});

describe("a handler", () => {
  it("that stops the decoder hears no more of the chunk", () => {
    for (let last = 0; last < VECTORS.length; last++) {
      const { handler, calls } = recorder({}, () => {
        if (calls.length > last) decoder.stop();
      });
      const decoder = new MessageDecoder(handler);
      decoder.receive(STREAM);
      expect(calls).toHaveLength(last + 1);
      decoder.receive(STREAM);
      expect(calls).toHaveLength(last + 1);
    }
  });

  it.each(["pieceStart", "pieceData"] as const)(
    "that stops in %s hears nothing after it",
    (name) => {
      const heard: string[] = [];
      const { handler } = recorder({
        pieceStart: () => hear("pieceStart"),
        pieceData: () => hear("pieceData"),
        pieceEnd: () => hear("pieceEnd"),
      });
      const decoder = new MessageDecoder(handler);
      function hear(call: string): void {
        heard.push(call);
        if (call === name) decoder.stop();
      }
      decoder.receive(bytes("0000000a07000000000000000001"));
      expect(heard.at(-1)).toBe(name);
    },
  );

  it("that throws is not called again, and what it threw arrives unchanged", () => {
    const failure = new Error("not allowed");
    const { handler, calls } = recorder({
      choke: () => {
        throw failure;
      },
    });
    const decoder = new MessageDecoder(handler);
    expect(() => decoder.receive(bytes("00000001000000000101"))).toThrow(failure);
    decoder.receive(bytes("0000000101"));
    expect(calls).toEqual([]);
  });
});

describe("hostile lengths", () => {
  it.each([
    ["choke with a body", "0000000200"],
    ["have of 4 bytes", "0000000404"],
    ["request of 12 bytes", "0000000c06"],
    ["request of 17 bytes", "0000001106"],
    ["piece without payload", "0000000907"],
    ["piece without a whole head", "0000000407"],
    ["port of 2 bytes", "0000000209"],
    ["have all with a body", "000000020e"],
    ["extended without id", "0000000114"],
    ["hash request of 48 bytes", "0000003015"],
    ["hashes that are no multiple of 32", "0000005216"],
    ["hashes without a whole head", "0000003016"],
  ])("refuses %s before its body comes", (_, hex) => {
    expect(failure(hex)).toBe("ERR_WIRE_MESSAGE_LENGTH");
  });

  it.each([
    ["piece above 16 KiB", "0000400a07", {}],
    ["bitfield above its limit", "0000000405", { maxBitfieldLength: 2 }],
    ["extended above its limit", "0010000314", {}],
    ["hashes above their limit", "0000005116", { maxHashesLength: 0 }],
    ["unknown above its limit", "0010000263", {}],
  ])("refuses %s", (_, hex, limits) => {
    expect(failure(hex, limits)).toBe("ERR_WIRE_MESSAGE_TOO_LONG");
  });

  it("refuses a length beyond every limit before the id is known", () => {
    expect(failure("00100003")).toBe("ERR_WIRE_MESSAGE_TOO_LONG");
    expect(failure("ffffffff")).toBe("ERR_WIRE_MESSAGE_TOO_LONG");
    expect(failure("00100002")).toBe(undefined);
  });

  it("takes what is exactly at the limits", () => {
    expect(failure("0000400907")).toBe(undefined);
    expect(failure("0004000105")).toBe(undefined);
    expect(failure("0010000214")).toBe(undefined);
    expect(failure("0004083116")).toBe(undefined);
    expect(failure("0010000163")).toBe(undefined);
  });

  it("decodes nothing after an error", () => {
    const { handler, calls } = recorder();
    const decoder = new MessageDecoder(handler);
    expect(() => decoder.receive(bytes("0000000200"))).toThrow(WireError);
    decoder.receive(bytes("0000000101"));
    expect(calls).toEqual([]);
  });

  it("answers garbage with calls or a WireError, nothing else", () => {
    const nasty = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // Plausible heads: short lengths and real ids.
      fc
        .array(fc.tuple(fc.nat(60), fc.nat(24), fc.uint8Array({ maxLength: 60 })))
        .map((parts) =>
          concatBytes(parts.flatMap(([n, id, body]) => [Uint8Array.of(0, 0, 0, n, id), body])),
        ),
    );
    fc.assert(
      fc.property(nasty, fc.array(fc.nat(300)), (garbage, cuts) => {
        const whole = outcome([garbage]);
        expect(outcome(split(garbage, cuts))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });
});

/** What decoding leads to: the complete calls, and the error's code if there is one. */
function outcome(chunks: readonly Uint8Array[]): unknown {
  const { handler, calls } = recorder();
  const decoder = new MessageDecoder(handler);
  try {
    for (const chunk of chunks) decoder.receive(chunk);
    return { calls, idle: decoder.idle };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { calls, code: error.code };
  }
}

function failure(hex: string, limits: Partial<WireLimits> = {}): string | undefined {
  try {
    new MessageDecoder(recorder().handler, limits).receive(bytes(hex));
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code;
  }
}

function decode(chunks: readonly Uint8Array[]): unknown[] {
  const { handler, calls } = recorder();
  const decoder = new MessageDecoder(handler);
  for (const chunk of chunks) {
    // Memory of its own that is wiped after the call: the decoder must not keep views of it.
    const passing = chunk.slice();
    decoder.receive(passing);
    passing.fill(0xee);
  }
  expect(decoder.idle).toBe(true);
  return calls;
}

/** Notes calls with bytes as hex, and a block's calls as one when it is whole. */
function recorder(
  own: Partial<MessageHandler> = {},
  noted: () => void = () => {},
): { handler: MessageHandler; calls: unknown[] } {
  const calls: unknown[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void => {
      calls.push([name, ...args.map((arg) => (arg instanceof Uint8Array ? toHex(arg) : arg))]);
      noted();
    };
  let block: unknown[] = [];
  let data = "";
  const handler: MessageHandler = {
    keepAlive: note("keepAlive"),
    choke: note("choke"),
    unchoke: note("unchoke"),
    interested: note("interested"),
    notInterested: note("notInterested"),
    have: note("have"),
    bitfield: note("bitfield"),
    request: note("request"),
    cancel: note("cancel"),
    reject: note("reject"),
    pieceStart: (...head) => {
      block = head;
      data = "";
    },
    pieceData: (chunk, start, end) => {
      expect(end).toBeGreaterThan(start);
      data += toHex(chunk.subarray(start, end));
    },
    pieceEnd: () => note("piece")(...block, data),
    port: note("port"),
    suggest: note("suggest"),
    haveAll: note("haveAll"),
    haveNone: note("haveNone"),
    allowedFast: note("allowedFast"),
    extended: note("extended"),
    hashRequest: note("hashRequest"),
    hashes: note("hashes"),
    hashReject: note("hashReject"),
    unknown: note("unknown"),
    ...own,
  };
  return { handler, calls };
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
  return at.slice(1).map((end, i) => stream.subarray(at[i], end));
}

function bytes(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array(0);
}
