// The root README: every file that it links to exists, and each BEP row names a test.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const text = readFileSync(join(root, "README.md"), "utf8");
const linksOf = (part: string): string[] =>
  [...part.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);

it("links only to what is there", () => {
  const missing = linksOf(text).filter((target) => !existsSync(join(root, target)));
  expect(missing).toEqual([]);
});

it("names a test in every row of the BEP table", () => {
  const table = text.split("## What is spoken")[1]?.split("\n\n")[1] ?? "";
  const rows = table.split("\n").slice(2);
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    expect(linksOf(row).filter((target) => target.endsWith(".test.ts"))).not.toEqual([]);
  }
});
