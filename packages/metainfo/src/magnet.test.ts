import { toHex } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { singleInfo, torrent, verdict } from "../testing/torrents.ts";
import { formatMagnet, type Magnet, parseMagnet } from "./magnet.ts";
import { parseTorrent } from "./parse.ts";

const HEX = "cdb7a3c2e9d05e5d6b7c8f1a2b3c4d5e6f708192";
const BTIH = `xt=urn:btih:${HEX}`;

describe("parseMagnet", () => {
  it("reads a link with everything", () => {
    const magnet = parseMagnet(
      `magnet:?${BTIH}&dn=My+n%C3%A4me%26%2B&tr=http%3A%2F%2Fa.example%2Fx%3Fy%3D1&tr.2=udp://b.example:80` +
        "&ws=https://w.example/f+g&xs=http://t.example/x.torrent&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:5" +
        "&so=0,2,4-6&dht=router.example:6881&kt=words",
    );
    expect(toHex(magnet.infoHashes.v1 ?? new Uint8Array())).toBe(HEX);
    expect(magnet).toEqual({
      infoHashes: { v1: magnet.infoHashes.v1, v2: undefined },
      name: "My näme&+",
      trackers: [["http://a.example/x?y=1"], ["udp://b.example:80"]],
      webSeeds: ["https://w.example/f+g"],
      peers: [
        { address: "192.0.2.1", port: 6881 },
        { address: "2001:db8::1", port: 5 },
      ],
      nodes: [{ host: "router.example", port: 6881 }],
      exactSources: ["http://t.example/x.torrent"],
      selectOnly: [
        { first: 0, last: 0 },
        { first: 2, last: 2 },
        { first: 4, last: 6 },
      ],
    });
  });

  it("reads each form of an info-hash", () => {
    const v1 = parseMagnet(`magnet:?${BTIH}`).infoHashes.v1;
    expect(parseMagnet(`MAGNET:?XT.1=URN:BTIH:${HEX.toUpperCase()}`).infoHashes.v1).toEqual(v1);
    expect(parseMagnet(` magnet:?dn=x&xt=urn%3Abtih%3A${HEX}\n`).infoHashes.v1).toEqual(v1);
    // RFC 4648's alphabet in order: 0, 1, 2 … 31.
    const base32 = "xt=urn:btih:abcdefghijklmnopqrstuvwxyz234567";
    expect(toHex(parseMagnet(`magnet:?${base32}`).infoHashes.v1 ?? new Uint8Array())).toBe(
      "00443214c74254b635cf84653a56d7c675be77df",
    );
    const both = parseMagnet(`magnet:?${BTIH}&xt=urn:btmh:1220${"ab".repeat(32)}`).infoHashes;
    expect(both).toEqual({ v1, v2: new Uint8Array(32).fill(0xab) });
    expect(parseMagnet(`magnet:?xt=urn:btmh:1220${"ab".repeat(32)}`).infoHashes.v1).toBeUndefined();
    expect(parseMagnet(`magnet:?xt=urn:sha1:ABC&${BTIH}`).infoHashes.v1).toEqual(v1);
  });

  it("leaves out what is malformed", () => {
    const magnet = parseMagnet(
      `magnet:?${BTIH}&dn=%zz%C3&tr=ftp://x&tr=&ws=udp://x.example&xs=urn:btih:x&x.pe=host:1&x.pe=1.2.3.4:0` +
        "&so=a,-1,5-,3-1,&dht=x&dht=x:0&dht=x:70000&&=&novalue",
    );
    expect(magnet).toEqual({
      infoHashes: magnet.infoHashes,
      name: "%zz\ufffd",
      trackers: [],
      webSeeds: [],
      peers: [],
      nodes: [],
      exactSources: [],
      selectOnly: undefined,
    });
  });

  it.each([
    ["", "NOT_A_MAGNET"],
    ["http://example.com/", "NOT_A_MAGNET"],
    ["magnet:xt", "NOT_A_MAGNET"],
    ["magnet:?", "MAGNET_NO_HASH"],
    ["magnet:?dn=name", "MAGNET_NO_HASH"],
    ["magnet:?xt=urn:sha1:abc", "MAGNET_NO_HASH"],
    ["magnet:?xt=urn:btih:", "MAGNET_HASH"],
    [`magnet:?xt=urn:btih:${HEX}0`, "MAGNET_HASH"],
    [`magnet:?xt=urn:btih:${"g".repeat(40)}`, "MAGNET_HASH"],
    [`magnet:?xt=urn:btih:${"1".repeat(32)}`, "MAGNET_HASH"],
    [`magnet:?xt=urn:btmh:1220${"ab".repeat(31)}`, "MAGNET_HASH"],
    [`magnet:?xt=urn:btmh:1120${"ab".repeat(32)}`, "MAGNET_HASH"],
    [`magnet:?${BTIH}&xt=urn:btih:x`, "MAGNET_HASH"],
  ])("refuses %s: %s", (uri, code) => {
    expect(verdict(() => parseMagnet(uri))).toBe(code);
  });

  it("throws nothing but MetainfoError", () => {
    const word = fc.constantFrom("magnet:?", "&", "=", "xt", BTIH, "%", "%ff", "so=1-", "tr=", "é");
    fc.assert(
      fc.property(
        fc.array(fc.oneof(word, fc.string({ unit: "binary", maxLength: 9 })), { maxLength: 9 }),
        (words) => {
          verdict(() => parseMagnet(words.join("")));
        },
      ),
    );
  });
});

