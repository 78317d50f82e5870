// BEP 40: the rank of a connection that both of its ends compute alike.
import { crc32c } from "./crc32c.ts";
import type { Endpoint } from "./endpoint.ts";
import { parseIp } from "./ip.ts";

/**
 * How much the connection between two peers is preferred: 0…2³²−1, higher first. Symmetric.
 *
 * IPv6 masks are those of libtorrent's vectors, which open one byte earlier than BEP 40's prose:
 * both ends must agree, and most of the network computes it like this.
 *
 * @param own Our endpoint as the peer sees it; the peer's is its listening endpoint.
 * @returns 0 if the address families differ, as then nothing can be computed.
 */
export function peerPriority(own: Endpoint, peer: Endpoint): number {
  const a = parseIp(own.address);
  const b = parseIp(peer.address);
  if (a === undefined || b === undefined || a.length !== b.length) return 0;
  const difference = a.findIndex((byte, i) => byte !== b[i]);
  if (difference < 0) return ofPorts(own.port, peer.port);
  const open = a.length === 4 ? Math.max(2, difference + 1) : Math.max(6, difference + 2);
  const ownFirst = (a[difference] ?? 0) < (b[difference] ?? 0);
  const both = new Uint8Array(2 * a.length);
  both.set(mask(ownFirst ? a : b, open));
  both.set(mask(ownFirst ? b : a, open), a.length);
  return crc32c(both);
}

function ofPorts(own: number, peer: number): number {
  const low = Math.min(own, peer);
  const high = Math.max(own, peer);
  return crc32c(Uint8Array.of(low >> 8, low & 0xff, high >> 8, high & 0xff));
}

/** Keeps the first `open` bytes and every other bit of the rest. */
function mask(ip: Uint8Array, open: number): Uint8Array {
  return ip.map((byte, i) => (i < open ? byte : byte & 0x55));
}
