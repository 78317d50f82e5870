import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ResponseHead, ResponseParser } from "./http-parser.ts";

/** What the sink was told: heads, texts of bodies, and ends. */
function parse(text: string, cuts: readonly number[] = [], finish = false): unknown[] {
  const told: unknown[] = [];
  const parser = new ResponseParser({
    head: ({ status, headers, keepAlive }: ResponseHead) => told.push([status, headers, keepAlive]),
    body: (chunk) => {
      const body = Buffer.from(chunk).toString("latin1");
      // Bodies are the same however they are cut.
      if (typeof told.at(-1) === "string") told[told.length - 1] += body;
      else told.push(body);
    },
    done: () => told.push(true),
  });
  const bytes = Buffer.from(text, "latin1");
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  for (const [i, start] of edges.entries()) {
    const part = bytes.subarray(start, edges[i + 1] ?? bytes.length);
    for (let at = 0; at < part.length; ) at += parser.push(part.subarray(at));
  }
  if (finish) told.push(`finished: ${parser.finish()}`);
  return told;
}

const ANSWERS: readonly [name: string, text: string, told: unknown[]][] = [
  [
    "with a length",
    "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:  2 \r\n\r\nhello",
    [[206, { "content-length": "5", "x-a": "1, 2" }, true], "hello", true],
  ],
  [
    "without a reason",
    "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
    [[200, { "content-length": "0" }, true], true],
  ],
  [
    "in chunks",
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x="y"\r\n, world!!!\r\n0\r\nT: 1\r\n\r\n',
    [[200, { "transfer-encoding": "Chunked" }, true], "hello, world!!!", true],
  ],
  [
    "without body",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    [[304, { "content-length": "9" }, true], true],
  ],
  [
    "after early hints",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    [[204, {}, true], true],
  ],
  [
    "from an old server",
    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
    [[200, { "content-length": "1" }, false], "x", true],
  ],
  [
    "from an old server that keeps",
    "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
    [[200, { connection: "Keep-Alive", "content-length": "1" }, true], "x", true],
  ],
  [
    "that is the last",
    "HTTP/1.1 200 OK\r\nConnection: foo , Close\r\nContent-Length: 1\r\n\r\nx",
    [[200, { connection: "foo , Close", "content-length": "1" }, false], "x", true],
  ],
];

describe("ResponseParser", () => {
  it.each(ANSWERS)("reads an answer %s", (_, text, told) => {
    expect(parse(text)).toEqual(told);
    // And wherever it is cut in two, or all over.
    for (let i = 1; i < text.length; i++) expect(parse(text, [i])).toEqual(told);
    expect(parse(text, everywhere(text))).toEqual(told);
  });

  it("reads answers that follow each other", () => {
    const all = ANSWERS.map(([, text]) => text).join("");
    const told = ANSWERS.flatMap(([, , one]) => one);
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (cuts) => {
        expect(parse(all, cuts)).toEqual(told);
      }),
    );
  });

  it("reads to the end where nothing tells the length", () => {
    const text = "HTTP/1.1 200 OK\r\n\r\nhello";
    expect(parse(text, [], true)).toEqual([[200, {}, false], "hello", true, "finished: true"]);
    const cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    expect(parse(cut, [], true).at(-1)).toBe("finished: false");
    expect(
      parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", [], true).at(-1),
    ).toBe("finished: false");
  });

  const ok = "HTTP/1.1 200 OK\r\n";
  const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
  it.each([
    ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
    ["bare line ends", "HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n"],
    ["status 000", "HTTP/1.1 000 OK\r\n\r\n"],
    ["status 1000", "HTTP/1.1 1000 OK\r\n\r\n"],
    ["switched protocols", "HTTP/1.1 101 Switching\r\n\r\n"],
    ["endless interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(11)],
    ["a folded field", `${ok}A: b\r\n c\r\n\r\n`],
    ["a space before the colon", `${ok}Content-Length : 1\r\n\r\n`],
    ["a field without a name", `${ok}: 1\r\n\r\n`],
    ["a field without a colon", `${ok}abc\r\n\r\n`],
    ["a line end in a field", `${ok}A: b\nContent-Length: 4\r\n\r\n`],
    ["a NUL in a field", `${ok}A: b\0\r\n\r\n`],
    ["a negative length", `${ok}Content-Length: -1\r\n\r\n`],
    ["a signed length", `${ok}Content-Length: +1\r\n\r\n`],
    ["a length that is none", `${ok}Content-Length: 0x10\r\n\r\n`],
    ["a length beyond all bounds", `${ok}Content-Length: 9007199254740993\r\n\r\n`],
    ["two lengths", `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    ["a length besides chunks", `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ["an unknown coding", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ["chunked twice", `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ["a chunk of no size", `${chunked}\r\nabc`],
    ["a chunk of negative size", `${chunked}-5\r\nhello`],
    ["a chunk beyond all bounds", `${chunked}ffffffffffffffff\r\n`],
    ["a chunk without an end", `${chunked}5\r\nhello5\r\n`],
    ["a bare line end in a chunk's line", `${chunked}5;\nx\r\nhello\r\n`],
    ["an endless extension", `${chunked}5;${"x".repeat(2000)}\r\n`],
    ["an endless head", `${ok}${"A: b\r\n".repeat(4000)}\r\n`],
    ["endless trailers", `${chunked}0\r\n${"A: b\r\n".repeat(4000)}\r\n`],
  ])("refuses %s", (_, text) => {
    const refusal = expect.objectContaining({
      code: expect.stringMatching(/^ERR_NET_(BAD_RESPONSE|TOO_LARGE)$/),
    });
    expect(() => parse(text)).toThrow(refusal);
    expect(() => parse(text, everywhere(text))).toThrow(refusal);
  });

  it("survives any bytes", () => {
    const line = fc.constantFrom(
      ...ANSWERS.flatMap(([, text]) => text.split(/(?<=\n)/)),
      "\r\n",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }), (lines) => {
        try {
          parse(lines.join(""));
        } catch (error) {
          expect(error).toMatchObject({ name: "NetError" });
        }
      }),
    );
  });
});

function everywhere(text: string): number[] {
  return Array.from(text, (_, i) => i);
}
