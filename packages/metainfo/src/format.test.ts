import fc from "fast-check";
import { expect, it } from "vitest";
import { buildTorrent } from "./build.ts";
import { formatTorrent } from "./format.ts";
import { parseInfo, parseTorrent } from "./parse.ts";

const url = fc.webUrl({ validSchemes: ["http", "https"] });

it("writes what parses to the same again", () => {
  fc.assert(
    fc.property(
      fc.record({
        trackers: fc.uniqueArray(url, { maxLength: 4 }).map((urls) => urls.map((one) => [one])),
        webSeeds: fc.uniqueArray(url, { maxLength: 3 }),
        nodes: fc.array(
          fc.record({ host: fc.domain(), port: fc.integer({ min: 1, max: 65_535 }) }),
          {
            maxLength: 3,
          },
        ),
        comment: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        creationDate: fc.option(fc.nat(), { nil: undefined }),
        isPrivate: fc.boolean(),
      }),
      (rest) => {
        const options = {
          name: "a",
          pieceLength: 16_384,
          pieceHashes: new Uint8Array(20),
          ...rest,
        };
        const metainfo = parseTorrent(
          buildTorrent({ ...options, files: [{ path: ["a"], length: 5 }] }),
        );
        expect(parseTorrent(formatTorrent(metainfo))).toEqual(metainfo);
      },
    ),
  );
});

it("keeps the bytes of an info dictionary that no encoder of ours would write", () => {
  const info = new TextEncoder().encode(
    `d6:lengthi1e6:pieces20:${"x".repeat(20)}4:name1:a12:piece lengthi16384ee`,
  );
  const metainfo = parseInfo(info);
  expect(parseTorrent(formatTorrent(metainfo)).infoHashes).toEqual(metainfo.infoHashes);
});
