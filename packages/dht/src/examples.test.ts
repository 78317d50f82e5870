// The examples do what they say, on nodes of this machine.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { formatEndpoint, toHex } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { createDht } from "./node.ts";

const run = promisify(execFile);
const INFO_HASH = new Uint8Array(20).fill(9);

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
}

function start(name: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const options = { cwd: fileURLToPath(new URL("..", import.meta.url)), timeout: 30_000 };
  return run(process.execPath, ["--conditions=shoal-source", pathOf(name), ...args], options);
}

describe("the examples", () => {
  it.each([
    ["crawler.ts", 60],
    ["announce-and-find.ts", 20],
  ])("%s has at most %d lines", (name, most) => {
    expect(readFileSync(pathOf(name), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(
      most,
    );
  });

  it("announces and finds", async () => {
    const { stdout } = await start("announce-and-find.ts");
    expect(stdout).toContain("port: 6881");
  });

  it("crawls what the nodes know", async () => {
    const first = await createDht({ addresses: ["127.0.0.1"], bootstrap: [] });
    const door = first.addresses.map(formatEndpoint);
    const second = await createDht({ addresses: ["127.0.0.1"], bootstrap: door });
    try {
      for (const address of first.addresses) await second.ping(address);
      const stored = new Promise((announced) => {
        second.announce(INFO_HASH, { port: 7000, announced });
      });
      expect(await stored).toBeGreaterThanOrEqual(1);
      const { stdout, stderr } = await start("crawler.ts", ...door);
      expect(stdout).toContain(toHex(INFO_HASH));
      expect(stderr).toContain("1 info-hashes");
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  });
});
