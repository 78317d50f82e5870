// Which routers there are: the default routes of this machine, and its addresses on the way there.
import { readFile } from "node:fs/promises";
import { endianness, type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { canonicalAddress, formatIp, fromHex, ipFamily, isLocal, parseIp } from "@shoal/core";
import type { Gateway } from "./method.ts";

/** A default route. */
export interface Route {
  /** Name of the interface. */
  readonly device: string;
  /** IP address of the router; without a zone. */
  readonly router: string;
}

/** The interfaces' addresses by name, as `networkInterfaces()` of node:os gives them. */
export type Interfaces = Readonly<
  Record<string, readonly Pick<NetworkInterfaceInfo, "address" | "internal" | "cidr">[] | undefined>
>;

/** At most so many gateways: each is asked by itself. */
const MOST_GATEWAYS = 8;

/**
 * The gateways of this machine, at present: on Linux the routers of its default routes, once for each
 * of our addresses on the way; elsewhere only our private IPv4 addresses, for UPnP to search from.
 */
export async function defaultGateways(): Promise<readonly Gateway[]> {
  const interfaces = networkInterfaces();
  if (process.platform !== "linux") return searchable(interfaces);
  const [v4, v6] = await Promise.all(["/proc/net/route", "/proc/net/ipv6_route"].map(read));
  const routes = [...parseRoutes(v4 ?? "", endianness() === "LE"), ...parseRoutes6(v6 ?? "")];
  return gatewaysOf(routes, interfaces);
}

/**
 * Reads `/proc/net/route`, where the kernel prints addresses as numbers of the host.
 *
 * @returns the IPv4 default routes that lead to a router, the preferred ones first.
 */
export function parseRoutes(table: string, isLittleEndian: boolean): readonly Route[] {
  const found: Ranked[] = [];
  for (const line of table.split("\n").slice(1)) {
    const [device = "", to, via = "", flags = "", , , metric = "", mask] = line.split(/\s+/);
    if (to !== "00000000" || mask !== "00000000" || !leadsToRouter(flags)) continue;
    const bytes = fromHex(via);
    if (bytes?.length !== 4) continue;
    const router = formatIp(isLittleEndian ? bytes.toReversed() : bytes);
    found.push({ device, router, metric: Number(metric) });
  }
  return preferredFirst(found);
}

/** As {@link parseRoutes} for `/proc/net/ipv6_route`, which has addresses in network order. */
export function parseRoutes6(table: string): readonly Route[] {
  const found: Ranked[] = [];
  for (const line of table.split("\n")) {
    const [to, toLength, , , via = "", metric = "", , , flags = "", device = ""] =
      line.split(/\s+/);
    if (!/^0{32}$/.test(to ?? "") || toLength !== "00" || !leadsToRouter(flags)) continue;
    const bytes = fromHex(via);
    if (bytes?.length !== 16) continue;
    const router = formatIp(bytes);
    found.push({ device, router, metric: Number.parseInt(metric, 16) });
  }
  return preferredFirst(found);
}

/**
 * The gateways that routes lead to. Over IPv4 we are at the interface's address in the router's
 * network, over IPv6 at each of its global addresses.
 */
export function gatewaysOf(routes: readonly Route[], interfaces: Interfaces): readonly Gateway[] {
  const found = new Map<string, Gateway>();
  for (const { device, router } of routes) {
    const family = ipFamily(router);
    const ours = (interfaces[device] ?? []).filter(
      ({ address, internal }) => !internal && ipFamily(address) === family,
    );
    const isLinkLocal = /^fe[89ab].*:/.test(router);
    const address = canonicalAddress(isLinkLocal ? `${router}%${device}` : router);
    if (address === undefined) continue;
    const locals =
      family === 6
        ? ours.filter((one) => !isLocal(one.address))
        : [ours.find(({ cidr }) => cidr !== null && isWithin(router, cidr)) ?? ours[0]];
    for (const one of locals) {
      const local = canonicalAddress(one?.address ?? "");
      if (local !== undefined) found.set(`${local} ${address}`, { address, local });
    }
  }
  return [...found.values()].slice(0, MOST_GATEWAYS);
}

/** The lower its metric, the more a route is preferred. */
type Ranked = Route & { readonly metric: number };

function preferredFirst(routes: readonly Ranked[]): readonly Route[] {
  return routes
    .toSorted((a, b) => a.metric - b.metric)
    .map(({ device, router }) => ({ device, router }));
}

function searchable(interfaces: Interfaces): readonly Gateway[] {
  return Object.values(interfaces)
    .flatMap((all) => all ?? [])
    .filter(({ address, internal }) => !internal && ipFamily(address) === 4 && isLocal(address))
    .filter(({ address }) => !address.startsWith("169.254."))
    .map(({ address }) => ({ address: undefined, local: address }))
    .slice(0, MOST_GATEWAYS);
}

/** Flags `RTF_UP` and `RTF_GATEWAY`, without `RTF_REJECT`. */
function leadsToRouter(flags: string): boolean {
  return (Number.parseInt(flags, 16) & 0x203) === 0x003;
}

function isWithin(address: string, cidr: string): boolean {
  const [network = "", length] = cidr.split("/");
  const [a, b] = [parseIp(address), parseIp(network)];
  if (a === undefined || b === undefined) return false;
  return a.every((byte, i) => {
    const bits = Math.min(Math.max(Number(length) - 8 * i, 0), 8);
    return (byte ^ (b[i] ?? 0)) >> (8 - bits) === 0;
  });
}

/** A table that can't be read has no routes. */
async function read(path: string): Promise<string> {
  return readFile(path, "latin1").catch(() => "");
}
