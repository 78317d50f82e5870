import { decodeDict } from "@shoal/bencode";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invariantFailures, verdict } from "../testing/torrents.ts";
import { type BuildFile, type BuildOptions, buildTorrent } from "./build.ts";
import { parseTorrent } from "./parse.ts";

const single: BuildOptions = {
  name: "a.txt",
  files: [{ path: ["a.txt"], length: 20_000 }],
  pieceLength: 16_384,
  pieceHashes: new Uint8Array(40).fill(3),
};

describe("buildTorrent", () => {
  it("leaves out what is not given", () => {
    const root = decodeDict(buildTorrent(single), { mode: "strict" });
    expect([...root.entries()].map(([key]) => key)).toEqual(["info"]);
    expect([...(root.dict("info")?.entries() ?? [])].map(([key]) => key)).toEqual([
      "length",
      "name",
      "piece length",
      "pieces",
    ]);
  });

  it("writes everything else", () => {
    const bytes = buildTorrent({
      ...single,
      trackers: [["http://a.example/"], [], ["udp://b.example:1", "udp://c.example:1"]],
      webSeeds: ["http://w.example/"],
      nodes: [{ host: "h.example", port: 7 }],
      isPrivate: true,
      source: "S",
      comment: "C",
      createdBy: "B",
      creationDate: 1_700_000_000,
    });
    expect(decodeDict(bytes).text("announce")).toBe("http://a.example/");
    expect(parseTorrent(bytes)).toMatchObject({
      trackers: [["http://a.example/"], ["udp://b.example:1", "udp://c.example:1"]],
      webSeeds: ["http://w.example/"],
      nodes: [{ host: "h.example", port: 7 }],
      isPrivate: true,
      source: "S",
      comment: "C",
      createdBy: "B",
      creationDate: 1_700_000_000,
      faults: [],
    });
    const one = decodeDict(buildTorrent({ ...single, trackers: [["http://a.example/"]] }));
    expect([one.text("announce"), one.has("announce-list")]).toEqual(["http://a.example/", false]);
  });

  it("makes a folder of one file if its path says so", () => {
    const files = [{ path: ["a.txt", "b"], length: 20_000, executable: true }];
    const metainfo = parseTorrent(buildTorrent({ ...single, files }));
    expect(metainfo.isSingleFile).toBe(false);
    expect(metainfo.files[0]).toMatchObject({ path: ["a.txt", "b"], executable: true });
  });

  it.each<[string, Partial<BuildOptions>, string]>([
    ["no files", { files: [] }, "NO_FILES"],
    ["another first element", { files: [{ path: ["b"], length: 1 }] }, "BUILD_PATH"],
    ["an empty path", { files: [{ path: [], length: 1 }] }, "BUILD_PATH"],
    ["..", { files: [{ path: ["a.txt", ".."], length: 1 }] }, "BUILD_PATH"],
    ["a slash", { files: [{ path: ["a.txt", "b/c"], length: 1 }] }, "BUILD_PATH"],
    ["an empty element", { files: [{ path: ["a.txt", ""], length: 1 }] }, "BUILD_PATH"],
    [
      "a link outside",
      { files: [{ path: ["a.txt", "l"], length: 0, symlink: ["etc"] }] },
      "BUILD_PATH",
    ],
    ["a hash too few", { pieceHashes: new Uint8Array(20) }, "PIECE_COUNT"],
    ["piece length 0", { pieceLength: 0 }, "PIECE_LENGTH"],
    ["nothing but empty files", { files: [{ path: ["a.txt"], length: 0 }] }, "EMPTY"],
    ["a negative length", { files: [{ path: ["a.txt"], length: -1 }] }, "FILE_LENGTH"],
  ])("refuses %s: %s", (_what, changes, code) => {
    expect(verdict(() => buildTorrent({ ...single, ...changes }))).toBe(code);
  });

  it("builds what parseTorrent reads back", () => {
    const element = fc
      .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 8 })
      .filter((text) => !/[/\\]/.test(text) && text !== "." && text !== "..");
    const file = fc.record({
      path: fc.array(element, { minLength: 1, maxLength: 3 }),
      length: fc.nat(100_000),
      executable: fc.boolean(),
      hidden: fc.boolean(),
    });
    const folder = fc.record({
      name: element,
      files: fc.array(file, { minLength: 1, maxLength: 6 }),
    });
    fc.assert(
      fc.property(folder, fc.boolean(), ({ name, files }, isPrivate) => {
        // Numbered folders keep the paths distinct.
        const below: BuildFile[] = files.map((each, i) => ({
          ...each,
          path: [name, String(i), ...each.path],
        }));
        const total = files.reduce((sum, { length }) => sum + length, 0);
        fc.pre(total > 0);
        const pieceHashes = new Uint8Array(20 * Math.ceil(total / 32_768)).fill(1);
        const metainfo = parseTorrent(
          buildTorrent({ name, files: below, pieceLength: 32_768, pieceHashes, isPrivate }),
        );
        expect(invariantFailures(metainfo)).toEqual([]);
        expect(metainfo).toMatchObject({ name, isPrivate, pieceHashes, faults: [] });
        expect(metainfo.files).toMatchObject(below);
      }),
    );
  });

  it("keeps links and pad files", () => {
    const files: BuildFile[] = [
      { path: ["d", "a"], length: 10 },
      { path: ["d", ".pad", "16374"], length: 16_374, pad: true },
      { path: ["d", "b"], length: 1 },
      { path: ["d", "l"], length: 0, symlink: ["d", "a"] },
    ];
    const bytes = buildTorrent({ ...single, name: "d", files });
    expect(parseTorrent(bytes).files).toMatchObject(files);
  });
});
