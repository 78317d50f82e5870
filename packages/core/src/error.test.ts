import { expect, it } from "vitest";
import { asError, errorCode, ShoalError } from "./index.ts";

it("a ShoalError has a code, a cause and a name", () => {
  const cause = new Error("disk");
  const error = new ShoalError("ERR_SHOAL_X", "what happened", { cause });
  expect(error).toMatchObject({ code: "ERR_SHOAL_X", name: "ShoalError", cause });
  expect(String(error)).toBe("ShoalError: what happened");
});

it.each([
  [new ShoalError("ERR_SHOAL_X", "x"), "ERR_SHOAL_X"],
  [Object.assign(new Error("x"), { code: "ENOENT" }), "ENOENT"],
  [Object.assign(new Error("x"), { code: 5 }), "ERR_SHOAL_UNKNOWN"],
  [new Error("x"), "ERR_SHOAL_UNKNOWN"],
  [{ code: "ENOENT" }, "ERR_SHOAL_UNKNOWN"],
  [undefined, "ERR_SHOAL_UNKNOWN"],
])("errorCode(%o) is %s", (thrown, code) => {
  expect(errorCode(thrown)).toBe(code);
});

it("asError keeps errors and wraps the rest", () => {
  const error = new TypeError("x");
  expect(asError(error)).toBe(error);
  expect(asError("words").message).toBe("words");
  expect(asError(undefined)).toBeInstanceOf(Error);
});
