// The executable `bin/shoal` as a user has it: a process with signals, pipes and exit codes.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { amongThemselves, Shop } from "../testing/shop.ts";

const BIN = join(import.meta.dirname, "../../../bin/shoal");

let shop: Shop;
const children: ChildProcess[] = [];
beforeEach(() => {
  shop = new Shop();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await shop.close();
});

function start(bin: string, ...args: string[]) {
  const child = spawn(bin, amongThemselves(args), {
    cwd: shop.folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  return child;
}

async function shoal(bin: string, ...args: string[]) {
  const child = start(bin, ...args);
  const ended = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, out, err };
}

describe("bin/shoal", () => {
  it("works from any folder and by links to links", async () => {
    symlinkSync(BIN, shop.path("absolute"));
    symlinkSync("absolute", shop.path("relative"));
    shop.write("payload/one.bin", "x");
    expect(await shoal(BIN, "create", "payload")).toMatchObject({ code: 0, err: "" });
    const found = await shoal(shop.path("relative"), "info", "payload.torrent", "--json");
    expect(found).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse(found.out)).toMatchObject({ event: "info", name: "payload" });
  });

  it("ends with the code of what happened", async () => {
    expect(await shoal(BIN, "info", "nowhere.torrent")).toMatchObject({ code: 1, out: "" });
    expect(await shoal(BIN, "frobnicate")).toMatchObject({ code: 2, out: "" });
    expect(await shoal(BIN, "--help")).toMatchObject({ code: 0, err: "" });
  });

  it("ends quietly when its reader goes away", async () => {
    const torrent = await shop.torrent();
    const child = start(BIN, "download", torrent, "-o", "out", "--no-tracker");
    child.stdout.destroy();
    const [[code], err] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    expect(code).toBe(141);
    expect(err).not.toContain(" at ");
  });
});

describe("signals", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s leaves in order", async (signal, exitCode) => {
    const torrent = await shop.torrent();
    const child = start(BIN, "download", torrent, "-o", "out", "--no-tracker");
    const ended = once(child, "exit");
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith("listening")) child.kill(signal);
    }
    expect((await ended)[0]).toBe(exitCode);
  });

  it("a second Ctrl-C leaves at once, though a tracker does not answer the good-bye", async () => {
    const announced: string[] = [];
    let goodbye: (() => void) | undefined;
    const saysGoodbye = new Promise<void>((resolve) => {
      goodbye = resolve;
    });
    const tracker = createServer(({ url = "" }, response) => {
      announced.push(url);
      if (url.includes("event=stopped")) goodbye?.();
      else response.end("d8:intervali1800e5:peers0:e");
    });
    tracker.listen(0, "127.0.0.1");
    await once(tracker, "listening");
    const { port } = tracker.address() as AddressInfo;
    const torrent = await shop.torrent(
      { "one.bin": 1000 },
      "--tracker",
      `http://127.0.0.1:${port}/announce`,
    );
    const answered = once(tracker, "request");
    const child = start(BIN, "seed", torrent, "--data", "seed");
    const ended = once(child, "exit");
    await answered;
    // The answer has to arrive: without a welcome there is no good-bye.
    await new Promise<void>((resolve) => {
      createInterface(child.stdout).on("line", (line) => {
        if (line.startsWith("seeding")) resolve();
      });
    });
    child.kill("SIGINT");
    await saysGoodbye;
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(130);
    tracker.close();
    tracker.closeAllConnections();
    expect(announced.map((url) => /event=(\w+)/.exec(url)?.[1])).toEqual(["started", "stopped"]);
  });
});
