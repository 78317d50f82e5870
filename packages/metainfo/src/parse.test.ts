import { createHash } from "node:crypto";
import { encode } from "@shoal/bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  file,
  invariantFailures,
  multiInfo,
  singleInfo,
  torrent,
  verdict,
} from "../testing/torrents.ts";
import { parseInfo, parseTorrent } from "./parse.ts";

function digest(algorithm: string, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash(algorithm).update(bytes).digest());
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

describe("parseTorrent", () => {
  it("reads a single file", () => {
    const metainfo = parseTorrent(torrent(singleInfo()));
    expect(metainfo).toMatchObject({
      name: "file.bin",
      isSingleFile: true,
      isPrivate: false,
      source: undefined,
      trackers: [],
      webSeeds: [],
      httpSeeds: [],
      nodes: [],
      faults: [],
      files: [{ path: ["file.bin"], length: 30_000, offset: 0, pad: false, executable: false }],
      geometry: { totalLength: 30_000, pieceLength: 16_384, pieceCount: 2 },
    });
    expect(metainfo.pieceHashes).toEqual(new Uint8Array(40).fill(7));
    expect(metainfo.infoBytes).toEqual(encode(singleInfo()));
    expect(metainfo.infoHashes).toEqual({
      v1: digest("sha1", encode(singleInfo())),
      v2: undefined,
    });
  });

  it("reads many files in a folder", () => {
    const files = [file(5, ["a"]), file(0, ["b", "empty"]), file(20_000, ["b", "c.txt"])];
    const metainfo = parseTorrent(torrent(multiInfo(files)));
    expect(metainfo.isSingleFile).toBe(false);
    expect(metainfo.name).toBe("temp");
    expect(metainfo.files.map(({ path, offset }) => [path.join("/"), offset])).toEqual([
      ["temp/a", 0],
      ["temp/b/empty", 5],
      ["temp/b/c.txt", 5],
    ]);
    expect(metainfo.geometry.totalLength).toBe(20_005);
    expect(parseTorrent(torrent(multiInfo([file(1, ["a"])]))).isSingleFile).toBe(false);
  });

  it("reads everything around the info dictionary", () => {
    const metainfo = parseTorrent(
      torrent(singleInfo({ private: 1, source: "SITE" }), {
        announce: "http://unused.example/",
        "announce-list": [["http://a.example/announce", "udp://b.example:80"], ["wss://c.example"]],
        comment: "späm",
        "created by": "someone",
        "creation date": 1_234_567,
        encoding: "UTF-8",
        httpseeds: ["http://seed.example/"],
        nodes: [
          ["127.0.0.1", 6881],
          ["router.example", 6882],
        ],
        "url-list": "https://mirror.example/file.bin",
      }),
    );
    expect(metainfo).toMatchObject({
      isPrivate: true,
      source: "SITE",
      trackers: [["http://a.example/announce", "udp://b.example:80"], ["wss://c.example"]],
      comment: "späm",
      createdBy: "someone",
      creationDate: 1_234_567,
      encoding: "UTF-8",
      httpSeeds: ["http://seed.example/"],
      webSeeds: ["https://mirror.example/file.bin"],
      nodes: [
        { host: "127.0.0.1", port: 6881 },
        { host: "router.example", port: 6882 },
      ],
      faults: [],
    });
  });

  it("hashes the info dictionary as it stood, and keeps its own copy", () => {
    const odd = "d6:lengthi01e4:name1:x12:piece lengthi16384e6:pieces20:01234567890123456789e";
    const bytes = bytesOf(`d4:info${odd}e`);
    const metainfo = parseTorrent(bytes);
    bytes.fill(0);
    expect(metainfo.infoHashes.v1).toEqual(digest("sha1", bytesOf(odd)));
    expect(metainfo.infoBytes).toEqual(bytesOf(odd));
    expect(metainfo.faults).toEqual([
      "the torrent is not canonical bencode: ERR_BENCODE_LEADING_ZERO",
      "the info dictionary is not canonical bencode: ERR_BENCODE_LEADING_ZERO",
    ]);
  });

  it("uses the hash function that it is given", () => {
    const sha1 = (): Uint8Array => new Uint8Array(20).fill(3);
    expect(parseTorrent(torrent(singleInfo()), { sha1 }).infoHashes.v1).toEqual(sha1());
  });

  it("prefers the UTF-8 forms of names", () => {
    const metainfo = parseTorrent(
      torrent(
        multiInfo([file(1, [Uint8Array.of(0x80)], { "path.utf-8": ["d", "ü"] })], {
          name: Uint8Array.of(0x81),
          "name.utf-8": "ö",
        }),
        { comment: "no", "comment.utf-8": "yes", "created by": "no", "created by.utf-8": "me" },
      ),
    );
    expect(metainfo.files[0]?.path).toEqual(["ö", "d", "ü"]);
    expect(metainfo).toMatchObject({ comment: "yes", createdBy: "me" });
  });

  it("names a folder without a usable name after the info-hash", () => {
    for (const name of ["", ".", "..", "/", "\u200b"]) {
      const metainfo = parseTorrent(torrent(multiInfo([file(1, ["a"])], { name })));
      expect(metainfo.name).toMatch(/^[0-9a-f]{40}$/);
      expect(metainfo.files[0]?.path).toEqual([metainfo.name, "a"]);
      expect(metainfo.faults).toHaveLength(1);
    }
  });

  it("tolerates bytes after the torrent and values of wrong types where nothing hangs on them", () => {
    const bytes = torrent(singleInfo({ private: "1", source: 5 }), {
      announce: 1,
      "announce-list": ["x", 5, [[]]],
      comment: [],
      "creation date": -5,
      httpseeds: {},
      nodes: [5, [], ["h"], ["h", 0], ["", 5], [5, 5], ["h/..", 80]],
      "url-list": 7,
    });
    const metainfo = parseTorrent(new Uint8Array([...bytes, 10]));
    expect(metainfo).toMatchObject({
      isPrivate: false,
      source: undefined,
      trackers: [],
      nodes: [],
    });
    expect(metainfo).toMatchObject({ comment: undefined, creationDate: undefined, webSeeds: [] });
    expect(metainfo.faults).toEqual([
      "1 bytes follow the torrent",
      "tracker 'x' is not http, https, udp, ws or wss",
    ]);
  });

  const three = multiInfo([file(1, ["a"]), file(1, ["b"]), file(1, ["c"])]);
  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "BENCODE"],
    ["text", bytesOf("<html>"), "BENCODE"],
    ["a cut torrent", torrent(singleInfo()).subarray(0, -1), "BENCODE"],
    ["a string", bytesOf("3:abc"), "NOT_A_DICTIONARY"],
    ["a list", bytesOf("le"), "NOT_A_DICTIONARY"],
    ["too many bytes", new Uint8Array(10_000_001), "TOO_LARGE"],
    ["no info", bytesOf("de"), "MISSING_INFO"],
    ["an info that is a list", torrent([]), "MISSING_INFO"],
    ["no piece length", torrent(singleInfo({ "piece length": undefined })), "PIECE_LENGTH"],
    ["a textual piece length", torrent(singleInfo({ "piece length": "1" })), "PIECE_LENGTH"],
    ["piece length 0", torrent(singleInfo({ "piece length": 0 })), "PIECE_LENGTH"],
    ["piece length -1", torrent(singleInfo({ "piece length": -1 })), "PIECE_LENGTH"],
    ["piece length 512 MiB", torrent(singleInfo({ "piece length": 2 ** 29 })), "PIECE_LENGTH"],
    ["piece length 2^60", torrent(singleInfo({ "piece length": 2n ** 60n })), "PIECE_LENGTH"],
    ["no name", torrent(singleInfo({ name: undefined })), "MISSING_NAME"],
    ["a number for a name", torrent(singleInfo({ name: 5 })), "MISSING_NAME"],
    ["an empty name", torrent(singleInfo({ name: "" })), "MISSING_NAME"],
    ["the name ..", torrent(singleInfo({ name: ".." })), "MISSING_NAME"],
    ["the name /", torrent(singleInfo({ name: "/" })), "MISSING_NAME"],
    ["no name of a folder", torrent({ ...three, name: undefined }), "MISSING_NAME"],
    ["no length", torrent(singleInfo({ length: undefined })), "FILE_LENGTH"],
    ["length -1", torrent(singleInfo({ length: -1 })), "FILE_LENGTH"],
    ["length 2^48", torrent(singleInfo({ length: 2 ** 48 })), "FILE_LENGTH"],
    ["length 2^60", torrent(singleInfo({ length: 2n ** 60n })), "FILE_LENGTH"],
    ["length 0", torrent(singleInfo({ length: 0, pieces: "" })), "EMPTY"],
    ["empty files only", torrent(multiInfo([file(0, ["a"])])), "EMPTY"],
    ["no files", torrent(multiInfo([])), "NO_FILES"],
    ["a file that is no dictionary", torrent(multiInfo([5])), "INVALID_FILE"],
    ["a file of length -1", torrent(multiInfo([file(-1, ["a"])])), "FILE_LENGTH"],
    ["a file without length", torrent(multiInfo([{ path: ["a"] }])), "FILE_LENGTH"],
    [
      "2^48 bytes in all",
      torrent(multiInfo([file(2 ** 47, ["a"]), file(2 ** 47, ["b"])], { pieces: "" })),
      "TOTAL_LENGTH",
    ],
    ["a file without path", torrent(multiInfo([{ length: 1 }])), "MISSING_PATH"],
    ["an empty path", torrent(multiInfo([file(1, [])])), "MISSING_PATH"],
    ["a number in a path", torrent(multiInfo([file(1, ["a", 5])])), "INVALID_PATH"],
    ["a path of 101", torrent(multiInfo([file(1, Array(101).fill("a"))])), "PATH_TOO_DEEP"],
    [
      "a number in a link",
      torrent(multiInfo([file(1, ["a"]), file(0, ["b"], { attr: "l", "symlink path": [1] })])),
      "INVALID_PATH",
    ],
    ["no pieces", torrent(singleInfo({ pieces: undefined })), "MISSING_PIECES"],
    ["pieces that are a number", torrent(singleInfo({ pieces: 5 })), "MISSING_PIECES"],
    ["half a hash", torrent(singleInfo({ pieces: "x".repeat(39) })), "PIECES_TORN"],
    ["a hash too few", torrent(singleInfo({ pieces: "x".repeat(20) })), "PIECE_COUNT"],
    ["a hash too many", torrent(singleInfo({ pieces: "x".repeat(60) })), "PIECE_COUNT"],
    ["no hashes", torrent(singleInfo({ pieces: "" })), "PIECE_COUNT"],
    [
      "2,097,153 pieces",
      torrent(singleInfo({ length: 2_097_153, "piece length": 1 })),
      "TOO_MANY_PIECES",
    ],
    [
      "34 equal names",
      torrent(multiInfo(Array.from({ length: 34 }, () => file(1, ["a"])))),
      "DUPLICATE_NAMES",
    ],
    ["meta version 3", torrent(singleInfo({ "meta version": 3 })), "VERSION"],
    ["a file tree without version", torrent(singleInfo({ "file tree": {} })), "VERSION"],
  ])("refuses %s: %s", (_what, bytes, code) => {
    expect(verdict(() => parseTorrent(bytes))).toBe(code);
  });

  it.each<[string, Uint8Array]>([
    [
      "the largest piece length",
      torrent(singleInfo({ "piece length": 536_854_528, pieces: "x".repeat(20) })),
    ],
    ["a piece length that is no power of two", torrent(singleInfo({ "piece length": 15_000 }))],
    ["meta version 1", torrent(singleInfo({ "meta version": 1 }))],
    ["32 equal names", torrent(multiInfo(Array.from({ length: 32 }, () => file(1, ["a"]))))],
    ["files that are no list beside a length", torrent(singleInfo({ files: 5 }))],
    ["a path of 100", torrent(multiInfo([file(1, Array(100).fill("a"))]))],
  ])("accepts %s", (_what, bytes) => {
    expect(invariantFailures(parseTorrent(bytes))).toEqual([]);
  });

  it("says what was expected, keeps the cause", () => {
    expect(() => parseTorrent(bytesOf("d4:infod"))).toThrow(
      expect.objectContaining({
        name: "MetainfoError",
        message: expect.stringMatching(/^not a torrent: .* \(at byte 8\)$/),
        cause: expect.objectContaining({ code: "ERR_BENCODE_UNEXPECTED_END", offset: 8 }),
      }),
    );
    expect(() => parseTorrent(torrent(singleInfo({ length: -5 })))).toThrow(
      "expected a file length of 0 to 2^48 - 1, got -5",
    );
  });
});

