// TCP sockets meet the requirements that the simulated network meets too.
import { tcpTransport } from "@shoal/net";
import { transportCompliance } from "@shoal/testkit";
import { describe, it } from "vitest";

describe.each(["127.0.0.1", "::1"])("tcpTransport at %s", (address) => {
  const cases = transportCompliance(() => ({ transport: tcpTransport(), address, pass }));
  for (const { name, run } of cases) it(name, run);
});

/** Loopback has delivered whatever it can within a few turns of the event loop. */
async function pass(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
