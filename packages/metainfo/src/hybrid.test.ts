import { createHash } from "node:crypto";
import { type BencodeInput, encode } from "@shoal/bencode";
import { describe, expect, it } from "vitest";
import { file, multiInfo, singleInfo, torrent, verdict } from "../testing/torrents.ts";
import { parseTorrent } from "./parse.ts";

const root = new Uint8Array(32).fill(9);

function leaf(length: number, more: Record<string, BencodeInput> = {}): BencodeInput {
  return { "": length > 0 ? { length, "pieces root": root, ...more } : { length, ...more } };
}

function hybrid(tree: BencodeInput, changes: Record<string, BencodeInput> = {}): Uint8Array {
  const files = [
    file(20_000, ["a"]),
    file(12_768, [".pad", "12768"], { attr: "p" }),
    file(0, ["b", "c"]),
    file(5, ["b", "d"]),
  ];
  return torrent(multiInfo(files, { "file tree": tree, "meta version": 2, ...changes }));
}

const tree = { a: leaf(20_000), b: { c: leaf(0), d: leaf(5) } };

describe("hybrid torrents", () => {
  it("are read through their v1 part, with the v2 info-hash and roots", () => {
    const metainfo = parseTorrent(hybrid(tree));
    const digest = createHash("sha256").update(metainfo.infoBytes).digest();
    expect(metainfo.infoHashes.v1).toHaveLength(20);
    expect(metainfo.infoHashes.v2).toEqual(Uint8Array.from(digest));
    expect(metainfo.files.map(({ piecesRoot }) => piecesRoot)).toEqual([
      root,
      undefined,
      undefined,
      root,
    ]);
    expect(metainfo.files[3]).toMatchObject({ path: ["temp", "b", "d"], offset: 32_768 });
  });

  it("may have a single file, and links", () => {
    const single = singleInfo({ "meta version": 2, "file tree": { "file.bin": leaf(30_000) } });
    expect(parseTorrent(torrent(single)).files[0]?.piecesRoot).toEqual(root);
    const linked = multiInfo(
      [file(1, ["a"]), file(0, ["l"], { attr: "l", "symlink path": ["a"] })],
      {
        "meta version": 2,
        "file tree": { a: leaf(1), l: { "": { attr: "l", "symlink path": ["a"] } } },
      },
    );
    expect(parseTorrent(torrent(linked)).files[1]?.symlink).toEqual(["temp", "a"]);
  });

  it.each<[string, Uint8Array, string]>([
    ["a file too few in the tree", hybrid({ a: leaf(20_000) }), "HYBRID_MISMATCH"],
    ["a file too many in the tree", hybrid({ ...tree, e: leaf(1) }), "HYBRID_MISMATCH"],
    ["another length", hybrid({ ...tree, a: leaf(20_001) }), "HYBRID_MISMATCH"],
    ["another name", hybrid({ A: leaf(20_000), b: tree.b }), "HYBRID_MISMATCH"],
    [
      "a short root",
      hybrid({ ...tree, a: leaf(20_000, { "pieces root": "x" }) }),
      "HYBRID_MISMATCH",
    ],
    ["a file without length", hybrid({ ...tree, a: { "": {} } }), "HYBRID_MISMATCH"],
    ["a number in the tree", hybrid({ ...tree, a: 5 }), "HYBRID_MISMATCH"],
    ["a file at the root of the tree", hybrid(leaf(5)), "HYBRID_MISMATCH"],
    [
      "files that do not begin with a piece",
      torrent(
        multiInfo([file(20_000, ["a"]), file(5, ["b"])], {
          "file tree": { a: leaf(20_000), b: leaf(5) },
          "meta version": 2,
        }),
      ),
      "HYBRID_MISMATCH",
    ],
    ["a tree that is a list", hybrid([]), "VERSION"],
    ["a piece length of 8 KiB", hybrid(tree, { "piece length": 8192 }), "PIECE_LENGTH"],
    ["a piece length of 48 KiB", hybrid(tree, { "piece length": 49_152 }), "PIECE_LENGTH"],
  ])("with %s are refused", (_what, bytes, code) => {
    expect(verdict(() => parseTorrent(bytes))).toBe(code);
  });

  it("may differ in empty files", () => {
    const bytes = hybrid({ a: leaf(20_000), b: { d: leaf(5) } });
    expect(parseTorrent(bytes).files).toHaveLength(4);
  });

  it("are refused if not canonical", () => {
    const canonical = encode(
      singleInfo({ "meta version": 2, "file tree": { "file.bin": leaf(30_000) } }),
    );
    const text = new TextDecoder("latin1").decode(canonical);
    const sloppy = text.replace("12:meta versioni2e", "12:meta versioni02e");
    const bytes = Uint8Array.from(`d4:info${sloppy}e`, (character) => character.charCodeAt(0));
    expect(verdict(() => parseTorrent(bytes))).toBe("BENCODE");
  });
});

it("refuses torrents of version 2 alone with a code of their own", () => {
  const info = {
    "file tree": { a: leaf(5) },
    "meta version": 2,
    name: "a",
    "piece length": 16_384,
  };
  expect(verdict(() => parseTorrent(torrent(info)))).toBe("V2_ONLY");
});
