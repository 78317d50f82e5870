import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
  formatRuns,
  formatSize,
  printable,
} from "./format.ts";

it.each([
  [0, "0 B"],
  [1, "1 B"],
  [999, "999 B"],
  [1000, "0.98 KiB"],
  [1024, "1.00 KiB"],
  [10_240, "10.0 KiB"],
  [16_384, "16.0 KiB"],
  [102_400, "100 KiB"],
  [1_023_000, "999 KiB"],
  [1_023_999, "0.98 MiB"],
  [1_572_864, "1.50 MiB"],
  [67_108_864, "64.0 MiB"],
  [2 ** 48, "256 TiB"],
  [2 ** 60, "1024 PiB"],
])("formatSize(%d) is %j", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

it("formatSize has at most three digits below a million PiB", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) =>
      /^(\d{1,3}|\d\d\.\d|\d\.\d\d) ([KMGTP]i)?B$/.test(formatSize(bytes)),
    ),
  );
});

it("formatRate is a size per second", () => {
  expect(formatRate(1_048_576)).toBe("1.00 MiB/s");
});

it.each([
  [0, "0:00"],
  [6.1, "0:07"],
  [59.5, "1:00"],
  [754, "12:34"],
  [3723, "1:02:03"],
  [86_399, "23:59:59"],
  [5 * 86_400 + 3 * 3600 + 59, "5 d 3 h"],
  [Number.POSITIVE_INFINITY, "∞"],
  [undefined, "∞"],
])("formatDuration(%d) is %j", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it.each([
  [0, "0.0 %"],
  [0.4529, "45.2 %"],
  [0.99999, "99.9 %"],
  [1, "100.0 %"],
])("formatPercent(%d) is %j", (fraction, text) => {
  expect(formatPercent(fraction)).toBe(text);
});

it("formatCount takes the plural", () => {
  expect([0, 1, 2, 12_345].map((count) => formatCount(count, "file"))).toEqual([
    "0 files",
    "1 file",
    "2 files",
    "12,345 files",
  ]);
});

describe("formatRuns", () => {
  it("draws runs together", () => {
    expect(formatRuns([0, 1, 2, 3, 7, 9, 10])).toBe("0–3, 7, 9–10");
    expect(formatRuns([])).toBe("");
  });

  it("counts what is too much", () => {
    expect(formatRuns([1, 3, 5, 7, 8], 2)).toBe("1, 3, … (2 more)");
  });
});

it("printable leaves nothing that moves the cursor or turns the text", () => {
  expect(printable("a\u001b[2Jb\nc\u202ed\u009be\ud800")).toBe("a�[2Jb�c�d�e�");
  expect(printable("grüße 写真 – ok")).toBe("grüße 写真 – ok");
});
