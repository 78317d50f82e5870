// Local discovery as a service of a session: binds it to multicast sockets on the right interfaces.
import { type PeerSource, zoneOf } from "@shoal/core";
import { createLsdSource, LSD_GROUPS, type LsdSocket } from "@shoal/lsd";
import type { MulticastInterface, Network } from "@shoal/net";
import type { ServiceHost } from "../init.ts";

/** Interfaces taken part on, each family counted: some machines have hundreds for containers. */
const MAX_INTERFACES = 16;

/** A service that finds peers in the local networks that the network may use. */
export function lsdService(network: Network): (host: ServiceHost) => PeerSource {
  return (host) =>
    createLsdSource({
      ...host,
      open: () => openSockets(network, chooseInterfaces(network.multicastInterfaces())),
    });
}

/**
 * One address of each family for every interface; such as make sense without a zone come first.
 * Loopback is for those who have nothing else.
 */
export function chooseInterfaces(all: readonly MulticastInterface[]): MulticastInterface[] {
  const outside = all.filter(({ isLoopback }) => !isLoopback);
  const usable = outside.length > 0 ? outside : all;
  const isZoned = ({ address }: MulticastInterface): boolean => zoneOf(address) !== undefined;
  const chosen = new Map<string, MulticastInterface>();
  for (const at of [...usable.filter((one) => !isZoned(one)), ...usable.filter(isZoned)]) {
    const key = `${at.family} ${at.name}`;
    if (!chosen.has(key)) chosen.set(key, at);
  }
  return [...chosen.values()].slice(0, MAX_INTERFACES);
}

/** Those that can be opened. @throws NetError if there are interfaces, but none lets us. */
async function openSockets(
  network: Network,
  interfaces: readonly MulticastInterface[],
): Promise<LsdSocket[]> {
  const attempts = await Promise.allSettled(interfaces.map((at) => openSocket(network, at)));
  const open = attempts.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = attempts.find((one) => one.status === "rejected");
  if (open.length === 0 && failed !== undefined) throw failed.reason;
  return open;
}

async function openSocket(network: Network, at: MulticastInterface): Promise<LsdSocket> {
  const group = LSD_GROUPS[at.family];
  const datagrams = await network.multicast(group, at);
  return { group, datagrams, isOnLink: (address) => at.contains(address) };
}
