// SHA-1 that is quick about zeros: what reads of a sparse file's holes give.
import { createHash, type Hash, hash } from "node:crypto";

/** Zeros to compare with and to hash, at most so many at once. */
const ZEROS = Buffer.alloc(256 * 1024);

/** The last digest of nothing but zeros; most torrents have many pieces of one size. */
let known = { size: 0, digest: hash("sha1", "", "buffer") };

/** The SHA-1 of bytes that are there as a whole. */
export function sparseDigest(bytes: Uint8Array): Uint8Array {
  return isZero(bytes) ? zeroDigest(bytes.length) : hash("sha1", bytes, "buffer");
}

/** The SHA-1 of bytes that come in parts. Comparing with zeros ends at the first that is none. */
export class SparseHash {
  /** Leading zeros that have not been hashed. */
  #zeros = 0;
  #sha1: Hash | undefined;

  update(bytes: Uint8Array): void {
    if (this.#sha1 === undefined) {
      if (isZero(bytes)) {
        this.#zeros += bytes.length;
        return;
      }
      this.#sha1 = hashZeros(this.#zeros);
    }
    this.#sha1.update(bytes);
  }

  digest(): Uint8Array {
    return this.#sha1 === undefined ? zeroDigest(this.#zeros) : this.#sha1.digest();
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, bytes.length);
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

/** The SHA-1 of so many zeros. */
export function zeroDigest(size: number): Uint8Array {
  if (known.size !== size) known = { size, digest: hashZeros(size).digest() };
  return known.digest;
}

function hashZeros(size: number): Hash {
  const sha1 = createHash("sha1");
  for (let left = size; left > 0; left -= ZEROS.length) {
    sha1.update(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  }
  return sha1;
}
