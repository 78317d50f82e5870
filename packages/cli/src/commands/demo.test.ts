import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { Running } from "../../testing/shop.ts";

const leftovers = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("shoal-demo-"));

it("shares, downloads and verifies 64 MiB, and cleans up", async () => {
  const before = leftovers();
  const running = new Running(["demo", "--json"]);
  expect(await running.code).toBe(0);
  expect(running.err).toBe("");
  expect(await running.line("done")).toMatchObject({ downloaded: 67_108_864, total: 67_108_864 });
  expect(running.lines.at(-1)).toMatchObject({
    event: "note",
    message: expect.stringMatching(/^verified every byte: 8 files at [\d.]+ .iB\/s$/),
  });
  expect(leftovers()).toEqual(before);
});

it("cleans up when interrupted", async () => {
  const before = leftovers();
  const running = new Running(["demo", "--json"]);
  await running.line("note");
  expect(await running.leave()).toBe(130);
  expect(leftovers()).toEqual(before);
});
