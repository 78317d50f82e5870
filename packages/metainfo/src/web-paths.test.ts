import { encode } from "@shoal/bencode";
import { describe, expect, it } from "vitest";
import { file, multiInfo, singleInfo } from "../testing/torrents.ts";
import { parseInfo } from "./parse.ts";
import { webPaths } from "./web-paths.ts";

const texts = (infoBytes: Uint8Array): string[] =>
  webPaths(infoBytes).map((path) =>
    path.map((element) => Buffer.from(element).toString("latin1")).join("|"),
  );

describe("webPaths", () => {
  it("are the name of a single file", () => {
    expect(texts(encode(singleInfo({ name: "../a\u0000b" })))).toEqual(["../a\0b"]);
  });

  it("are what stands in the torrent, not what is safe to create", () => {
    const files = [
      file(1, ["..", "", "a/b"]),
      file(0, ["empty"]),
      file(2, [Uint8Array.of(0xff, 0x41)]),
      file(3, [], { attr: "p" }),
      file(4, ["a/b"], { "path.utf-8": ["ü"] }),
    ];
    const info = encode(multiInfo(files, { name: "n.", "name.utf-8": "m:" }));
    const paths = texts(info);
    expect(paths).toEqual(["m:|..||a/b", "m:|empty", "m:|\xffA", "m:", "m:|\xc3\xbc"]);
    expect(paths.length).toBe(parseInfo(info).files.length);
  });

  it.each(["", "i1e", "le", "d4:name"])("refuses '%s'", (text) => {
    expect(() => webPaths(Buffer.from(text))).toThrow(
      expect.objectContaining({ name: "MetainfoError" }),
    );
  });

  it("has no path for what is no file", () => {
    expect(texts(encode({ files: [1, { path: [2, "x"] }] }))).toEqual(["", "|x"]);
  });
});
