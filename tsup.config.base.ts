// The build shared by all packages: one ESM bundle per entry; declarations come from tsc.
import { defineConfig } from "tsup";

type Config = ReturnType<typeof defineConfig>;

/** Bundles the given entry files (default: the package's index) for Node 22 and later. */
export function library(entry: string[] = ["src/index.ts"]): Config {
  return defineConfig({
    entry,
    format: ["esm"],
    target: "node22",
    platform: "node",
    dts: false,
    sourcemap: true,
    clean: true,
    treeshake: false,
    splitting: true,
  });
}
