import { library } from "../../tsup.config.base.ts";

// Threads load the last two by themselves.
const config: ReturnType<typeof library> = library([
  "src/index.ts",
  "src/thread.ts",
  "src/fs-store.ts",
]);

export default config;
