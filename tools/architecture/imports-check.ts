// Checks of imports: the arrows between packages, declared dependencies, cycles, unused things.
import { isBuiltin } from "node:module";
import { entriesOf, fileGraph, testFiles } from "./files.ts";
import { cycles, type Graph, reachable } from "./graph.ts";
import { exportsOf, type Import } from "./module.ts";
import type { Rules } from "./rules.ts";
import { type Package, packageName, resolveRelative, type SourceFile, type Tree } from "./tree.ts";

/** What is wrong with the imports and dependencies of the tree, one line each. */
export function checkImports(tree: Tree, rules: Rules): string[] {
  const graph = fileGraph(tree);
  const byName = new Map(tree.packages.map((pack) => [pack.manifest.name ?? pack.id, pack]));
  return [
    ...tree.packages.flatMap((pack) => [
      ...checkArrows(pack, rules, byName),
      ...checkDeclared(tree, pack, byName, graph),
      ...(pack.isPublished ? checkUnused(pack, graph) : []),
    ]),
    ...cycles(graph).map((path) => `${path[0]}: import cycle ${path.join(" → ")}`),
    ...cycles(packageGraph(tree, byName)).map(
      (path) => `${path[0]}: cycle of packages ${path.join(" → ")}; dev dependencies count`,
    ),
  ];
}

/** Whether a file belongs to an entry that adapts a pure package to Node. */
export function isNodeEntry({ path }: SourceFile, pack: Package, rules: Rules): boolean {
  return (rules.nodeEntries[pack.id] ?? []).some(
    (name) =>
      path === `${pack.folder}/src/${name}.ts` || path.startsWith(`${pack.folder}/src/${name}/`),
  );
}

type ByName = ReadonlyMap<string, Package>;

function checkArrows(pack: Package, rules: Rules, byName: ByName): string[] {
  if (!pack.isPublished) return [];
  const allowed = rules.arrows[pack.id];
  if (allowed === undefined) {
    return [
      `${pack.folder}: not in the table of arrows; give it a place in tools/architecture/rules.ts`,
    ];
  }
  const problems: string[] = [];
  const forEntries = rules.nodeEntries[pack.id] === undefined ? [] : rules.nodeEntryArrows;
  for (const name of Object.keys(dependenciesOf(pack))) {
    const target = byName.get(name)?.id;
    if (target === undefined || allowed.includes(target) || forEntries.includes(target)) continue;
    problems.push(`${pack.folder}/package.json: depends on ${name}, which the arrows do not allow`);
  }
  for (const file of pack.files) {
    if (file.isTest) continue; // Bounded by declared dependencies and by the cycles of packages.
    const more = isNodeEntry(file, pack, rules) ? forEntries : [];
    for (const { specifier, line } of file.imports) {
      const target = byName.get(packageName(specifier))?.id;
      if (target === undefined || allowed.includes(target) || more.includes(target)) continue;
      problems.push(
        target === pack.id
          ? `${file.path}:${line}: imports its own package as ${specifier}; import the file`
          : `${file.path}:${line}: imports ${specifier}, which the arrows do not allow`,
      );
    }
  }
  return problems;
}

function checkDeclared(tree: Tree, pack: Package, byName: ByName, graph: Graph): string[] {
  const dependencies = dependenciesOf(pack);
  const forTests = { ...tree.rootManifest.devDependencies, ...pack.manifest.devDependencies };
  const isTest = testFiles(pack, graph);
  const problems: string[] = [];
  const used = new Set<string>();
  for (const file of pack.files) {
    for (const found of file.imports) {
      if (found.specifier.startsWith(".")) {
        problems.push(...checkRelative(tree, pack, file, found));
        continue;
      }
      if (isBuiltin(found.specifier)) continue;
      const name = packageName(found.specifier);
      used.add(name);
      const where = `${file.path}:${found.line}`;
      const isFree = isTest.has(file.path) || !pack.isPublished;
      if (!(name in dependencies) && !(isFree && name in forTests)) {
        problems.push(
          `${where}: imports ${name}, which ${pack.folder}/package.json does not declare`,
        );
      }
      const target = byName.get(name);
      const entry = `.${found.specifier.slice(name.length)}`;
      if (target !== undefined && !(entry in (target.manifest.exports ?? {}))) {
        problems.push(`${where}: imports ${found.specifier}, which is no entry of ${name}`);
      }
    }
  }
  if (!pack.isPublished) return problems;
  for (const name of Object.keys(dependencies)) {
    if (!used.has(name)) {
      problems.push(`${pack.folder}/package.json: declares ${name}, which no source imports`);
    }
  }
  return problems;
}

function checkRelative(
  tree: Tree,
  pack: Package,
  file: SourceFile,
  { specifier, line }: Import,
): string[] {
  const target = resolveRelative(file, specifier);
  if (pack.isPublished && !`${target}/`.startsWith(`${pack.folder}/`)) {
    return [`${file.path}:${line}: imports ${specifier}, outside of its package`];
  }
  if (target.endsWith(".ts") && !tree.files.has(target)) {
    return [`${file.path}:${line}: imports ${specifier}, which does not exist`];
  }
  return [];
}

/** Files that no entry and no test reaches, and exports that nothing imports. */
function checkUnused(pack: Package, graph: Graph): string[] {
  const entries = entriesOf(pack);
  const tests = pack.files.filter(({ isTest }) => isTest).map(({ path }) => path);
  const used = reachable(graph, entries);
  const reached = reachable(graph, [...used, ...tests]);
  const taken = new Map<string, Set<string>>();
  for (const file of pack.files) {
    for (const { specifier, names } of file.imports) {
      if (!specifier.startsWith(".")) continue;
      const target = resolveRelative(file, specifier);
      const names_ = taken.get(target) ?? new Set();
      for (const name of names) names_.add(name);
      taken.set(target, names_);
    }
  }
  return pack.files.flatMap((file) => {
    if (!reached.has(file.path)) return [`${file.path}: no entry of the package reaches this file`];
    if (!used.has(file.path) && !file.isTest && file.path.startsWith(`${pack.folder}/src/`)) {
      return [`${file.path}: only tests use this file; move it to testing/, as src is published`];
    }
    if (entries.has(file.path) || file.isTest) return [];
    // Tests name helper modules to threads by URL, and no import shows that.
    if (file.path.startsWith(`${pack.folder}/testing/`)) return [];
    const names = taken.get(file.path) ?? new Set();
    if (names.has("*")) return [];
    return exportsOf(file.source, file.lexed)
      .filter(({ name }) => !names.has(name))
      .map(({ name, line }) => `${file.path}:${line}: exports ${name}, which nothing imports`);
  });
}

function packageGraph(tree: Tree, byName: ByName): Graph {
  return new Map(
    tree.packages.map((pack) => [
      pack.manifest.name ?? pack.id,
      Object.keys({ ...dependenciesOf(pack), ...pack.manifest.devDependencies }).filter((name) =>
        byName.has(name),
      ),
    ]),
  );
}

function dependenciesOf({ manifest }: Package): Readonly<Record<string, string>> {
  return {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  };
}
