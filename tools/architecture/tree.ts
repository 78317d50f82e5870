// Reads the repository into memory: packages with their manifests, source files with their imports.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { type Lexed, lex } from "./lexer.ts";
import { type Import, importsOf } from "./module.ts";

/** A source file. */
export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly source: string;
  readonly lexed: Lexed;
  readonly imports: readonly Import[];
  readonly isTest: boolean;
}

/** What we read of a package.json. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly description?: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly engines?: { readonly node?: string };
  readonly files?: readonly string[];
  readonly keywords?: readonly string[];
  readonly publishConfig?: { readonly access?: string };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** A package of the workspace: one below `packages/`, or a private folder such as `interop`. */
export interface Package {
  /** Its folder's name. */
  readonly id: string;
  /** Relative to the root, with slashes. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly isPublished: boolean;
  readonly files: readonly SourceFile[];
  readonly hasReadme: boolean;
  /** Sources that its tsup.config.ts builds as files of their own, such as worker threads. */
  readonly builds: readonly string[];
}

/** The repository. */
export interface Tree {
  readonly rootManifest: Manifest;
  readonly hasLicense: boolean;
  readonly packages: readonly Package[];
  /** All source files, of packages and of `tools`, by path. */
  readonly files: ReadonlyMap<string, SourceFile>;
  /** Texts of the pending changesets. */
  readonly changesets: readonly string[];
}

const PRIVATE_FOLDERS = ["bench", "e2e", "examples", "interop"];
const SKIPPED = new Set(["node_modules", "dist", "out", "coverage"]);

/** Reads the repository at `root`. */
export function readTree(root: string): Tree {
  const folders = [
    ...foldersIn(join(root, "packages")).map((name) => `packages/${name}`),
    ...PRIVATE_FOLDERS,
  ].filter((folder) => existsSync(join(root, folder, "package.json")));
  const packages = folders.map((folder) => readPackage(root, folder));
  const files = [...packages.flatMap((each) => each.files), ...readSources(root, "tools")];
  const changesets = join(root, ".changeset");
  return {
    rootManifest: readManifest(join(root, "package.json")),
    hasLicense: existsSync(join(root, "LICENSE")),
    packages,
    files: new Map(files.map((file) => [file.path, file])),
    changesets: existsSync(changesets)
      ? readdirSync(changesets)
          .filter((name) => name.endsWith(".md"))
          .map((name) => readFileSync(join(changesets, name), "utf8"))
      : [],
  };
}

/** The path that a relative import of `file` names, relative to the root. */
export function resolveRelative(file: SourceFile, specifier: string): string {
  return normalize(join(dirname(file.path), specifier))
    .split(sep)
    .join("/");
}

/** `@shoal/core/x.ts` → `@shoal/core`. */
export function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function readPackage(root: string, folder: string): Package {
  const isPublished = folder.startsWith("packages/");
  return {
    id: folder.split("/").at(-1) ?? folder,
    folder,
    manifest: readManifest(join(root, folder, "package.json")),
    isPublished,
    // A package's examples are its users' code: published nowhere, and free to do what users do.
    files: readSources(root, folder).filter(
      ({ path }) => !isPublished || !path.startsWith(`${folder}/examples/`),
    ),
    hasReadme: existsSync(join(root, folder, "README.md")),
    builds: readBuilds(root, folder),
  };
}

function readBuilds(root: string, folder: string): string[] {
  const config = join(root, folder, "tsup.config.ts");
  if (!existsSync(config)) return [];
  const entries = readFileSync(config, "utf8").matchAll(/"(src\/[\w/.-]+\.ts)"/g);
  return [...entries].map((match) => `${folder}/${match[1]}`);
}

function readManifest(path: string): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(path, "utf8"));
  return manifest;
}

function readSources(root: string, folder: string): SourceFile[] {
  const at = join(root, folder);
  if (!existsSync(at)) return [];
  return readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : readSources(root, path);
    return /(?<!\.config)\.ts$/.test(entry.name) ? [readSource(root, path)] : [];
  });
}

function readSource(root: string, path: string): SourceFile {
  const source = readFileSync(join(root, path), "utf8");
  const lexed = lex(source);
  return {
    path: relative(".", path).split(sep).join("/"),
    source,
    lexed,
    imports: importsOf(source, lexed),
    isTest: /\.(?:test|bench)\.ts$/.test(path),
  };
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
