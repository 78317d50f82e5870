// Installs the workspace when the lockfile is newer than what is installed. Runs on any Node >= 20.
import { spawnSync } from "node:child_process";
import { statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PNPM = "pnpm@12.21.0";
const root = dirname(dirname(fileURLToPath(import.meta.url)));

const stamp = "node_modules/.modules.yaml";
const age = (file) => statSync(join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (age(stamp) < age("pnpm-lock.yaml")) {
  const done = spawnSync("npx", ["-y", PNPM, "install", "--frozen-lockfile"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (done.status !== 0) {
    console.error(
      `setup: '${PNPM} install' failed; check the network and the npm registry setting`,
    );
    process.exit(1);
  }
  // pnpm leaves the file alone when nothing had to be installed, which would bring us here each time.
  utimesSync(join(root, stamp), new Date(), new Date());
}
