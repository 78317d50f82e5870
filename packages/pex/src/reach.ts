// Which peers make sense to whom.
import { type Endpoint, isDialable, isLocal, zoneOf } from "@shoal/core";

/**
 * Whether one peer may tell another of a third, so that nobody can send others into networks that
 * he is not in himself: this machine's peers are for this machine's, a local network's for local ones,
 * public ones for all. Never what nobody can dial, nor what only a zone makes sense of.
 *
 * @param party Address of the other side of the connection, whoever of the two does the telling.
 */
export function isMeantFor(party: string, peer: Endpoint): boolean {
  const { address, port } = peer;
  if (port === 0 || !isDialable(address) || zoneOf(address) !== undefined) return false;
  if (isLoopback(address)) return isLoopback(party);
  return !isLocal(address) || isLocal(party);
}

/** @param address Canonical text. */
function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
