// What a program gets that bundles Shoal: each entry point of each package, minified; a Markdown table.
//
// All that an entry exports is kept, with what is loaded later (the parts of a session, its disk
// threads, undici) and with npm packages; Node's modules and optional native packages stay outside.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, version } from "esbuild";

/** One entry point. */
interface Entry {
  /** As it is imported. */
  readonly name: string;
  /** Its source, and what it loads by ways that no bundler sees. */
  readonly files: readonly string[];
}

/** Bytes of its bundle. */
interface Size {
  readonly raw: number;
  /** Each file on its own. */
  readonly gzip: number;
  /** How much of `raw` comes from npm packages. */
  readonly npm: number;
}

const packages = join(import.meta.dirname, "../packages");
/** What a disk thread loads. */
const THREAD = ["thread", "fs-store"].map((name) => join(packages, `disk-io/src/${name}.ts`));
/** What HTTP connections load. */
const HTTP = ["core/connect", "dispatcher/agent", "api/index"].map((name) =>
  join(packages, `net/node_modules/undici/lib/${name}.js`),
);
/** What no bundler sees: whose it is. */
const HIDDEN: Readonly<Record<string, readonly string[]>> = {
  "@shoal/disk-io": THREAD,
  "@shoal/net": HTTP,
  "@shoal/session": [...THREAD, ...HTTP],
};
/** Not for programs: for their tests. */
const LEFT_OUT = ["testkit"];

const entries = readdirSync(packages)
  .filter((folder) => !LEFT_OUT.includes(folder))
  .flatMap(entriesOf);
const isSession = ({ name }: Entry): boolean => name.startsWith("@shoal/session");
const sessions = entries.filter(isSession).reverse();
const others = entries.filter((entry) => !isSession(entry));

console.log(`esbuild ${version}\n`);
console.log("| import | KiB | gzip KiB | KiB of npm packages in it |");
console.log("| --- | --- | --- | --- |");
for (const entry of [...sessions, ...others]) {
  const { raw, gzip, npm } = await sizeOf(entry);
  console.log(`| \`${entry.name}\` | ${kib(raw)} | ${kib(gzip)} | ${npm > 0 ? kib(npm) : "–"} |`);
}

/** The entry points of a package: none of a program. */
function entriesOf(folder: string): Entry[] {
  const manifest: { name: string; exports: Record<string, string | Record<string, string>> } =
    JSON.parse(readFileSync(join(packages, folder, "package.json"), "utf8"));
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    const source = typeof target === "string" ? undefined : target["shoal-source"];
    if (source === undefined) return [];
    const name = `${manifest.name}${path.slice(1)}`;
    return [{ name, files: [join(packages, folder, source), ...(HIDDEN[name] ?? [])] }];
  });
}

async function sizeOf({ files }: Entry): Promise<Size> {
  const { outputFiles, metafile } = await build({
    entryPoints: [...files],
    bundle: true,
    minify: true,
    // What several files need is in the bundle once.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    conditions: ["shoal-source"],
    external: ["koffi"],
    outdir: "bundle",
    write: false,
    metafile: true,
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const npm = inputs.filter(([path]) => path.includes("node_modules/"));
  return {
    raw: sum(outputFiles.map(({ contents }) => contents.length)),
    gzip: sum(outputFiles.map(({ contents }) => gzipSync(contents).length)),
    npm: sum(npm.map(([, { bytesInOutput }]) => bytesInOutput)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}
