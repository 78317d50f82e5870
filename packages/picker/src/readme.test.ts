import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("prints what the README's example says", () => {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  const [, code = ""] =
    /```ts\n([\s\S]*?)```/.exec(readFileSync(`${folder}/README.md`, "utf8")) ?? [];
  const expected = [...code.matchAll(/console\.log\(.*\/\/ → (.*)/g)].map(([, line]) => line);
  const args = ["--conditions=shoal-source", "--input-type=module-typescript", "--eval", code];
  const printed = execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  expect(expected.length).toBeGreaterThan(0);
  expect(printed.trimEnd().split("\n")).toEqual(expected);
});
