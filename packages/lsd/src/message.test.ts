import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeLsd, MAX_INFO_HASHES, parseLsd } from "./message.ts";
import { LSD_GROUPS } from "./source.ts";

const A = "a".repeat(40);
const B = "0123456789abcdef0123456789abcdef01234567";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("encodeLsd", () => {
  it("writes the announce of BEP 14", () => {
    const announce = { port: 6881, infoHashes: [A, B], cookie: "c00c1e" };
    expect(Buffer.from(encodeLsd(LSD_GROUPS[4], announce)).toString()).toBe(
      "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n" +
        `Infohash: ${A}\r\nInfohash: ${B}\r\ncookie: c00c1e\r\n\r\n\r\n`,
    );
    const other = encodeLsd(LSD_GROUPS[6], { port: 1, infoHashes: [A], cookie: undefined });
    expect(Buffer.from(other).toString()).toBe(
      `BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\nInfohash: ${A}\r\n\r\n\r\n`,
    );
  });

  it("keeps below 1400 bytes", () => {
    const infoHashes = Array.from({ length: MAX_INFO_HASHES }, () => A);
    const announce = { port: 65_535, infoHashes, cookie: "c".repeat(32) };
    expect(encodeLsd(LSD_GROUPS[6], announce).length).toBeLessThanOrEqual(1400);
  });

  it("is undone by parseLsd", () => {
    const hash = fc.uint8Array({ minLength: 20, maxLength: 20 });
    const announce = fc.record({
      port: fc.integer({ min: 1, max: 65_535 }),
      infoHashes: fc.uniqueArray(
        hash.map((digest) => Buffer.from(digest).toString("hex")),
        { minLength: 1, maxLength: MAX_INFO_HASHES },
      ),
      cookie: fc.option(fc.stringMatching(/^[0-9a-zA-Z]{1,32}$/), { nil: undefined }),
    });
    fc.assert(
      fc.property(announce, fc.constantFrom(4 as const, 6 as const), (one, family) => {
        const datagram = Buffer.from(encodeLsd(LSD_GROUPS[family], one));
        const read = parseLsd(datagram);
        // Nothing of it is kept.
        datagram.fill(0);
        expect(read).toEqual(one);
      }),
    );
  });
});

describe("parseLsd", () => {
  it("takes any order, case and spacing, bare line feeds, and fields that it does not know", () => {
    const text = `bt-search * HTTP/1.0 \nx: y\nCOOKIE:c\nInfoHash:\t${A.toUpperCase()} \nport: 99\n`;
    expect(parseLsd(bytes(text))).toEqual({ port: 99, infoHashes: [A], cookie: "c" });
  });

  it("skips what is no info-hash, takes each once, and the first port", () => {
    const text = `BT-SEARCH * HTTP/1.1\r\nInfohash: x\r\nInfohash: ${A}\r\nInfohash: ${A}\r\nInfohash: ${B}0\r\nPort: 7\r\nPort: 8\r\n\r\n\r\nInfohash: ${B}\r\n`;
    expect(parseLsd(bytes(text))).toEqual({ port: 7, infoHashes: [A], cookie: undefined });
  });

  it.each([
    "",
    "\r\n\r\n",
    `M-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ${A}\r\n\r\n`,
    `BT-SEARCH * HTTP/1.1\r\nInfohash: ${A}\r\n\r\n`,
    "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n\r\n",
    ...["0", "65536", "-1", "1e3", "0x10", "", "123456"].map(
      (port) => `BT-SEARCH * HTTP/1.1\r\nPort: ${port}\r\nInfohash: ${A}\r\n\r\n`,
    ),
    `BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ${A}\r\nx: ${"y".repeat(4096)}\r\n\r\n`,
  ])("takes nothing else", (text) => {
    expect(parseLsd(bytes(text))).toBeUndefined();
  });

  it("never throws, and gives nothing that is out of range", () => {
    const line = fc.constantFrom(
      "BT-SEARCH * HTTP/1.1",
      `Infohash: ${A}`,
      "Port: 6881",
      "Port: 99999",
      "cookie:",
      ":",
      "",
      "\0",
    );
    const nonsense = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }),
      fc.array(line, { maxLength: 200 }).map((lines) => bytes(lines.join("\r\n"))),
      fc.string({ unit: "binary" }).map((text) => bytes(`BT-SEARCH * HTTP/1.1\r\n${text}`)),
    );
    fc.assert(
      fc.property(nonsense, (datagram) => {
        const announce = parseLsd(datagram);
        if (announce === undefined) return;
        expect(announce.port).toBeGreaterThan(0);
        expect(announce.port).toBeLessThanOrEqual(65_535);
        expect(announce.infoHashes.length).toBeGreaterThan(0);
        expect(announce.infoHashes.length).toBeLessThan(128);
        for (const hash of announce.infoHashes) expect(hash).toMatch(/^[0-9a-f]{40}$/);
      }),
    );
  });
});
