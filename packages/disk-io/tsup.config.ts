import { library } from "../../tsup.config.base.ts";

// Threads load all but the first by themselves.
const config: ReturnType<typeof library> = library([
  "src/index.ts",
  "src/thread.ts",
  "src/fs-store.ts",
  "src/loose-files.ts",
  "src/slow.ts",
  "src/read-only.ts",
]);

export default config;
