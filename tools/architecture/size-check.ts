// Checks of budgets, of the line that opens each file, and of tests that would not run.
import { basename } from "node:path";
import { classesOf } from "./classes.ts";
import { fileGraph, productFiles } from "./files.ts";
import { lineOf } from "./lexer.ts";
import type { Rules } from "./rules.ts";
import type { SourceFile, Tree } from "./tree.ts";

/** What has grown beyond its budget or does not say what it is, one line each. */
export function checkSizes(tree: Tree, rules: Rules): string[] {
  const graph = fileGraph(tree);
  const ofPackages = tree.packages.flatMap((pack) => {
    const budget = pack.isPublished ? rules.packageLines[pack.id] : undefined;
    if (budget === undefined) return [];
    const lines = productFiles(pack, graph).reduce((sum, file) => sum + linesOf(file), 0);
    return lines > budget
      ? [`${pack.folder}: ${lines} lines, budget ${budget}; which noun is missing?`]
      : [];
  });
  const ofFiles = [...tree.files.values()].flatMap((file) => [
    ...checkSize(file, rules),
    ...checkOpening(file, tree),
    ...checkTest(file),
  ]);
  return [...ofPackages, ...ofFiles];
}

function checkSize(file: SourceFile, { fileLines, classFields }: Rules): string[] {
  if (file.isTest) return [];
  const lines = linesOf(file);
  return [
    ...(lines > fileLines ? [`${file.path}: ${lines} lines, budget ${fileLines}`] : []),
    ...classesOf(file.source, file.lexed)
      .filter(({ fields }) => fields > classFields)
      .map(
        ({ name, line, fields }) =>
          `${file.path}:${line}: class ${name} has ${fields} fields, budget ${classFields}`,
      ),
  ];
}

/** A test named after the file beside it needs no line: its name says what it is. */
function checkOpening(file: SourceFile, tree: Tree): string[] {
  const tested = file.path.replace(/\.(?:test|bench)\.ts$/, ".ts");
  if (file.isTest && tree.files.has(tested)) return [];
  const [first = "", second = ""] = file.source.split("\n", 2);
  return /^(?:\/\/ \S|\/\*\*)/.test(first.startsWith("#!") ? second : first)
    ? []
    : [`${file.path}: must open with a line '// …', or a doc comment, that says what it is`];
}

function checkTest({ path, source, lexed, isTest }: SourceFile): string[] {
  if (!isTest) return [];
  return [...lexed.code.matchAll(/\b(?:it|test|describe)\s*\.\s*(?:skip|only|todo)\b/g)].map(
    (match) => `${path}:${lineOf(source, match.index)}: '${match[0]}' in ${basename(path)}`,
  );
}

function linesOf({ source }: SourceFile): number {
  return source.replace(/\n$/, "").split("\n").length;
}
