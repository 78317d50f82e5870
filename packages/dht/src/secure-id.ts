// Node ids that are bound to an IP address, so that nobody can choose where to sit (BEP 42).
import { isLocal, parseIp, type Rng, randomInt } from "@shoal/core";
import { ID_LENGTH } from "./node-id.ts";

/**
 * An id that is valid for the address: 21 bits follow from it, the rest is random.
 *
 * @param seed The last byte; its low three bits choose one of eight ids for an address.
 */
export function secureId(
  address: string,
  rng: Rng,
  seed: number = randomInt(rng, 256),
): Uint8Array {
  const id = Uint8Array.from({ length: ID_LENGTH }, () => randomInt(rng, 256));
  const crc = prefixOf(address, seed);
  id[0] = crc >>> 24;
  id[1] = crc >>> 16;
  id[2] = ((crc >>> 8) & 0xf8) | ((id[2] ?? 0) & 7);
  id[19] = seed;
  return id;
}

/** Whether the id is valid for the address. Local addresses may have any. */
export function isSecureId(id: Uint8Array, address: string): boolean {
  if (isLocal(address)) return true;
  const [a = 0, b = 0, c = 0] = id;
  const crc = prefixOf(address, id[19] ?? 0);
  return ((((a << 24) | (b << 16) | (c << 8)) ^ crc) & 0xfffff800) === 0;
}

/** CRC-32C of the masked address, of which the first 21 bits count. */
function prefixOf(address: string, seed: number): number {
  const ip = parseIp(address) ?? new Uint8Array(4);
  const mask = ip.length === 4 ? MASK_V4 : MASK_V6;
  let crc = 0xffffffff;
  for (const [i, bits] of mask.entries()) {
    let byte = (ip[i] ?? 0) & bits;
    if (i === 0) byte |= (seed & 7) << 5;
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}

const MASK_V4 = Uint8Array.of(0x03, 0x0f, 0x3f, 0xff);
const MASK_V6 = Uint8Array.of(0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff);

/** CRC-32C, the Castagnoli polynomial, reflected. */
const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
