import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSafe } from "../testing/torrents.ts";
import { sanitizePath } from "./path.ts";

describe("sanitizePath", () => {
  const long = "abcdefghi_".repeat(30);
  it.each<[(string | Uint8Array)[], string[]]>([
    [
      ["a", "b.txt"],
      ["a", "b.txt"],
    ],
    [
      ["späm", "日本.txt"],
      ["späm", "日本.txt"],
    ],
    [["\u{1f600}"], ["\u{1f600}"]],
    [[], ["_"]],
    [[""], ["_"]],
    [
      ["", "a"],
      ["_", "a"],
    ],
    [
      [".", "a", "..", "b"],
      ["a", "b"],
    ],
    [["..", ".."], ["_"]],
    [["..."], ["..."]],
    [["a/b\\c"], ["abc"]],
    [["../"], ["_"]],
    [
      ["/", "x"],
      ["_", "x"],
    ],
    [[".\u200b."], ["_"]],
    [["a\0b"], ["a_b"]],
    [["a\u0001\u001f\u007f\u0085b"], ["a____b"]],
    [["a\u200b\u200f\u202a\u202e\u2060\u2069\u061c\ufeffb"], ["ab"]],
    [
      ["con", "a:b", "a. "],
      ["con", "a:b", "a. "],
    ],
    [[Uint8Array.of(0xc0, 0xae)], ["_"]],
    [[Uint8Array.of(0xe0, 0x80, 0xae)], ["_"]],
    [[Uint8Array.of(0xc0, 0xae, 0xc0, 0xaf)], ["__"]],
    [[Uint8Array.of(0x61, 0xff, 0x62)], ["a_b"]],
    [[Uint8Array.of(0x61, 0x80)], ["a_"]],
    [[Uint8Array.of(0x61, 0xe6, 0x97)], ["a_"]],
    [[Uint8Array.of(0xed, 0xa0, 0x80)], ["_"]],
    [[Uint8Array.of(0xf4, 0x90, 0x80, 0x80)], ["_"]],
    [["\ufffd"], ["\ufffd"]],
    [["\ud800"], ["\ufffd"]],
    [["x".repeat(255)], ["x".repeat(255)]],
    [[long], [long.slice(0, 240)]],
    [[`${long}.jpeg`], [`${long.slice(0, 240)}.jpeg`]],
    [[`${"ä".repeat(200)}.mkv`], [`${"ä".repeat(120)}.mkv`]],
    [[`x${"ä".repeat(200)}`], [`x${"ä".repeat(119)}`]],
    [[`${"a".repeat(300)}.notanextension`], ["a".repeat(240)]],
  ])("makes %j %j", (elements, path) => {
    expect(sanitizePath(elements)).toEqual(path);
  });

  it.each([
    ["con", "_con"],
    ["NUL.txt", "_NUL.txt"],
    ["com1.tar.gz", "_com1.tar.gz"],
    ["lpt² .x", "_lpt² .x"],
    ["conin$", "_conin$"],
    ["console", "console"],
    ["com", "com"],
    ["abc...", "abc"],
    ["a. . .", "a"],
    ["...", "_"],
    [" ", "_"],
    ['a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"],
    [`con.${"x".repeat(251)}`, `_con.${"x".repeat(250)}`],
  ])("makes %j %j on Windows", (element, name) => {
    expect(sanitizePath([element], "windows")).toEqual([name]);
  });

  it("never lets a path leave its folder, and changes a safe path no more", () => {
    const piece = fc.constantFrom(".", "..", "/", "\\", "\0", "\u202e", "con", " ", ":", "é", "x");
    const element = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
    );
    const platform = fc.constantFrom("posix" as const, "windows" as const);
    fc.assert(
      fc.property(fc.array(element, { maxLength: 5 }), platform, (elements, system) => {
        const path = sanitizePath(elements, system);
        expect(path.length).toBeGreaterThan(0);
        for (const name of path) {
          expect(isSafe(name)).toBe(true);
          if (system === "windows") expect(name).not.toMatch(/[<>:"|?*]|[. ]$/);
        }
        expect(sanitizePath(path, system)).toEqual(path);
      }),
      { numRuns: 400 },
    );
  });
});
