// The bloom filters by which a swarm is counted without naming its members (BEP 33).

/** Bytes of a filter. */
export const BLOOM_SIZE = 256;
const BITS = 8 * BLOOM_SIZE;

/**
 * Adds an address to a filter.
 *
 * @param hash SHA-1 of the 4 or 16 bytes of the address.
 */
export function addToBloom(bloom: Uint8Array, hash: Uint8Array): void {
  for (const at of [0, 2]) {
    const bit = ((hash[at] ?? 0) | ((hash[at + 1] ?? 0) << 8)) % BITS;
    bloom[bit >> 3] = (bloom[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
}

/** Makes `into` the filter of both sets. */
export function uniteBlooms(into: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < BLOOM_SIZE; i++) into[i] = (into[i] ?? 0) | (other[i] ?? 0);
}

/** How many addresses a filter probably holds; of no use above some 6,000. */
export function estimateBloom(bloom: Uint8Array): number {
  let zeros = 0;
  for (const byte of bloom) {
    for (let bits = ~byte & 0xff; bits !== 0; bits &= bits - 1) zeros++;
  }
  const clear = Math.min(BITS - 1, zeros);
  return Math.log(clear / BITS) / (2 * Math.log(1 - 1 / BITS));
}
