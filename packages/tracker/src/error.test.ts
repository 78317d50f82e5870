// Errors: what strangers wrote is made harmless, and passkeys stay out.
import { ShoalError } from "@shoal/core";
import { expect, it } from "vitest";
import { asTrackerError, printable, TrackerError } from "./error.ts";

it("keeps its own errors and wraps others", () => {
  const own = new TrackerError("ERR_TRACKER_TIMEOUT", "too late");
  expect(asTrackerError(own)).toBe(own);
  const cause = new Error("connect ECONNREFUSED 192.0.2.1:80");
  expect(asTrackerError(cause)).toMatchObject({
    code: "ERR_TRACKER_UNREACHABLE",
    message: cause.message,
    cause,
  });
  expect(asTrackerError("odd")).toBeInstanceOf(ShoalError);
});

it("strips URLs in foreign messages of what identifies the user", () => {
  const { message } = asTrackerError(
    new Error("https://me:pass@t.example:1/passkey/announce?x=1 redirects to 'http://e.example/k'"),
  );
  expect(message).toBe("https://t.example:1 redirects to 'http://e.example'");
});

it("makes any text fit for a terminal", () => {
  expect(printable("a\u001b[2J\n\u202eb\u2028c")).toBe("a?[2J??b?c");
  expect(printable(Uint8Array.of(0xff, 0x41))).toBe("\ufffdA");
  expect(printable("x".repeat(1_000_000))).toHaveLength(200);
});
