import { ShoalError } from "@shoal/core";
import { describe, expect, it } from "vitest";
import { CliError, exitCodeOf, explain, Interrupted, UsageError, withSource } from "./error.ts";

const system = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: something, open`), { code, syscall: "open", path });

describe("explain", () => {
  it("leaves Shoal's errors as they are, on one line", () => {
    expect(explain(new ShoalError("ERR_SHOAL_X", "what\n  to do"))).toEqual({
      code: "ERR_SHOAL_X",
      message: "what to do",
    });
  });

  it.each([
    ["ENOENT", "'/a' does not exist; check the path"],
    ["EACCES", "'/a' is not accessible; check its permissions"],
    ["EISDIR", "'/a' is a folder; name a file"],
    ["EMFILE", "EMFILE: something, open"],
  ])("translates %s", (code, message) => {
    expect(explain(system(code, "/a"))).toEqual({ code, message });
  });

  it("leaves system errors without a path as they are", () => {
    expect(explain(system("ENOSPC"))).toEqual({
      code: "ENOSPC",
      message: "ENOSPC: something, open",
    });
  });

  it.each([new TypeError("x is undefined"), "x is undefined"])("calls %o a bug", (thrown) => {
    expect(explain(thrown)).toEqual({
      code: "ERR_CLI_INTERNAL",
      message: "x is undefined; this is a bug in shoal: please report it with what DEBUG=1 shows",
    });
  });
});

it.each([
  [new UsageError("x"), 2],
  [new CliError("ERR_CLI_DATA", "x"), 1],
  [new TypeError("x"), 1],
  [new Interrupted(130), 130],
  [new Interrupted(143), 143],
])("the exit code of %o is %d", (thrown, exitCode) => {
  expect(exitCodeOf(thrown)).toBe(exitCode);
});

describe("withSource", () => {
  it("names the file that a metainfo error is about", () => {
    const error = new ShoalError("ERR_METAINFO_EMPTY", "expected bytes");
    expect(withSource("a.torrent", error)).toMatchObject({
      code: "ERR_METAINFO_EMPTY",
      message: "'a.torrent' is no usable torrent: expected bytes",
      cause: error,
    });
  });

  it("leaves others alone", () => {
    const error = system("ENOENT");
    expect(withSource("a.torrent", error)).toBe(error);
  });
});
