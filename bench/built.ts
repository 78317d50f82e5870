// Begins the program anew, in the same process, on built packages: what users install. Import it first.
//
// Sources are TypeScript with long comments; from them a session takes 15 MiB more. Packages whose
// sources have changed are built before, and compiled code is kept. As in the command `shoal`, new
// objects get 2 MiB at most, where V8 would let them have 128 MiB, and all threads share one heap for
// native memory, for which glibc would keep one each.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

if (process.execve !== undefined && process.execArgv.includes("--conditions=shoal-source")) {
  buildChanged();
  const options = process.execArgv.filter((option) => option !== "--conditions=shoal-source");
  const cache = join(root, "node_modules/.cache/compile");
  process.execve(
    process.execPath,
    [process.execPath, "--max-semi-space-size=2", ...options, ...process.argv.slice(1)],
    { NODE_COMPILE_CACHE: cache, MALLOC_ARENA_MAX: "1", ...process.env },
  );
}

function buildChanged(): void {
  const tsup = join(root, "node_modules/.bin/tsup");
  for (const name of readdirSync(join(root, "packages"))) {
    const cwd = join(root, "packages", name);
    const built = join(cwd, "dist/index.js");
    // Not the command line client: it bundles nothing that the bench runs.
    if (!existsSync(join(cwd, "src/index.ts"))) continue;
    const changed = newestIn(join(cwd, "src"));
    if (existsSync(built) && statSync(built).mtimeMs >= Math.floor(changed)) continue;
    const { status, stderr } = spawnSync(tsup, ["--silent"], { cwd, encoding: "utf8" });
    if (status !== 0) throw new Error(`building ${name} failed: ${stderr}`);
    // A change during the build is seen by the next start.
    utimesSync(built, changed / 1000, changed / 1000);
  }
}

/** When a file of the folder was last changed, in ms. */
function newestIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const times = files
    .filter((file) => file.isFile())
    .map((file) => statSync(join(file.parentPath, file.name)).mtimeMs);
  return Math.max(0, ...times);
}