describe("parseInfo", () => {
  it("reads what parseTorrent reads of the info dictionary", () => {
    const whole = parseTorrent(torrent(singleInfo()));
    expect(parseInfo(encode(singleInfo()))).toEqual({
      ...parseTorrent(torrent(singleInfo())),
      comment: undefined,
    });
    expect(parseInfo(whole.infoBytes).infoHashes).toEqual(whole.infoHashes);
  });

  it("refuses what is no info dictionary", () => {
    expect(verdict(() => parseInfo(bytesOf("3:abc")))).toBe("NOT_A_DICTIONARY");
    expect(verdict(() => parseInfo(bytesOf("dex")))).toBe("BENCODE");
    expect(verdict(() => parseInfo(torrent(singleInfo())))).toBe("PIECE_LENGTH");
  });
});

describe("hostile input", () => {
  const sample = torrent(
    multiInfo([
      file(9000, ["a", "b.txt"]),
      file(9000, ["a", "B.TXT"], { attr: "x" }),
      file(100, [".pad", "100"], { attr: "p" }),
      file(0, ["link"], { attr: "l", "symlink path": ["a"] }),
    ]),
    {
      "announce-list": [["http://t.example/a"]],
      nodes: [["h", 5]],
      "url-list": ["http://w.example"],
    },
  );

  it("is answered with a MetainfoError or a sound torrent, byte by byte", () => {
    expect(invariantFailures(parseTorrent(sample))).toEqual([]);
    for (let at = 0; at < sample.length; at++) {
      for (const byte of [0, 0x2e, 0x2f, 0x30, 0x39, 0x64, 0x65, 0x69, 0x6c, 0xff]) {
        const bytes = sample.slice();
        bytes[at] = byte;
        verdict(() => expect(invariantFailures(parseTorrent(bytes))).toEqual([]));
      }
      expect(verdict(() => parseTorrent(sample.subarray(0, at)))).not.toBe("accepted");
    }
  });

  it("keeps nothing of the bytes that it was given, also if they are a Node buffer", () => {
    const bytes = Buffer.from(sample);
    const { infoBytes } = parseTorrent(bytes);
    const before = infoBytes.slice();
    bytes.fill(0);
    expect(infoBytes).toEqual(before);
  });

  it("is so for many changes at once, and for noise", () => {
    const edit = fc.record({
      at: fc.nat(sample.length - 1),
      remove: fc.nat(4),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes = [...sample];
        for (const { at, remove, insert } of edits) bytes = bytes.toSpliced(at, remove, ...insert);
        verdict(() => expect(invariantFailures(parseTorrent(Uint8Array.from(bytes)))).toEqual([]));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        verdict(() => parseTorrent(bytes));
      }),
    );
  });

  it("takes bounded time: deep paths, many links, many faults", () => {
    const deep = Array.from({ length: 1500 }, (_, i) =>
      file(1, [...Array<string>(90).fill("d"), String(i)]),
    );
    const links = Array.from({ length: 1500 }, (_, i) =>
      file(0, [`l${i}`], {
        attr: "l",
        "symlink path": [`l${i + 1}`, ...Array<string>(90).fill("x")],
      }),
    );
    const metainfo = parseTorrent(torrent(multiInfo([...deep, ...links])));
    expect(metainfo.files.every(({ symlink }) => symlink === undefined)).toBe(true);
    expect(metainfo.faults).toHaveLength(100);
  }, 10_000);
});
