import { writeFileSync } from "node:fs";
import { buildTorrent } from "@shoal/metainfo";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Shop } from "../../testing/shop.ts";

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.close());

function album(): string {
  const file = shop.path("album.torrent");
  const bytes = buildTorrent({
    name: "album",
    files: [
      { path: ["album", "one.flac"], length: 20_000, executable: true },
      { path: ["album", "pad"], length: 12_768, pad: true },
      { path: ["album", "link"], length: 0, symlink: ["album", "one.flac"] },
      { path: ["album", "cover\u001b[31m.jpg"], length: 5000, hidden: true },
    ],
    pieceLength: 32_768,
    pieceHashes: new Uint8Array(40),
    trackers: [["http://a.example/announce", "udp://b.example:80"], ["https://c.example/x"]],
    webSeeds: ["https://w.example/"],
    nodes: [{ host: "router.example", port: 6881 }],
    isPrivate: true,
    source: "SITE",
    comment: "two\nlines",
    createdBy: "me",
    creationDate: 1_700_000_000,
  });
  writeFileSync(file, bytes);
  return file;
}

it("shows every field of a torrent", async () => {
  const { code, out, err } = await shop.shoal("info", album());
  expect(code).toBe(0);
  expect(err).toBe("");
  expect(out.replace(/[0-9a-f]{40}/g, "HASH").replace(/magnet:\S+/, "MAGNET")).toBe(
    `\
Name         album
Info-hash    HASH
Size         36.9 KiB (37,768 bytes) in 4 files
Pieces       2 of 32.0 KiB
Private      yes: peers come from its trackers only
Source       SITE
Comment      two�lines
Created by   me
Created at   2023-11-14T22:13:20.000Z
Trackers     1. http://a.example/announce
                udp://b.example:80
             2. https://c.example/x
Web seeds    https://w.example/
DHT nodes    router.example:6881
Magnet       MAGNET

#      size  path
0  19.5 KiB  album/one.flac (executable)
1  12.5 KiB  album/pad (padding)
2       0 B  album/link → album/one.flac
3  4.88 KiB  album/cover_[31m.jpg (hidden)
`,
  );
});

it("gives the same to programs", async () => {
  const { code, lines } = await shop.shoal("info", album(), "--json");
  expect(code).toBe(0);
  expect(lines).toMatchObject([
    {
      event: "info",
      kind: "torrent",
      name: "album",
      infoHash: expect.stringMatching(/^[0-9a-f]{40}$/),
      total: 37_768,
      pieceLength: 32_768,
      pieceCount: 2,
      private: true,
      source: "SITE",
      comment: "two\nlines",
      createdBy: "me",
      creationDate: 1_700_000_000,
      trackers: [["http://a.example/announce", "udp://b.example:80"], ["https://c.example/x"]],
      webSeeds: ["https://w.example/"],
      httpSeeds: [],
      nodes: ["router.example:6881"],
      files: [
        { index: 0, path: "album/one.flac", length: 20_000, executable: true, pad: false },
        { index: 1, pad: true },
        { index: 2, symlink: "album/one.flac" },
        { index: 3, hidden: true },
      ],
      faults: [],
      magnet: expect.stringMatching(/^magnet:\?xt=urn:btih:/),
    },
  ]);
});

const V1 = "0123456789abcdef0123456789abcdef01234567";
const V2 = "ab".repeat(32);

it("shows what a magnet link says", async () => {
  const magnet = `magnet:?xt=urn:btih:${V1}&xt=urn:btmh:1220${V2}&dn=some+name&tr=http%3A%2F%2Ft%2Fa&x.pe=192.0.2.1:5&so=0,2-4&ws=http%3A%2F%2Fw%2F&xs=http%3A%2F%2Fx%2Fa.torrent`;
  const { code, out } = await shop.shoal("info", magnet);
  expect(code).toBe(0);
  expect(out).toBe(`\
Name         some name
Info-hash    ${V1}
             ${V2} (v2)
Trackers     1. http://t/a
Web seeds    http://w/
Torrent at   http://x/a.torrent
Peers        192.0.2.1:5
Files        0, 2–4
`);
  const { lines } = await shop.shoal("info", magnet, "--json");
  expect(lines).toMatchObject([
    { event: "info", kind: "magnet", infoHash: V1, infoHashV2: V2, peers: ["192.0.2.1:5"] },
  ]);
});

it("a date that no calendar has does no harm", async () => {
  const file = shop.write(
    "far.torrent",
    `d13:creation datei9007199254740000e4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:${"x".repeat(20)}ee`,
  );
  const { code, out } = await shop.shoal("info", file);
  expect(code).toBe(0);
  expect(out).toMatch(/Created at +second 9007199254740000 since 1970/);
});
