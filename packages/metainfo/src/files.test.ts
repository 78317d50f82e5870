import { describe, expect, it } from "vitest";
import { file, multiInfo, pathsOf, torrent } from "../testing/torrents.ts";
import { parseTorrent } from "./parse.ts";

function linksOf(files: readonly ReturnType<typeof file>[]): (string | undefined)[] {
  const metainfo = parseTorrent(torrent(multiInfo(files)));
  return metainfo.files.map(({ symlink }) => symlink?.join("/"));
}

function link(path: readonly string[], target: readonly string[]): ReturnType<typeof file> {
  return file(0, path, { attr: "l", "symlink path": target });
}

describe("paths of files", () => {
  it.each([
    [[file(1, ["/", "", "bar"])], ["temp/_/_/bar"]],
    [[file(1, ["abc/../.def", "bar"])], ["temp/abc...def/bar"]],
    [
      [file(1, ["abcde"]), file(1, ["/foobar"])],
      ["temp/abcde", "temp/foobar"],
    ],
    [[file(1, ["..", "..", "etc", "passwd"])], ["temp/etc/passwd"]],
    [[file(1, ["C:\\x"])], ["temp/C:x"]],
    [
      [file(1, ["a"]), file(1, [""]), file(1, [""])],
      ["temp/a", "temp/_", "temp/_.1"],
    ],
  ])("of %j are safe", (files, paths) => {
    expect(pathsOf(files)).toEqual(paths);
  });

  it("keeps the name as one element", () => {
    expect(pathsOf([file(1, ["a"])], { name: "../../x/y" })).toEqual(["....xy/a"]);
  });

  it("tells duplicates apart, whatever their case", () => {
    expect(pathsOf([file(1, ["foo", "bar.txt"]), file(1, ["foo", "bar.txt"])])).toEqual([
      "temp/foo/bar.txt",
      "temp/foo/bar.1.txt",
    ]);
    expect(pathsOf([file(1, ["A"]), file(1, ["a"]), file(1, ["a.1"]), file(1, ["a"])])).toEqual([
      "temp/A",
      "temp/a.2",
      "temp/a.1",
      "temp/a.3",
    ]);
    // é composed and decomposed.
    expect(pathsOf([file(1, ["\u00e9"]), file(1, ["e\u0301"])])).toEqual([
      "temp/\u00e9",
      "temp/e\u0301.1",
    ]);
  });

  it("renames a file that is another's folder, wherever it stands", () => {
    expect(pathsOf([file(1, ["a"]), file(1, ["a", "b"])])).toEqual(["temp/a.1", "temp/a/b"]);
    expect(pathsOf([file(1, ["A", "b", "c"]), file(1, ["a", "B"]), file(1, ["a"])])).toEqual([
      "temp/A/b/c",
      "temp/a/B.1",
      "temp/a.1",
    ]);
    expect(pathsOf([file(1, ["a"]), file(1, ["a", "b"]), file(1, ["a.1", "c"])])).toEqual([
      "temp/a.2",
      "temp/a/b",
      "temp/a.1/c",
    ]);
  });

  it("tells of each new name", () => {
    const bytes = torrent(multiInfo([file(1, ["a"]), file(1, ["a"])]));
    expect(parseTorrent(bytes).faults).toEqual([
      "file 'temp/a' is renamed to 'a.1': the name is taken",
    ]);
  });
});

describe("attributes (BEP 47)", () => {
  it("are read", () => {
    const { files } = parseTorrent(
      torrent(
        multiInfo([
          file(1, ["x"], { attr: "x" }),
          file(1, ["h"], { attr: "hx" }),
          file(5, [".pad", "5"], { attr: "p" }),
          file(1, ["_____padding_file_0_if you see this"]),
          { length: 9, attr: "p" },
        ]),
      ),
    );
    expect(files.map(({ executable, hidden, pad }) => [executable, hidden, pad])).toEqual([
      [true, false, false],
      [true, true, false],
      [false, false, true],
      [false, false, true],
      [false, false, true],
    ]);
    expect(files[4]?.path).toEqual(["temp", ".pad", "9"]);
    expect(files[4]?.offset).toBe(8);
  });

  it("lets pad files share a name, and take none from others", () => {
    const pad = file(5, ["pad"], { attr: "p" });
    expect(pathsOf([pad, pad, file(1, ["pad"])])).toEqual(["temp/pad", "temp/pad", "temp/pad"]);
  });
});

