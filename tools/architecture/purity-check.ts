// Checks that pure packages take time, randomness and the outside world as arguments only.
import { isBuiltin } from "node:module";
import { fileGraph, productFiles } from "./files.ts";
import { isNodeEntry } from "./imports-check.ts";
import { lineOf } from "./lexer.ts";
import type { Rules } from "./rules.ts";
import { type Package, resolveRelative, type SourceFile, type Tree } from "./tree.ts";

/** A global that a pure package must not use. */
interface Forbidden {
  readonly pattern: RegExp;
  readonly instead: string;
}

const FORBIDDEN: readonly Forbidden[] = [
  { pattern: /(?<![.\w$#])Buffer\b/g, instead: "use Uint8Array" },
  { pattern: /(?<![.\w$#])process\s*[.[]/g, instead: "take it as an argument" },
  { pattern: /(?<![.\w$#])globalThis\b/g, instead: "take it as an argument" },
  { pattern: /(?<![.\w$#])Date\s*[.(]/g, instead: "take `now` as an argument" },
  { pattern: /(?<![.\w$#])performance\s*[.[]/g, instead: "take `now` as an argument" },
  {
    pattern: /(?<![.\w$#])(?:setTimeout|setInterval|setImmediate)\s*\(/g,
    instead: "be a Machine: nextDeadline and advance",
  },
  { pattern: /(?<![.\w$#])Math\s*\.\s*random\b/g, instead: "take an Rng as an argument" },
  { pattern: /(?<![.\w$#])crypto\s*[.[]/g, instead: "take an Entropy as an argument" },
];

/** Impure things in the sources of pure packages, one line each; tests and Node entries are free. */
export function checkPurity(tree: Tree, rules: Rules): string[] {
  const graph = fileGraph(tree);
  return tree.packages
    .filter(({ id, isPublished }) => isPublished && rules.pure.includes(id))
    .flatMap((pack) =>
      productFiles(pack, graph)
        .filter((file) => !isNodeEntry(file, pack, rules))
        .flatMap((file) => [
          ...impureImports(file, pack, tree, rules),
          ...FORBIDDEN.flatMap(({ pattern, instead }) =>
            [...file.lexed.code.matchAll(pattern)].map(
              (match) =>
                `${file.path}:${lineOf(file.source, match.index)}: '${match[0].trim()}' in a pure package; ${instead}`,
            ),
          ),
        ]),
    );
}

function impureImports(file: SourceFile, pack: Package, tree: Tree, rules: Rules): string[] {
  return file.imports.flatMap(({ specifier, line }) => {
    if (isBuiltin(specifier))
      return [`${file.path}:${line}: imports ${specifier} in a pure package`];
    const target = tree.files.get(resolveRelative(file, specifier));
    return specifier.startsWith(".") && target !== undefined && isNodeEntry(target, pack, rules)
      ? [`${file.path}:${line}: imports ${specifier}, which is for Node only`]
      : [];
  });
}
