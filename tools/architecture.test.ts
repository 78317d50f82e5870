// Breaks each rule once in a small tree, and expects the checker to say so, and nothing else.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Rules } from "./architecture/rules.ts";
import { problemsIn } from "./architecture.ts";

const RULES: Rules = {
  arrows: { low: [], pure: ["low"], high: ["low", "pure"], sockets: [] },
  pure: ["low", "pure"],
  nodeEntries: { pure: ["node"] },
  nodeEntryArrows: ["sockets"],
  packageLines: { high: 12 },
  fileLines: 10,
  classFields: 2,
};

function manifest(id: string, fields: object = {}): string {
  return JSON.stringify({
    name: `@shoal/${id}`,
    version: "0.0.0",
    description: "Something.",
    license: "MIT",
    type: "module",
    sideEffects: false,
    engines: { node: ">=22" },
    files: ["dist", "src", "!src/**/*.test.ts"],
    exports: {
      ".": {
        "shoal-source": "./src/index.ts",
        types: "./dist/index.d.ts",
        default: "./dist/index.js",
      },
    },
    publishConfig: { access: "public" },
    keywords: ["bittorrent"],
    scripts: { build: "tsup", "check:pkg": "publint" },
    ...fields,
  });
}

const low = { "@shoal/low": "workspace:^" };
const nodeEntry = {
  "./node": {
    "shoal-source": "./src/node.ts",
    types: "./dist/node.d.ts",
    default: "./dist/node.js",
  },
};

/** A tree without a fault: `high` → `low`, a pure package with a Node entry, a private folder. */
const SOUND: Readonly<Record<string, string>> = {
  LICENSE: "MIT",
  "package.json": JSON.stringify({ devDependencies: { vitest: "5" } }),
  ".changeset/all.md":
    '---\n"@shoal/low": minor\n"@shoal/pure": minor\n"@shoal/high": minor\n"@shoal/sockets": minor\n---\nFirst.\n',
  "packages/low/package.json": manifest("low"),
  "packages/low/README.md": "# low",
  "packages/low/src/index.ts": '// Low.\nexport { one } from "./one.ts";\n',
  "packages/low/src/one.ts": "// One.\nexport const one: number = 1;\n",
  "packages/low/src/one.test.ts":
    'import { it } from "vitest";\nimport { one } from "./one.ts";\nit("is", () => one);\n',
  "packages/sockets/package.json": manifest("sockets"),
  "packages/sockets/README.md": "# sockets",
  "packages/sockets/src/index.ts":
    '// Sockets.\nexport { connect } from "node:net";\nexport const now = (): number => Date.now();\n',
  "packages/pure/package.json": manifest("pure", {
    dependencies: { "@shoal/sockets": "workspace:^" },
    exports: { ...JSON.parse(manifest("pure")).exports, ...nodeEntry },
  }),
  "packages/pure/README.md": "# pure",
  "packages/pure/src/index.ts":
    '// Pure: no Date.now() here.\nexport const text = "setTimeout(";\n',
  "packages/pure/src/node.ts":
    '// For Node.\nimport { now } from "@shoal/sockets";\nexport const start: number = now();\n',
  "packages/high/package.json": manifest("high", { dependencies: low }),
  "packages/high/README.md": "# high",
  "packages/high/src/index.ts": '// High.\nexport { one } from "@shoal/low";\n',
  "e2e/package.json": JSON.stringify({ private: true, dependencies: low }),
  "e2e/all.test.ts": '// All.\nimport { one } from "@shoal/low";\none;\n',
};

let root: string | undefined;
afterEach(() => {
  if (root !== undefined) rmSync(root, { recursive: true });
  root = undefined;
});

