// Names to addresses over a network's own sockets: the system's resolver would use any interface.

import { randomInt } from "node:crypto";
import { Resolver } from "node:dns";
import { readFile } from "node:fs/promises";
import { domainToASCII } from "node:url";
import { type Endpoint, ipFamily, normalizeIp, parseEndpoint } from "@shoal/core";
import type { Binding } from "./binding.ts";
import { type ResolveOptions, resolveBy } from "./dns.ts";
import { type DnsAnswer, decodeAnswer, encodeQuestion } from "./dns-message.ts";
import { NetError } from "./error.ts";
import { openUdp } from "./udp.ts";

/**
 * Resolves as `resolve` does, from the addresses of `binding` alone: names are looked for in the hosts
 * file and then with the name servers, each of which is asked twice. Names are taken as they are, no
 * search domain is appended. IPv6 comes first; addresses that nothing leads to are left out.
 *
 * @param servers `address` or `address:port` of the servers to ask; by default those of the system.
 * @returns a function that throws NetError `ERR_NET_DNS`, `ERR_NET_ADDRESS_UNAVAILABLE` if no name
 *   server can be reached; the signal's reason.
 */
export function boundResolve(
  binding: Binding,
  servers?: readonly string[],
): (host: string, options?: ResolveOptions) => Promise<string[]> {
  const canReach = (address: string): boolean => {
    try {
      binding.sourceFor(address);
      return true;
    } catch {
      return false;
    }
  };
  return (host, options = {}) =>
    resolveBy(
      async (name, signal) =>
        (await lookUp({ binding, canReach, servers }, name, signal)).filter(canReach),
      host,
      options,
    );
}

interface Host {
  readonly binding: Binding;
  readonly canReach: (address: string) => boolean;
  readonly servers: readonly string[] | undefined;
}

async function lookUp(
  host: Host,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const ascii = domainToASCII(name).toLowerCase().replace(/\.$/, "");
  // As the system does, short forms such as `127.1` are taken for addresses.
  if (ipFamily(ascii) !== undefined) return [ascii];
  const local = isLocalhost(ascii) ? ["::1", "127.0.0.1"] : await fromHostsFile(ascii);
  if (local.length > 0) return local;
  const servers = await reachableServers(host);
  const asked = await Promise.allSettled(
    ([6, 4] as const).map((family) => askAll(host, servers, ascii, family, signal)),
  );
  signal?.throwIfAborted();
  const found = asked.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const failure = asked.find((answer) => answer.status === "rejected");
  if (found.length === 0 && failure !== undefined) throw failure.reason;
  return found;
}

const DNS_PORT = 53;
/** What a server may take to answer, in ms. */
const ANSWER_MS = 2000;
const ROUNDS = 2;
const NO_NAME = 3;
const HOSTS_FILE =
  process.platform === "win32" ? "C:\\Windows\\System32\\drivers\\etc\\hosts" : "/etc/hosts";
/** Where systemd-resolved keeps the servers that its local one asks. */
const RESOLVED_FILE = "/run/systemd/resolve/resolv.conf";

/** RFC 6761 §6.3. */
function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

async function fromHostsFile(name: string): Promise<string[]> {
  const lines = await linesOf(HOSTS_FILE);
  return lines.flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const isIt = names.some((text) => text.toLowerCase() === name);
    return (isIt ? normalizeIp(address) : undefined) ?? [];
  });
}

async function reachableServers(host: Host): Promise<Endpoint[]> {
  const named = host.servers ?? new Resolver().getServers();
  const within = (texts: readonly string[]): Endpoint[] =>
    texts
      .map((text) => parseEndpoint(text) ?? parseEndpoint(withPort(text)))
      .filter((server) => server !== undefined)
      .filter(({ address }) => host.canReach(address));
  const servers = within(named);
  if (servers.length > 0) return servers;
  // A server on this machine is out of reach, and would ask others by any interface.
  const behind = host.servers === undefined ? within(await resolvedServers()) : [];
  if (behind.length > 0) return behind;
  throw new NetError(
    "ERR_NET_ADDRESS_UNAVAILABLE",
    `no name server can be reached from what the network is bound to (there are: ${named.join(", ")});` +
      " name one that can be as an option",
  );
}

async function resolvedServers(): Promise<string[]> {
  const lines = await linesOf(RESOLVED_FILE);
  return lines.flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

function withPort(address: string): string {
  return ipFamily(address) === 6 ? `[${address}]:${DNS_PORT}` : `${address}:${DNS_PORT}`;
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n");
}

async function askAll(
  host: Host,
  servers: readonly Endpoint[],
  name: string,
  family: 4 | 6,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  let failure: unknown;
  for (const server of Array.from({ length: ROUNDS }, () => servers).flat()) {
    const question = encodeQuestion(randomInt(0x10000), name, family);
    if (question === undefined) {
      throw new NetError("ERR_NET_DNS", `'${name}' is no name that can be resolved`);
    }
    try {
      const { code, addresses } = await ask(host, server, question, signal);
      if (code === 0) return addresses;
      failure = new NetError("ERR_NET_DNS", `resolving '${name}' failed: ${meaning(code)}`);
      if (code === NO_NAME) break;
    } catch (error) {
      signal?.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

function meaning(code: number): string {
  if (code === NO_NAME) return "there is no such name; is it spelled right?";
  return `the name server answered with code ${code}`;
}

/** Asks from a socket, and so a port, of its own: nobody else can guess where to answer. */
async function ask(
  host: Host,
  server: Endpoint,
  question: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<DnsAnswer> {
  const { address, device } = host.binding.sourceFor(server.address);
  const socket = await openUdp({ address, port: 0 }, device, {});
  const late = AbortSignal.timeout(ANSWER_MS);
  const stop = signal === undefined ? late : AbortSignal.any([signal, late]);
  try {
    return await new Promise<DnsAnswer>((resolve, reject) => {
      stop.throwIfAborted();
      stop.addEventListener("abort", () => {
        reject(new NetError("ERR_NET_DNS", `name server ${server.address} does not answer`));
      });
      socket.attach((bytes, from) => {
        if (from.address !== server.address || from.port !== server.port) return;
        const answer = decodeAnswer(bytes, question);
        if (answer !== undefined) resolve(answer);
      });
      socket.send(question, server);
    });
  } finally {
    await socket.close();
  }
}
