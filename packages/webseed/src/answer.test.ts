import { describe, expect, it } from "vitest";
import { judgeFile, judgeScript } from "./answer.ts";

const wish = { name: "http://h/f", start: 100, length: 50, fileLength: 1000 };
const good = { "content-range": "bytes 100-149/1000", "content-length": "50" };

describe("judgeFile", () => {
  it.each([
    ["as asked", 206, good],
    ["without length", 206, { "content-range": "bytes 100-149/1000" }],
    ["of unknown total", 206, { "content-range": "Bytes 100-149/*" }],
    ["named identity", 206, { ...good, "content-encoding": "identity" }],
  ])("takes a range %s", (_, status, headers) => {
    expect(judgeFile(wish, { status, headers })).toEqual({ what: "take" });
  });

  it.each([
    ["other bytes", { ...good, "content-range": "bytes 0-49/1000" }, "ERR_WEBSEED_RANGE"],
    ["fewer bytes", { ...good, "content-range": "bytes 100-148/1000" }, "ERR_WEBSEED_RANGE"],
    ["no range", { "content-length": "50" }, "ERR_WEBSEED_RANGE"],
    ["several ranges", { "content-type": "multipart/byteranges" }, "ERR_WEBSEED_RANGE"],
    ["another length", { ...good, "content-length": "51" }, "ERR_WEBSEED_RANGE"],
    ["gzip", { ...good, "content-encoding": "gzip" }, "ERR_WEBSEED_ENCODING"],
  ])("refuses a 206 of %s", (_, headers, code) => {
    expect(judgeFile(wish, { status: 206, headers })).toMatchObject({
      what: "fail",
      error: { code },
    });
  });

  it("finds that the file is another one", () => {
    const headers = { "content-range": "bytes 100-149/999" };
    expect(judgeFile(wish, { status: 206, headers })).toMatchObject({ what: "lacks" });
  });

  it("takes a 200 only if it is all that was asked for", () => {
    const whole = { ...wish, start: 0, length: 1000 };
    expect(judgeFile(whole, { status: 200, headers: {} }).what).toBe("take");
    expect(judgeFile(whole, { status: 200, headers: { "content-length": "1000" } }).what).toBe(
      "take",
    );
    expect(judgeFile(whole, { status: 200, headers: { "content-length": "999" } }).what).toBe(
      "lacks",
    );
    expect(judgeFile(whole, { status: 200, headers: { "content-encoding": "br" } }).what).toBe(
      "lacks",
    );
    expect(judgeFile(wish, { status: 200, headers: {} }).what).toBe("lacks");
  });

  it.each([401, 403, 404, 410, 416, 451])("takes %i to mean that it has no such file", (status) => {
    expect(judgeFile(wish, { status, headers: {} }).what).toBe("lacks");
  });

  it.each([204, 304, 400, 408, 429, 500, 502, 503])("tries again after %i", (status) => {
    expect(judgeFile(wish, { status, headers: {}, retryAfter: 7 })).toMatchObject({
      what: "fail",
      error: { code: "ERR_WEBSEED_STATUS" },
      retryAfter: 7,
    });
  });
});

describe("judgeScript", () => {
  it("takes a 200 of the right length", () => {
    expect(judgeScript(wish, { status: 200, headers: { "content-length": "50" } }).what).toBe(
      "take",
    );
    expect(judgeScript(wish, { status: 200, headers: { "content-length": "51" } }).what).toBe(
      "fail",
    );
    expect(judgeScript(wish, { status: 404, headers: {} }).what).toBe("fail");
  });

  it("looks for the time to wait where a 503 has it", () => {
    expect(judgeScript(wish, { status: 503, headers: {} }).what).toBe("wait");
    expect(judgeScript(wish, { status: 503, headers: {}, retryAfter: 9 })).toMatchObject({
      what: "fail",
      retryAfter: 9,
    });
  });
});
