// Node ids and info-hashes: 160-bit keys and the XOR metric between them (BEP 5).
import { copyBytes } from "@shoal/core";
import { DhtError } from "./error.ts";

/** Bytes of a node id, an info-hash and a target. */
export const ID_LENGTH = 20;

/**
 * Whether `a` or `b` is closer to `target`: negative if `a` is, positive if `b` is, 0 if they are
 * the same. All have 20 bytes.
 */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const left = a[i] ?? 0;
    const right = b[i] ?? 0;
    if (left !== right) {
      const wanted = target[i] ?? 0;
      return (left ^ wanted) - (right ^ wanted);
    }
  }
  return 0;
}

/** How many leading bits two ids share: 0–160. */
export function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_LENGTH; i++) {
    const difference = (a[i] ?? 0) ^ (b[i] ?? 0);
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return 8 * ID_LENGTH;
}

/** A copy of `id` whose bit `bit` is flipped and whose later bits are those of `noise`. */
export function divergeAt(id: Uint8Array, bit: number, noise: Uint8Array): Uint8Array {
  const made = copyBytes(id);
  const byte = bit >> 3;
  const keep = 0xff00 >> (bit & 7);
  const flip = 0x80 >> (bit & 7);
  const tail = (noise[byte] ?? 0) & ~keep & ~flip & 0xff;
  made[byte] = ((made[byte] ?? 0) & keep) | (~(made[byte] ?? 0) & flip) | tail;
  for (let i = byte + 1; i < ID_LENGTH; i++) made[i] = noise[i] ?? 0;
  return made;
}

/** The bytes as a map key: each byte one character. */
export function keyOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** The bytes of a key that {@link keyOf} made. */
export function bytesOf(key: string): Uint8Array {
  return Uint8Array.from({ length: key.length }, (_, i) => key.charCodeAt(i));
}

/**
 * The same bytes, if there are 20 of them.
 *
 * @throws DhtError `ERR_DHT_OPTION`
 */
export function checkId(name: string, id: Uint8Array): Uint8Array {
  if (id.length === ID_LENGTH) return id;
  throw new DhtError("ERR_DHT_OPTION", `expected ${name} to have 20 bytes, got ${id.length}`);
}
