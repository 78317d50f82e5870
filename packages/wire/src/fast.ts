// Which pieces a choked peer may have anyway (BEP 6, "Allowed Fast Set Generation").
import { readUint32 } from "./uint32.ts";

/**
 * The canonical allowed-fast set of a peer.
 *
 * @param infoHash 20 bytes.
 * @param ip4 The peer's IPv4 address as 4 bytes; the algorithm knows no other.
 * @param pieceCount Pieces of the torrent.
 * @param k How many pieces are wanted; all of them if the torrent has no more.
 * @param sha1 The digest of its argument, 20 bytes.
 * @returns Distinct piece indices in canonical order.
 */
export function allowedFastSet(
  infoHash: Uint8Array,
  ip4: Uint8Array,
  pieceCount: number,
  k: number,
  sha1: (bytes: Uint8Array) => Uint8Array,
): number[] {
  const size = Math.min(k, pieceCount);
  // A torrent with hardly more pieces than are wanted would take many digests to fill the set.
  if (size === pieceCount) return Array.from({ length: pieceCount }, (_, piece) => piece);
  const chosen = new Set<number>();
  let x = new Uint8Array(24);
  // The last octet stays zero, so that one network gets one set.
  x.set(ip4.subarray(0, 3));
  x.set(infoHash, 4);
  while (chosen.size < size) {
    x = new Uint8Array(sha1(x));
    for (let at = 0; at < 20 && chosen.size < size; at += 4)
      chosen.add(readUint32(x, at) % pieceCount);
  }
  return [...chosen];
}
