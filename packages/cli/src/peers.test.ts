import { expect, it } from "vitest";
import { Interrupted } from "./error.ts";
import { resolvePeers } from "./peers.ts";

const never = new AbortController().signal;

it("takes addresses as they are, in canonical form", async () => {
  const names = [
    { host: "192.0.2.1", port: 1 },
    { host: "2001:DB8:0::1", port: 2 },
  ];
  expect(await resolvePeers(names, { signal: never })).toEqual([
    { address: "192.0.2.1", port: 1 },
    { address: "2001:db8::1", port: 2 },
  ]);
});

it("gives every address of a name", async () => {
  const found = await resolvePeers([{ host: "localhost", port: 3 }], { signal: never });
  expect(found).not.toEqual([]);
  for (const { address, port } of found) {
    expect(["127.0.0.1", "::1"]).toContain(address);
    expect(port).toBe(3);
  }
});

it("waits for no name when the user leaves", async () => {
  const leaving = new AbortController();
  const names = [{ host: "no-such-host.invalid", port: 1 }];
  const resolved = resolvePeers(names, leaving);
  leaving.abort(new Interrupted(130));
  await expect(resolved).rejects.toBeInstanceOf(Interrupted);
  await expect(resolvePeers(names, leaving)).rejects.toBeInstanceOf(Interrupted);
});
