// What the files of a tree are to each other: who imports whom, what is an entry, what is test code.
import { type Graph, reachable } from "./graph.ts";
import { type Package, resolveRelative, type SourceFile, type Tree } from "./tree.ts";

/** Relative imports that name a file of the tree. */
export function fileGraph(tree: Tree): Graph {
  const graph = new Map<string, string[]>();
  for (const file of tree.files.values()) {
    const targets = file.imports
      .filter(({ specifier }) => specifier.startsWith("."))
      .map(({ specifier }) => resolveRelative(file, specifier))
      .filter((path) => tree.files.has(path));
    graph.set(file.path, targets);
  }
  return graph;
}

/** The source files that a package's `exports`, `bin` and build name, and `start.ts` of `npm start`. */
export function entriesOf({ folder, manifest, files, builds }: Package): Set<string> {
  const text = JSON.stringify([manifest.exports, manifest.bin]);
  const built = [...text.matchAll(/\.\/(?:src|dist)\/([\w/-]+)\.(?:ts|js)"/g)].map(
    (match) => `${folder}/src/${match[1]}.ts`,
  );
  const started = files.filter(({ path }) => path === `${folder}/src/start.ts`);
  return new Set([...built, ...builds, ...started.map(({ path }) => path)]);
}

/** Tests and what only tests use. */
export function testFiles(pack: Package, graph: Graph): Set<string> {
  const used = reachable(graph, entriesOf(pack));
  const tests = pack.files.filter(({ isTest }) => isTest).map(({ path }) => path);
  return new Set([...reachable(graph, tests)].filter((path) => !used.has(path)));
}

/** The sources of a published package that are not test code. */
export function productFiles(pack: Package, graph: Graph): SourceFile[] {
  const tests = testFiles(pack, graph);
  return pack.files.filter(({ path }) => !tests.has(path));
}