describe("formatMagnet", () => {
  it("writes a torrent's link", () => {
    const metainfo = parseTorrent(
      torrent(singleInfo({ name: "a & b+ü" }), {
        "announce-list": [["http://a.example/x?y=1&z"], ["udp://b.example:1"]],
        nodes: [["h.example", 5]],
        "url-list": ["http://w.example/a%20b"],
      }),
    );
    const hex = toHex(metainfo.infoHashes.v1 ?? new Uint8Array());
    expect(formatMagnet(metainfo)).toBe(
      `magnet:?xt=urn:btih:${hex}&dn=a%20%26%20b%2B%C3%BC&tr=http%3A%2F%2Fa.example%2Fx%3Fy%3D1%26z` +
        "&tr=udp%3A%2F%2Fb.example%3A1&ws=http%3A%2F%2Fw.example%2Fa%2520b&dht=h.example:5",
    );
  });

  it("writes what parseMagnet reads back", () => {
    const hash = (length: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: length, maxLength: length });
    const url = fc.webUrl({ withQueryParameters: true, validSchemes: ["http", "https"] });
    const port = fc.integer({ min: 1, max: 65_535 });
    const urls = fc.uniqueArray(url, { maxLength: 3 });
    const magnets: fc.Arbitrary<Magnet> = fc.record({
      infoHashes: fc.record({ v1: hash(20), v2: fc.option(hash(32), { nil: undefined }) }),
      name: fc.option(
        fc.string({ unit: "grapheme" }).filter((name) => name === name.toWellFormed()),
        { nil: undefined },
      ),
      trackers: urls.map((all) => all.map((one) => [one])),
      webSeeds: urls,
      peers: fc.array(fc.record({ address: fc.constantFrom("192.0.2.1", "2001:db8::1"), port })),
      nodes: fc.array(fc.record({ host: fc.constantFrom("a.example", "192.0.2.7"), port })),
      exactSources: urls,
      selectOnly: fc.option(
        fc.array(
          fc.record({ first: fc.nat(50), more: fc.nat(50) }).map(({ first, more }) => ({
            first,
            last: first + more,
          })),
          { minLength: 1 },
        ),
        { nil: undefined },
      ),
    });
    fc.assert(
      fc.property(magnets, (magnet) => {
        expect(parseMagnet(formatMagnet(magnet))).toEqual({
          ...magnet,
          webSeeds: magnet.webSeeds.map(encodedUrl),
          exactSources: magnet.exactSources.map(encodedUrl),
        });
      }),
    );
  });
});

function encodedUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
}