/** What the checker says of the sound tree with some files replaced, added, or (`undefined`) left out. */
function check(changes: Readonly<Record<string, string | undefined>>): string[] {
  root = mkdtempSync(join(tmpdir(), "shoal-architecture-"));
  for (const [path, text] of Object.entries({ ...SOUND, ...changes })) {
    if (text === undefined) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return problemsIn(root, RULES);
}

it("finds nothing wrong with a sound tree", () => {
  expect(check({})).toEqual([]);
});

describe("imports", () => {
  it("refuses an arrow upwards, in the manifest and in each kind of import", () => {
    const high = { "@shoal/high": "workspace:^" };
    expect(
      check({
        "packages/high/package.json": manifest("high", { dependencies: {} }),
        "packages/high/src/index.ts": "// High.\nexport const two = 2;\n",
        "packages/low/package.json": manifest("low", { dependencies: high }),
        "packages/low/src/one.ts":
          '// One.\nimport type {\n  A,\n} from "@shoal/high";\nexport * from "@shoal/high";\nexport const one = import("@shoal/high");\n',
      }),
    ).toEqual([
      "packages/low/package.json: depends on @shoal/high, which the arrows do not allow",
      "packages/low/src/one.ts:4: imports @shoal/high, which the arrows do not allow",
      "packages/low/src/one.ts:5: imports @shoal/high, which the arrows do not allow",
      "packages/low/src/one.ts:6: imports @shoal/high, which the arrows do not allow",
    ]);
  });

  it("lets only the Node entry of a pure package have what Node entries may have", () => {
    expect(
      check({ "packages/pure/src/index.ts": '// Pure.\nexport { now } from "@shoal/sockets";\n' }),
    ).toEqual([
      "packages/pure/src/index.ts:2: imports @shoal/sockets, which the arrows do not allow",
    ]);
  });

  it("refuses a package that has no place in the table", () => {
    expect(
      check({
        "packages/new/package.json": manifest("new", { version: "1.0.0" }),
        "packages/new/README.md": "# new",
        "packages/new/src/index.ts": "// New.\nexport const a = 1;\n",
      }),
    ).toEqual([
      "packages/new: not in the table of arrows; give it a place in tools/architecture/rules.ts",
    ]);
  });

  it("refuses undeclared and superfluous dependencies, and packages that import themselves", () => {
    expect(
      check({
        "packages/high/package.json": manifest("high", { dependencies: { undici: "8" } }),
        "packages/high/src/index.ts":
          '// High.\nexport { one } from "@shoal/low";\nexport { it } from "vitest";\nexport * from "@shoal/high";\n',
      }),
    ).toEqual([
      "packages/high/package.json: declares undici, which no source imports",
      "packages/high/src/index.ts:2: imports @shoal/low, which packages/high/package.json does not declare",
      "packages/high/src/index.ts:3: imports vitest, which packages/high/package.json does not declare",
      "packages/high/src/index.ts:4: imports @shoal/high, which packages/high/package.json does not declare",
      "packages/high/src/index.ts:4: imports its own package as @shoal/high; import the file",
    ]);
  });

  it("refuses undeclared dependencies of a test", () => {
    expect(
      check({ "packages/low/src/one.test.ts": 'import fc from "fast-check";\nfc;\n' }),
    ).toEqual([
      "packages/low/src/one.test.ts:1: imports fast-check, which packages/low/package.json does not declare",
    ]);
  });

  it("refuses to reach into another package", () => {
    expect(
      check({
        "packages/high/src/index.ts":
          '// High.\nexport { one } from "@shoal/low/src/one.ts";\nexport { one as two } from "../../low/src/one.ts";\n',
      }),
    ).toEqual([
      "packages/high/src/index.ts:2: imports @shoal/low/src/one.ts, which is no entry of @shoal/low",
      "packages/high/src/index.ts:3: imports ../../low/src/one.ts, outside of its package",
    ]);
  });

  it("refuses cycles of files, of types too", () => {
    expect(
      check({
        "packages/low/src/index.ts": '// Low.\nexport { one } from "./one.ts";\n',
        "packages/low/src/one.ts":
          '// One.\nimport type { B } from "./two.ts";\nexport const one: B = 1;\n',
        "packages/low/src/two.ts":
          '// Two.\nimport { one } from "./one.ts";\nexport type B = typeof one;\n',
      }),
    ).toEqual([
      "packages/low/src/one.ts: import cycle packages/low/src/one.ts → packages/low/src/two.ts → packages/low/src/one.ts",
    ]);
  });

  it("refuses cycles of packages through dev dependencies, which stop the build", () => {
    expect(
      check({
        "packages/low/package.json": manifest("low", {
          devDependencies: { "@shoal/high": "workspace:^" },
        }),
      }),
    ).toEqual([
      "@shoal/high: cycle of packages @shoal/high → @shoal/low → @shoal/high; dev dependencies count",
    ]);
  });

  it("refuses files that nothing reaches, exports that nothing imports, and missing files", () => {
    expect(
      check({
        "packages/low/src/one.ts":
          '// One.\nimport "./gone.ts";\nexport const one = 1;\nexport function lonely() {}\n',
        "packages/low/src/island.ts": "// Island.\nexport const a = 1;\n",
      }),
    ).toEqual([
      "packages/low/src/island.ts: no entry of the package reaches this file",
      "packages/low/src/one.ts:2: imports ./gone.ts, which does not exist",
      "packages/low/src/one.ts:4: exports lonely, which nothing imports",
    ]);
  });

  it("refuses to publish what only tests use", () => {
    expect(
      check({
        "packages/low/src/helper.ts": "// Helps.\nexport const help = 1;\n",
        "packages/low/src/one.test.ts": 'import { help } from "./helper.ts";\nhelp;\n',
      }),
    ).toEqual([
      "packages/low/src/helper.ts: only tests use this file; move it to testing/, as src is published",
    ]);
  });

  it("counts what the build makes a file of its own as reached", () => {
    expect(
      check({
        "packages/low/tsup.config.ts": 'export default library(["src/index.ts", "src/thread.ts"]);',
        "packages/low/src/thread.ts": "// A thread.\nexport const a = 1;\n",
      }),
    ).toEqual([]);
  });
});

describe("purity", () => {
  it.for([
    ['import { hash } from "node:crypto";', "imports node:crypto in a pure package"],
    ['export { start } from "./node.ts";', "imports ./node.ts, which is for Node only"],
    ["Buffer.from([]);", "'Buffer' in a pure package; use Uint8Array"],
    ["process.env;", "'process.' in a pure package; take it as an argument"],
    ["Date.now();", "'Date.' in a pure package; take `now` as an argument"],
    ["new Date();", "'Date(' in a pure package; take `now` as an argument"],
    ["performance.now();", "'performance.' in a pure package; take `now` as an argument"],
    ["setTimeout(f);", "'setTimeout(' in a pure package; be a Machine: nextDeadline and advance"],
    ["setInterval(f);", "'setInterval(' in a pure package; be a Machine: nextDeadline and advance"],
    [
      "setImmediate(f);",
      "'setImmediate(' in a pure package; be a Machine: nextDeadline and advance",
    ],
    ["Math.random();", "'Math.random' in a pure package; take an Rng as an argument"],
    ["crypto.randomUUID();", "'crypto.' in a pure package; take an Entropy as an argument"],
    ["globalThis.x;", "'globalThis' in a pure package; take it as an argument"],
    [`\`\${Date.now()}\`;`, "'Date.' in a pure package; take `now` as an argument"],
  ] as const)("refuses %s", ([code, problem]) => {
    expect(check({ "packages/pure/src/index.ts": `// Pure.\n${code}\n` })).toEqual([
      `packages/pure/src/index.ts:2: ${problem}`,
    ]);
  });

  it.for([
    "// Date.now()",
    "/* Math.random() */",
    'export const a = "Buffer";',
    "export const b = `process.env`;",
    "export const c = /Date.now()/;",
    "this.process(chunk); host.setTimeout(1); a.Date.now();",
    "export const processor = { buffer: 1 };",
  ])("allows %s", (code) => {
    expect(check({ "packages/pure/src/index.ts": `// Pure.\n${code}\n` })).toEqual([]);
  });

  it("leaves tests alone, and what only they use", () => {
    expect(
      check({
        "packages/pure/src/index.test.ts":
          'import { at } from "../testing/at.ts";\nDate.now() - at;\n',
        "packages/pure/testing/at.ts": "// When.\nexport const at: number = Date.now();\n",
      }),
    ).toEqual([]);
  });
});

describe("sizes", () => {
  it("refuses a file and a package beyond their budgets", () => {
    const lines = (count: number): string => `// Long.\n${"1;\n".repeat(count - 1)}`;
    expect(
      check({
        "packages/high/src/index.ts": '// High.\nimport "@shoal/low";\nimport "./long.ts";\n',
        "packages/high/src/long.ts": lines(11),
        "packages/high/src/long.test.ts": `import "./long.ts";\n${lines(50)}`,
      }),
    ).toEqual([
      "packages/high/src/long.ts: 11 lines, budget 10",
      "packages/high: 14 lines, budget 12; which noun is missing?",
    ]);
  });

  it("refuses a class with too many fields", () => {
    const source = "// A.\nexport class A {\n  a = 1;\n  #b;\n  readonly c: number;\n}\n";
    expect(check({ "packages/sockets/src/index.ts": source })).toEqual([
      "packages/sockets/src/index.ts:2: class A has 3 fields, budget 2",
    ]);
  });

  it("refuses a file that does not say what it is", () => {
    expect(check({ "packages/pure/src/index.ts": "export const a = 1;\n" })).toEqual([
      "packages/pure/src/index.ts: must open with a line '// …', or a doc comment, that says what it is",
    ]);
  });

  it.for(["it.skip", "describe.only", "test.todo"])("refuses %s", (call) => {
    expect(check({ "packages/low/src/one.test.ts": `${call}("x");\n` })).toEqual([
      `packages/low/src/one.test.ts:1: '${call}' in one.test.ts`,
    ]);
  });
});

describe("packages", () => {
  it("asks for a licence, a README and a changeset", () => {
    expect(
      check({
        LICENSE: undefined,
        "packages/low/README.md": undefined,
        ".changeset/all.md":
          '---\n"@shoal/pure": minor\n"@shoal/high": minor\n"@shoal/sockets": minor\n---\nNot @shoal/low: it.\n',
      }),
    ).toEqual([
      "LICENSE: missing; pnpm packs it into each package",
      "packages/low: has no README.md",
      "packages/low: no changeset names @shoal/low, so its first release would be left out",
    ]);
  });

  it("asks for no changeset once a package was released", () => {
    expect(
      check({
        "packages/low/package.json": manifest("low", { version: "0.1.0" }),
        ".changeset/all.md":
          '---\n"@shoal/pure": minor\n"@shoal/high": minor\n"@shoal/sockets": minor\n---\n',
      }),
    ).toEqual([]);
  });

  it.for([
    [{ name: "low" }, `"name" must be "@shoal/low"`],
    [{ license: "ISC" }, `"license" must be "MIT"`],
    [{ description: "" }, `"description" is missing`],
    [{ engines: {} }, `"engines.node" is missing`],
    [{ keywords: [] }, `"keywords" is missing`],
    [{ publishConfig: {} }, `"publishConfig.access" must be "public"`],
    [{ private: true }, `"private" would keep it from being published`],
    [{ sideEffects: true }, `"sideEffects" must be false`],
    [{ scripts: { build: "tsup" } }, `script "check:pkg" is missing`],
    [{ files: ["dist"] }, `"files" must hold "dist" and leave out "!src/**/*.test.ts"`],
    [
      { exports: { ".": { default: "./dist/index.js", "shoal-source": "./src/index.ts" } } },
      `entry "." must have "shoal-source", "types" and "default", in this order`,
    ],
  ] as const)("refuses a manifest with %j", ([fields, problem]) => {
    expect(check({ "packages/low/package.json": manifest("low", fields) })).toContain(
      `packages/low/package.json: ${problem}`,
    );
  });

  it("refuses a fixed version of a workspace package, and a private folder that is public", () => {
    expect(
      check({
        "packages/high/package.json": manifest("high", { dependencies: { "@shoal/low": "1.0.0" } }),
        "e2e/package.json": JSON.stringify({ dependencies: low }),
      }),
    ).toEqual([
      'e2e/package.json: must be "private": it is never published',
      'packages/high/package.json: @shoal/low must be "workspace:^", got "1.0.0"',
    ]);
  });
});
