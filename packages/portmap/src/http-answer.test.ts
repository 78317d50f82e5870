// Answers of web servers, cut at every place.
import { describe, expect, it } from "vitest";
import { HttpAnswer } from "./http-answer.ts";

/** What comes of text that arrives in parts; `undefined` if it is broken or more is expected. */
function readParts(parts: readonly string[], ends: boolean): unknown {
  const answer = new HttpAnswer();
  for (const part of parts) answer.receive(Buffer.from(part, "latin1"));
  if (ends) answer.end();
  return answer.isComplete ? answer.read() : undefined;
}

/** The same, whole and in two parts cut anywhere. */
function readCut(text: string, ends: boolean): unknown {
  const whole = readParts([text], ends);
  for (let at = 0; at <= text.length; at++) {
    expect(readParts([text.slice(0, at), text.slice(at)], ends)).toEqual(whole);
  }
  expect(readParts(text.split(""), ends)).toEqual(whole);
  return whole;
}

describe("HttpAnswer", () => {
  it("ends with the connection", () => {
    const text = "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody";
    expect(readCut(text, true)).toEqual({ status: 200, body: "body" });
    expect(readCut(text, false)).toBeUndefined();
  });

  it("ends at the length that it names, and is broken if less came", () => {
    const text = "HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\nbody";
    expect(readCut(text, false)).toEqual({ status: 500, body: "body" });
    expect(readCut(text.slice(0, -1), true)).toBeUndefined();
    expect(readParts([`${text}more`], true)).toEqual({ status: 500, body: "body" });
  });

  it("may be empty", () => {
    const text = "HTTP/1.1 204 No Content\r\ncontent-length:0\r\n\r\n";
    expect(readCut(text, false)).toEqual({ status: 204, body: "" });
  });

  it("reads chunks, though they were not asked for, and needs no end of the connection", () => {
    const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const text = `${head}2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n`;
    expect(readCut(text, false)).toEqual({ status: 200, body: "body" });
    expect(readCut(`${head}0\r\n\r\n`, false)).toEqual({ status: 200, body: "" });
    expect(readParts([`${head}2\r\nbo\r\n0\r\nTrailer: x\r\n\r\n`], true)).toEqual({
      status: 200,
      body: "bo",
    });
  });

  it.each(["ffffff\r\nbody", "x\r\nbody\r\n0\r\n\r\n", "4\r\nbody\r\n", "", "-1\r\n"])(
    "is broken with chunks like %j",
    (body) => {
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      expect(readParts([head + body], true)).toBeUndefined();
    },
  );

  it.each(["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/2 200\r\n\r\n"])(
    "is broken when %j is all that came",
    (text) => {
      expect(readCut(text, true)).toBeUndefined();
    },
  );

  it("takes 64 KiB at most", () => {
    const head = "HTTP/1.1 200 OK\r\n\r\n";
    const fits = head + "x".repeat(65_536 - head.length);
    expect(readParts([fits], true)).toBeDefined();
    expect(readParts([fits, "x"], true)).toBeUndefined();
  });
});
