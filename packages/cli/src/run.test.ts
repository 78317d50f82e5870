import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memoryIo } from "../testing/memory.ts";
import { Running } from "../testing/shop.ts";
import { run } from "./run.ts";

async function shoal(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = memoryIo();
  const code = await run(args, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const COMMANDS = ["download", "seed", "create", "info", "check", "dht", "demo"];

describe("help", () => {
  it.each([["--help"], ["-h"], ["help"]])("%s lists the commands", async (option) => {
    const { code, out, err } = await shoal(option);
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  it.each(COMMANDS)("of %s tells its usage", async (command) => {
    const { code, out } = await shoal(command, "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: shoal ${command}`);
    expect(await shoal("help", command)).toEqual({ code: 0, out, err: "" });
  });

  it("comes as an error when there is no command", async () => {
    const { code, out, err } = await shoal();
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("Usage: shoal");
  });
});

it.each([["--version"], ["-V"]])("%s prints the package's version", async (option) => {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  expect(await shoal(option)).toEqual({ code: 0, out: `${Object(manifest).version}\n`, err: "" });
});

describe("wrong usage ends with 2 and one clear line", () => {
  it.each([
    [["downlod"], "unknown command 'downlod'"],
    [["download"], "missing required argument 'torrent'"],
    [["download", "a", "b"], "too many arguments"],
    [["download", "a", "--frobnicate"], "unknown option '--frobnicate'"],
    [["download", "a", "--peer"], "option '--peer <host:port>' argument missing"],
    [["download", "a", "--peer", "x"], "expected a peer"],
    [["download", "a", "--port", "70000"], "expected a port"],
    [["download", "a", "--down", "fast"], "expected a size"],
    [["download", "a", "--up", "0"], "expected a size above 0"],
    [["download", "a", "--files", "5-1"], "expected numbers of files"],
    [["seed", "a.torrent"], "--data DIR"],
    [["seed", "http://h/a"], "--data DIR"],
    [
      ["seed", "a.torrent", "--data", ".", "--tracker", "http://t/"],
      "--tracker is for new torrents",
    ],
    [["create", "a", "--piece-length", "100K"], "expected a piece length"],
    [["create", "a", "--tracker", "t.example"], "expected a URL"],
    [["create", "a", "--webseed", "udp://x"], "expected a URL"],
    [["check", "a.torrent"], "required option '--data <dir>' not specified"],
    [["info", "http://h/a.torrent"], "expected a torrent file or a magnet link"],
    [["info"], "missing required argument"],
  ])("%j", async (args, message) => {
    const { code, out, err } = await shoal(...args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(message);
    expect(err).toMatch(/^error: [^\n]+ \(ERR_CLI_USAGE\)\n$/);
  });

  it("in JSON too", async () => {
    const { code, out, err } = await shoal("download", "--json", "--nope");
    expect(code).toBe(2);
    expect(err).toBe("");
    expect(JSON.parse(out)).toMatchObject({ event: "error", code: "ERR_CLI_USAGE" });
  });

  it("unless '--json' is the name of a file", async () => {
    const { code, out } = await shoal("info", "--", "--json");
    expect({ code, out }).toEqual({ code: 1, out: "" });
  });
});

it("stack traces come only with DEBUG", async () => {
  const quiet = new Running(["info", "/nowhere"]);
  const verbose = new Running(["info", "/nowhere"], { DEBUG: "1" });
  expect(await Promise.all([quiet.code, verbose.code])).toEqual([1, 1]);
  expect(quiet.err).toBe("error: '/nowhere' does not exist; check the path (ENOENT)\n");
  expect(verbose.err).toMatch(/ENOENT.*\n.*Error: .*\n? +at /s);
});
