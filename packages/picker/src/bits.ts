// Searching what two piece sets have in common, a byte at a time.

/**
 * The lowest index ≥ `from` that both sets contain, or −1. Both are a Bitfield's bytes, of equal
 * length.
 */
export function nextCommon(a: Uint8Array, b: Uint8Array, from: number): number {
  let byte = from >> 3;
  if (byte >= a.length) return -1;
  let bits = (a[byte] as number) & (b[byte] as number) & (0xff >> (from & 7));
  while (bits === 0) {
    if (++byte >= a.length) return -1;
    bits = (a[byte] as number) & (b[byte] as number);
  }
  return byte * 8 + Math.clz32(bits) - 24;
}
