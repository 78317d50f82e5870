// Transfers with real clients: some at a time, because transmission waits most of it.
import { defineConfig, type ViteUserConfig } from "vitest/config";

const conditions = ["shoal-source"];

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["interop/*.test.ts"],
    fileParallelism: false,
    maxConcurrency: 4,
    execArgv: ["--conditions=shoal-source"],
    testTimeout: 180_000,
    // Foreign clients crash now and then, or miss each other; what is wrong with ours fails twice.
    retry: 1,
    hookTimeout: 60_000,
  },
});

export default config;
