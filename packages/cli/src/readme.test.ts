// Runs the example of README.md with `shoal` on the PATH, and compares what it prints.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "..");

it("the README's example prints what it says", async () => {
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const code = /^```ts\n(.*?)^```$/ms.exec(readme)?.[1] ?? "";
  const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]);
  expect(promised).toHaveLength(3);
  const { PATH = "" } = process.env;
  const args = ["--conditions=shoal-source", "--input-type=module-typescript", "-"];
  const env = { ...process.env, PATH: join(folder, "../../bin") + delimiter + PATH };
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: "pipe" });
  child.stdin.end(code);
  const [printed, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect({ printed: printed.split("\n").slice(0, -1), errors }).toEqual({
    printed: promised,
    errors: "",
  });
});
