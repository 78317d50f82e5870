// Begins the program anew, in the same process, with a compile cache. Import it before all else.
//
// Sources are TypeScript, and stripping types takes some 30 MiB that no user of the built packages
// pays. With the cache only the first run does.
import { join } from "node:path";

const { NODE_COMPILE_CACHE } = process.env;
if (NODE_COMPILE_CACHE === undefined && process.execve !== undefined) {
  const cache = join(import.meta.dirname, "../node_modules/.cache/compile");
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { ...process.env, NODE_COMPILE_CACHE: cache },
  );
}
