// An IP address with a port, as text and in the compact forms of BEP 5, 7, 11 and 23.
import { canonicalAddress, formatIp, ipFamily, parseIp } from "./ip.ts";

/** Where a peer, node or tracker is. */
export interface Endpoint {
  /**
   * Canonical IP text as {@link formatIp} writes it: equal addresses are equal strings. An IPv6
   * link-local address ends in the zone that it is valid in, as `fe80::1%eth0`.
   */
  readonly address: string;
  /** 0–65535. */
  readonly port: number;
}

/**
 * Makes an endpoint with a canonical address.
 *
 * @throws RangeError if `address` is not an IP address or `port` is not an integer of 0–65535.
 */
export function endpoint(address: string, port: number): Endpoint {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) throw new RangeError(`expected an IP address, got '${address}'`);
  if (!isPort(port)) throw new RangeError(`expected a port of 0–65535, got ${port}`);
  return { address: canonical, port };
}

/** Parses `192.0.2.1:6881` or `[2001:db8::1]:6881`; `undefined` if it is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = canonicalAddress(match?.[1] ?? match?.[2] ?? "");
  const port = Number(match?.[3]);
  if (address === undefined || !isPort(port)) return undefined;
  return { address, port };
}

/** `192.0.2.1:6881` or `[2001:db8::1]:6881`; equal endpoints give equal texts, so it is a map key. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The compact form: 4 or 16 address bytes and 2 port bytes, all big-endian (BEP 23, BEP 7).
 * A zone is left out: it means nothing to others.
 *
 * @throws RangeError if the address is not an IP address.
 */
export function encodeCompact({ address, port }: Endpoint): Uint8Array {
  const ip = parseIp(address);
  if (ip === undefined) throw new RangeError(`expected an IP address, got '${address}'`);
  const bytes = new Uint8Array(ip.length + 2);
  bytes.set(ip);
  bytes[ip.length] = port >> 8;
  bytes[ip.length + 1] = port & 0xff;
  return bytes;
}

/**
 * Reads a list of compact endpoints.
 *
 * @param bytes Whole entries of 6 (`family` 4) or 18 bytes (`family` 6); a torn tail is ignored,
 *   as real trackers send such.
 */
export function decodeCompact(bytes: Uint8Array, family: 4 | 6): Endpoint[] {
  const size = family === 4 ? 6 : 18;
  const found: Endpoint[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    const address = formatIp(bytes.subarray(at, at + size - 2));
    const port = ((bytes[at + size - 2] ?? 0) << 8) | (bytes[at + size - 1] ?? 0);
    found.push({ address, port });
  }
  return found;
}

/** The family of an endpoint's address; 4 for IPv4. */
export function endpointFamily({ address }: Endpoint): 4 | 6 {
  return ipFamily(address) ?? 4;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535;
}
