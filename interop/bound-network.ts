// Runs in a network namespace of its own: uses a network that is bound to a tunnel, while all routes
// lead elsewhere, and prints what left by which interface. Arguments: what to bind to, or nothing.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Datagrams, Duplex, Endpoint } from "@shoal/core";
import { createNetwork, type HttpClient, NetError, type Network } from "@shoal/net";
import { REMOTE, REMOTE_ON_LINK, REMOTE_PORTS } from "./bound-remote.ts";

/** What happened in one situation. */
export interface Phase {
  readonly name: string;
  /** Packets that left by the interface that nothing may leave by. */
  readonly lan: number;
  /** Packets that left by the tunnel. */
  readonly vpn: number;
  /** How attempts ended: `ok`, the code of a NetError, or another error's text. */
  readonly outcomes: Record<string, string>;
}

/** Where only the forbidden interface leads: its own network, and the rest of the world. */
const ELSEWHERE = ["192.168.7.9", "198.51.100.1", "fd07::9", "2001:db8::1"];
const OWN_ON_LINK = "fe80::2";
const ATTEMPT_MS = 500;

const bind = process.argv.slice(2);
const isNamed = bind.includes("vpn0");
const phases: Phase[] = [];
setUp();
const remote = await startRemote();
try {
  const network = createNetwork({
    ...(bind.length === 0 ? {} : { bind }),
    nameServers: [REMOTE[4], REMOTE[6]],
  });
  await settle();
  if (bind.length === 0) {
    await phase("free", () => everywhere(network));
  } else {
    await runBound(network);
  }
} finally {
  remote.kill();
}
process.stdout.write(`${JSON.stringify(phases)}\n`);

async function runBound(network: Network): Promise<void> {
  const held = await hold(network);
  const all = async (): Promise<Record<string, string>> => {
    held.use();
    return { ...(await reachRemote(network)), ...(await everywhere(network)) };
  };
  await phase("through the tunnel", () => reachRemote(network));
  // A link-local address of the interface needs its name.
  if (isNamed) await phase("on the link", () => reachOnLink(network));
  // An address alone does not decide the way: see the limits in the package's README.
  if (isNamed) await phase("elsewhere", () => everywhere(network));
  if (isNamed) ip("link set vpn0 down");
  else for (const address of ["10.8.0.2/24", "fd08::2/64"]) ip(`addr del ${address} dev vpn0`);
  await phase("down", all);
  ip("link del vpn0");
  await phase("gone", all);
  await held.close();
}

