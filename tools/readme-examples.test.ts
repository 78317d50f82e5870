// Runs the first example of each README, and all of examples/, and compares what they print with what they say.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const PACKAGES = fileURLToPath(new URL("../packages/", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));

/** Folders of all packages that can be imported; a command alone has nothing to import. */
const libraries = readdirSync(PACKAGES)
  .map((name) => ({ name, folder: `${PACKAGES}${name}` }))
  .filter(({ folder }) => existsSync(`${folder}/package.json`))
  .filter(({ folder }) => {
    const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    return "." in manifest.exports;
  });

/** What the first block of TypeScript in a README says. */
function example(readme: string): string {
  return /^```ts\n(.*?)^```$/ms.exec(readme)?.[1] ?? "";
}

/** The lines that an example promises to print: the comments `// → …`. */
function promises(code: string): string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1] ?? "");
}

/** What a program prints when run in `folder`, as a module from its standard input. */
async function run(code: string, folder: string): Promise<{ printed: string[]; errors: string }> {
  const args = ["--conditions=shoal-source", "--input-type=module-typescript", "-"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: "pipe", timeout: 30_000 });
  child.stdin.end(code);
  const [printed, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { printed: printed.split("\n").slice(0, -1), errors };
}

it("takes the first example and its promises", () => {
  const readme =
    "# x\n```sh\nno\n```\n```ts\na() // → 1\nb(); // → 2 3\n```\n```ts\nc // → 4\n```\n";
  expect(example(readme)).toBe("a() // → 1\nb(); // → 2 3\n");
  expect(promises(example(readme))).toEqual(["1", "2 3"]);
  expect(example("# x\n")).toBe("");
});

it("gives what a program prints, and its errors", async () => {
  const failing = await run('console.log("a" as string);\nthrow new Error("no");', PACKAGES);
  expect(failing).toMatchObject({ printed: ["a"], errors: expect.stringContaining("Error: no") });
});

describe.concurrent("examples/", () => {
  const programs = readdirSync(EXAMPLES).filter((name) => name.endsWith(".ts"));

  it.for(programs)("%s prints what it says", async (name) => {
    const code = readFileSync(`${EXAMPLES}${name}`, "utf8");
    expect(promises(code), "lines '// → …'").not.toEqual([]);
    expect(await run(code, EXAMPLES)).toEqual({ printed: promises(code), errors: "" });
  });
});

describe.concurrent("README", () => {
  it.for(libraries)("of $name: the example prints what it says", async ({ folder }) => {
    const code = example(readFileSync(`${folder}/README.md`, "utf8"));
    expect(promises(code), "a ts block with lines '// → …'").not.toEqual([]);
    expect(await run(code, folder)).toEqual({ printed: promises(code), errors: "" });
  });
});
