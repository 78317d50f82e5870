// The unit and end-to-end tests, run on sources: nothing has to be built first.
import { defineConfig, type ViteUserConfig } from "vitest/config";

const conditions = ["shoal-source"];

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "e2e/**/*.test.ts",
      "examples/**/*.test.ts",
      "tools/**/*.test.ts",
    ],
    // Worker threads that a test starts resolve workspace packages to their sources too.
    execArgv: ["--conditions=shoal-source"],
    testTimeout: 60_000,
  },
});

export default config;