function setUp(): void {
  ip("link set lo up");
  ip("link add vpn0 type veth peer name vpn1");
  ip("link add lan0 type veth peer name lan1");
  for (const [name, v4, v6] of [
    ["vpn0", "10.8.0.2/24", "fd08::2/64"],
    ["lan0", "192.168.7.2/24", "fd07::2/64"],
  ]) {
    // The kernel itself shall say nothing there: no link-local address, no looking for routers.
    ip(`link set ${name} addrgenmode none`);
    ip(`link set ${name} multicast off`);
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/router_solicitations`, "0");
    ip(`addr add ${v4} dev ${name}`);
    ip(`addr add ${v6} dev ${name} nodad`);
    ip(`link set ${name} up`);
  }
  ip("link set lan1 up");
  ip(`addr add ${OWN_ON_LINK}/64 dev vpn0 nodad`);
  ip("route add default via 192.168.7.1 dev lan0");
  ip("-6 route add default via fd07::1 dev lan0");
}

async function startRemote(): Promise<ChildProcess> {
  const program = new URL("bound-remote.ts", import.meta.url).pathname;
  const node = [process.execPath, "--conditions=shoal-source", program];
  const child = spawn("unshare", ["--net", ...node], { stdio: ["pipe", "pipe", "inherit"] });
  // Its namespace is another one as soon as its program runs.
  while (execFileSync("readlink", [`/proc/${child.pid}/ns/net`], { encoding: "utf8" }) === own()) {
    await pause(10);
  }
  ip(`link set vpn1 netns ${child.pid}`);
  const ready = once(child.stdout, "data");
  child.stdin.end("go\n");
  await ready;
  return child;
}

function own(): string {
  return execFileSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" });
}

/** Waits until the kernel has announced the new addresses to its neighbours. */
async function settle(): Promise<void> {
  for (let before = -1, now = sent("lan0"); now !== before; now = sent("lan0")) {
    before = now;
    await pause(2500);
  }
}

async function phase(name: string, run: () => Promise<Record<string, string>>): Promise<void> {
  const [lan, vpn] = [sent("lan0"), sent("vpn0")];
  const outcomes = await run();
  // Time for what the kernel sends again.
  await pause(ATTEMPT_MS);
  phases.push({ name, lan: sent("lan0") - lan, vpn: Math.max(0, sent("vpn0") - vpn), outcomes });
}

/** What is open while the tunnel goes down, and goes on sending. */
async function hold(network: Network): Promise<{ use(): void; close(): Promise<void> }> {
  const sockets = await Promise.all(([4, 6] as const).map((family) => network.udp(family)));
  const streams = await Promise.all(
    ([4, 6] as const).map((family) => dial(network, endpoint(family, REMOTE_PORTS.echo))),
  );
  for (const stream of streams) {
    stream.attach({ received: () => {}, flushed: () => {}, closed: () => {} });
  }
  return {
    use: () => {
      for (const socket of sockets) sendEverywhere(socket);
      for (const stream of streams) stream.write([new Uint8Array(1000)]);
    },
    close: async () => {
      for (const stream of streams) stream.destroy();
      await Promise.all(sockets.map((socket) => socket.close()));
    },
  };
}

async function reachRemote(network: Network): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const family of [4, 6] as const) {
    const at = endpoint(family, REMOTE_PORTS.echo);
    outcomes[`tcp${family}`] = await outcome(async () => (await dial(network, at)).destroy());
    outcomes[`udp${family}`] = await outcome(() => exchange(network, family, at));
    outcomes[`http${family}`] = await outcome(() => fetch(network, urlOf(REMOTE[family])));
    outcomes[`dns${family}`] = await outcome(() => network.resolve("any.example", { family }));
  }
  outcomes["http by name"] = await outcome(() => fetch(network, urlOf("any.example")));
  return outcomes;
}

/** Reaches the remote at its link-local address, whose zone shows in what comes from there. */
async function reachOnLink(network: Network): Promise<Record<string, string>> {
  const zone = "%vpn0";
  const at = { address: `${REMOTE_ON_LINK}${zone}`, port: REMOTE_PORTS.echo };
  return {
    tcp: await outcome(async () => {
      const stream = await dial(network, at);
      stream.destroy();
      expectSame([stream.remote.address, stream.local.address], [at.address, OWN_ON_LINK + zone]);
    }),
    udp: await outcome(async () => {
      const socket = await network.udp({ address: OWN_ON_LINK + zone, port: 0 });
      const from = await new Promise<Endpoint>((resolve) => {
        socket.attach((_, sender) => resolve(sender));
        socket.send(new Uint8Array(1), at);
      });
      await socket.close();
      expectSame([from.address], [at.address]);
    }),
    "no zone": await outcome(() => dial(network, { ...at, address: REMOTE_ON_LINK })),
  };
}

function expectSame(found: string[], expected: string[]): void {
  const [is, was] = [found.join(), expected.join()];
  if (is !== was) throw new Error(`${is} instead of ${was}`);
}

/** Tries to reach what only the other interface leads to. */
async function everywhere(network: Network): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  const signal = (): AbortSignal => AbortSignal.timeout(ATTEMPT_MS);
  await Promise.all(
    ELSEWHERE.map(async (address) => {
      const host = address.includes(":") ? `[${address}]` : address;
      const at = { address, port: 80 };
      outcomes[`tcp ${address}`] = await outcome(() => network.tcp.dial(at, { signal: signal() }));
      outcomes[`http ${address}`] = await outcome(() => fetch(network, `http://${host}/`));
      const family = address.includes(":") ? 6 : 4;
      outcomes[`udp ${address}`] = await outcome(async () => {
        const socket = await network.udp(family);
        sendEverywhere(socket);
        await pause(ATTEMPT_MS);
        await socket.close();
      });
      const asking = { nameServers: [address], ...(bind.length === 0 ? {} : { bind }) };
      outcomes[`dns ${address}`] = await outcome(() =>
        createNetwork(asking).resolve("any.example", { signal: signal() }),
      );
    }),
  );
  return outcomes;
}

function sendEverywhere(socket: Datagrams): void {
  for (const address of [...ELSEWHERE, ...Object.values(REMOTE)]) {
    socket.send(new Uint8Array(100), { address, port: 6881 });
  }
}

async function exchange(network: Network, family: 4 | 6, to: Endpoint): Promise<void> {
  const socket = await network.udp(family);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.attach(() => resolve());
      socket.send(new Uint8Array(1), to);
      setTimeout(() => reject(new Error("no answer")), ATTEMPT_MS);
    });
  } finally {
    await socket.close();
  }
}

async function fetch(network: Network, url: string): Promise<void> {
  const client: HttpClient = network.http();
  try {
    await client.get(url, { maxBytes: 1000, timeoutMs: ATTEMPT_MS });
  } finally {
    await client.close();
  }
}

function dial(network: Network, at: Endpoint): Promise<Duplex> {
  return network.tcp.dial(at, { signal: AbortSignal.timeout(ATTEMPT_MS) });
}

async function outcome(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return "ok";
  } catch (error) {
    return error instanceof NetError ? error.code : String(error);
  }
}

function endpoint(family: 4 | 6, port: number): Endpoint {
  return { address: REMOTE[family], port };
}

function urlOf(host: string): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${REMOTE_PORTS.http}/`;
}

/** Packets that an interface has sent; 0 if there is none. */
function sent(device: string): number {
  const text = execFileSync("ip", ["-j", "-s", "link", "show"], { encoding: "utf8" });
  const links: { ifname: string; stats64: { tx: { packets: number } } }[] = JSON.parse(text);
  return links.find(({ ifname }) => ifname === device)?.stats64.tx.packets ?? 0;
}

function ip(command: string): void {
  execFileSync("ip", command.split(" "));
}
