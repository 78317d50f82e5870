import { expect, it } from "vitest";
import { resolve } from "./dns.ts";

it("passes IP addresses through in canonical text", async () => {
  expect(await resolve("192.0.2.1")).toEqual(["192.0.2.1"]);
  expect(await resolve("[2001:DB8::0:1]")).toEqual(["2001:db8::1"]);
  expect(await resolve("::ffff:192.0.2.1", { family: 4 })).toEqual(["192.0.2.1"]);
});

it("resolves names, also to one family", async () => {
  expect(await resolve("localhost", { family: 4 })).toEqual(["127.0.0.1"]);
  for (const address of await resolve("localhost")) expect(["127.0.0.1", "::1"]).toContain(address);
});

it("refuses what has no address", async () => {
  await expect(resolve("192.0.2.1", { family: 6 })).rejects.toMatchObject({ code: "ERR_NET_DNS" });
  // A label of over 63 bytes can't be asked for: no query leaves this machine.
  await expect(resolve(`${"a".repeat(64)}.invalid`)).rejects.toMatchObject({
    code: "ERR_NET_DNS",
    message: expect.stringContaining("aaa.invalid"),
  });
});

it("rejects with the signal's reason", async () => {
  const reason = new Error("stopped");
  await expect(resolve("localhost", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const abort = new AbortController();
  const resolving = resolve("localhost", { signal: abort.signal });
  abort.abort(reason);
  await expect(resolving).rejects.toBe(reason);
});
