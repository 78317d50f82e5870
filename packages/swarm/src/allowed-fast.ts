// Which pieces a newcomer may request while choked (BEP 6), so that it has something to trade.
import { type Bitfield, type Endpoint, parseIp } from "@shoal/core";
import { allowedFastSet } from "@shoal/wire";

/** How many. */
const COUNT = 5;

/** The set for this remote; empty while we have nothing, and for IPv6, where BEP 6 defines none. */
export function allowedFastFor(
  remote: Endpoint,
  infoHash: Uint8Array,
  have: Bitfield,
  sha1: (bytes: Uint8Array) => Uint8Array,
): readonly number[] {
  const ip = parseIp(remote.address);
  if (ip?.length !== 4 || have.count === 0) return [];
  return allowedFastSet(infoHash, ip, have.length, Math.min(COUNT, have.length), sha1);
}
