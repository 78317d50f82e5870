// What a bound network sends, as the kernel counts it: in a namespace with a tunnel and another way out.
// Needs root, for namespaces, and the program `ip`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Phase } from "./bound-network.ts";

async function run(bind: readonly string[]): Promise<Map<string, Phase>> {
  const program = new URL("bound-network.ts", import.meta.url).pathname;
  const node = [process.execPath, "--conditions=shoal-source", program];
  const { stdout } = await promisify(execFile)("unshare", ["--net", ...node, ...bind]);
  const phases = JSON.parse(stdout) as Phase[];
  return new Map(phases.map((phase) => [phase.name, phase]));
}

/** The outcomes that occur, each once. */
function kinds(phase: Phase | undefined): string[] {
  return [...new Set(Object.values(phase?.outcomes ?? {}))];
}

it.concurrent("a network that is not bound leaves by any interface", async () => {
  const phases = await run([]);
  expect(phases.get("free")?.lan).toBeGreaterThan(0);
});

it.concurrent("one that is bound to an interface leaves by no other", async () => {
  const phases = await run(["vpn0"]);
  const names = ["through the tunnel", "on the link", "elsewhere", "down", "gone"];
  expect([...phases.keys()]).toEqual(names);
  for (const phase of phases.values()) expect([phase.name, phase.lan]).toEqual([phase.name, 0]);
  expect(kinds(phases.get("through the tunnel"))).toEqual(["ok"]);
  expect(phases.get("on the link")?.outcomes).toEqual({
    tcp: "ok",
    udp: "ok",
    "no zone": "ERR_NET_INVALID_ADDRESS",
  });
  // Everything was tried, against all routes, in the tunnel.
  expect(phases.get("elsewhere")?.vpn).toBeGreaterThan(0);
  for (const name of ["down", "gone"]) {
    expect(kinds(phases.get(name))).toEqual(["ERR_NET_ADDRESS_UNAVAILABLE"]);
  }
});

it.concurrent("one that is bound to addresses is silent when they are gone", async () => {
  const phases = await run(["10.8.0.2", "fd08::2"]);
  expect([...phases.keys()]).toEqual(["through the tunnel", "down", "gone"]);
  for (const phase of phases.values()) expect([phase.name, phase.lan]).toEqual([phase.name, 0]);
  expect(kinds(phases.get("through the tunnel"))).toEqual(["ok"]);
  for (const name of ["down", "gone"]) {
    expect(kinds(phases.get(name))).toEqual(["ERR_NET_ADDRESS_UNAVAILABLE"]);
  }
});
