// `npm run check:arch`: fails when the sources break the rules of tools/architecture/rules.ts.
import { fileURLToPath } from "node:url";
import { checkImports } from "./architecture/imports-check.ts";
import { checkPackages } from "./architecture/package-check.ts";
import { checkPurity } from "./architecture/purity-check.ts";
import { RULES, type Rules } from "./architecture/rules.ts";
import { checkSizes } from "./architecture/size-check.ts";
import { readTree } from "./architecture/tree.ts";

/** All that is wrong with the repository at `root`, one line each; empty if nothing is. */
export function problemsIn(root: string, rules: Rules): string[] {
  const tree = readTree(root);
  return [
    ...checkPackages(tree),
    ...checkImports(tree, rules),
    ...checkPurity(tree, rules),
    ...checkSizes(tree, rules),
  ].sort();
}

if (import.meta.main) {
  const problems = problemsIn(fileURLToPath(new URL("..", import.meta.url)), RULES);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.stdout.write(
    problems.length === 0 ? "architecture: ok\n" : `architecture: ${problems.length} problems\n`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