describe("symbolic links (BEP 47)", () => {
  it("point to files and folders of the torrent", () => {
    const bar = file(1, ["a", "b", "bar"]);
    expect(linksOf([bar, link(["l"], ["a", "b", "bar"])])).toEqual([undefined, "temp/a/b/bar"]);
    expect(linksOf([bar, link(["l"], ["a", "b"])])).toEqual([undefined, "temp/a/b"]);
    expect(linksOf([file(1, ["a", "/", "bar"]), link(["l"], ["a", "/", "bar"])])[1]).toBe(
      "temp/a/_/bar",
    );
  });

  it("have no length of their own", () => {
    const metainfo = parseTorrent(
      torrent(
        multiInfo([file(1, ["a"]), file(99, ["l"], { attr: "l", "symlink path": ["a"] })], {
          pieces: new Uint8Array(20),
        }),
      ),
    );
    expect(metainfo.files[1]).toMatchObject({ length: 0, symlink: ["temp", "a"] });
    expect(metainfo.geometry.totalLength).toBe(1);
  });

  it("may lead over other links", () => {
    expect(
      linksOf([
        file(1, ["Versions", "A", "Headers", "h"]),
        link(["Headers"], ["Versions", "Current", "Headers"]),
        link(["Versions", "Current"], ["Versions", "A"]),
        link(["Again"], ["Headers"]),
      ]),
    ).toEqual([undefined, "temp/Versions/Current/Headers", "temp/Versions/A", "temp/Headers"]);
  });

  it("may be relative to their own folder, as older makers write them", () => {
    expect(
      linksOf([
        link(["fw", "SDL"], ["fw", "Versions", "Current", "SDL"]),
        file(1, ["fw", "Versions", "A", "SDL"]),
        link(["fw", "Versions", "Current"], ["A"]),
        link(["fw", "Versions", "Newest"], ["Current", "SDL"]),
      ]),
    ).toEqual([
      "temp/fw/Versions/Current/SDL",
      undefined,
      "temp/fw/Versions/A",
      "temp/fw/Versions/Current/SDL",
    ]);
  });

  it.each<[string, ReturnType<typeof file>[]]>([
    ["nowhere", [link(["l"], ["missing"])]],
    ["to themselves", [link(["l"], ["l"])]],
    ["in a circle", [link(["l"], ["m"]), link(["m"], ["l"])]],
    ["into themselves", [link(["l"], ["l", "x"])]],
    ["outside", [link(["l"], ["..", "..", "etc", "passwd"]), link(["m"], ["/etc/passwd"])]],
    ["to a pad file", [file(1, ["p"], { attr: "p" }), link(["l"], ["p"])]],
    ["without a target", [file(0, ["l"], { attr: "l" })]],
  ])("that lead %s become files", (_where, files) => {
    const metainfo = parseTorrent(torrent(multiInfo([file(1, ["a"]), ...files])));
    expect(metainfo.files.every(({ symlink }) => symlink === undefined)).toBe(true);
  });

  it("never are the folder of a file", () => {
    const metainfo = parseTorrent(
      torrent(multiInfo([file(1, ["a", "x"]), link(["l"], ["a"]), file(1, ["l", "y"])])),
    );
    expect(metainfo.files.map(({ path }) => path.join("/"))).toEqual([
      "temp/a/x",
      "temp/l.1",
      "temp/l/y",
    ]);
  });
});
