import { describe, expect, it } from "vitest";
import { fixture } from "../testing/torrent.ts";
import { fsStore } from "./fs-store.ts";
import { checkPath } from "./paths.ts";

const refusal: unknown = expect.objectContaining({ code: "ERR_DISK_PATH" });

describe("checkPath", () => {
  it.each([
    [["a"]],
    [["a", "b.c", "..."]],
    [["späm", "文件"]],
    [["a:b", "con", "x. "]],
    [["a\\b"]],
    [["ä".repeat(127)]],
  ])("takes %j", (path) => {
    expect(() => checkPath(path, "linux")).not.toThrow();
  });

  it.each([
    [[]],
    [[""]],
    [["."]],
    [["a", "..", "b"]],
    [["/etc/passwd"]],
    [["a/b"]],
    [["a\0b"]],
    [["ä".repeat(128)]],
  ])("refuses %j", (path) => {
    expect(() => checkPath(path, "linux")).toThrow(refusal);
    expect(() =>
      checkPath(
        path.map((e) => e.repeat(2)),
        "win32",
      ),
    ).toThrow(refusal);
  });

  it.each(["a", "com", "com10", "console.txt", "nul-", "ä".repeat(255), ".a"])(
    "takes %j on Windows",
    (name) => expect(() => checkPath([name], "win32")).not.toThrow(),
  );

  it.each([
    "..",
    "c:",
    "C:\\a",
    "a\\b",
    "a/b",
    "a.",
    "a ",
    "con",
    "NUL.txt",
    "com1",
    "Lpt³.tar.gz",
    "aux .x",
    "CONIN$",
    "a\nb",
    "a?",
    "x".repeat(256),
  ])("refuses %j on Windows", (name) => {
    expect(() => checkPath([name], "win32")).toThrow(refusal);
  });
});

describe("a layout with such paths", () => {
  it.each([[["..", "evil"]], [["", "etc", "passwd"]], [[]]])("is refused: %j", async (path) => {
    const { layout } = fixture(4096, [{ path, length: 1 }]);
    await expect(fsStore({ path: "/nowhere" }).open(layout)).rejects.toEqual(refusal);
  });

  it("is refused when a link leads outside, two files have one name, or the id is no name", async () => {
    const link = fixture(4096, [1, { path: ["link"], symlink: ["..", "secret"] }]);
    const twice = fixture(4096, [1, { path: ["file0"], length: 1 }]);
    const { layout } = fixture(4096, [1]);
    for (const bad of [link.layout, twice.layout, { ...layout, id: "../x" }]) {
      await expect(fsStore({ path: "/nowhere" }).open(bad)).rejects.toEqual(refusal);
    }
  });
});
