// The cryptography that the DHT needs, in portable form; Node's own is in the `./node` entry.
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha1 } from "@noble/hashes/legacy.js";

/** What a node needs to check what strangers store and send. */
export interface DhtCrypto {
  /** SHA-1: 20 bytes. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** Whether an ed25519 signature of 64 bytes is of the message and the key of 32 bytes; no throw. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Who signs mutable items (BEP 44). The secret stays with it. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The ed25519 signature of the message: 64 bytes. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Runs anywhere that has JavaScript. */
export const portableCrypto: DhtCrypto = {
  sha1: (bytes) => sha1(bytes),
  verify: (signature, message, publicKey) => {
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};

/**
 * Signs with a seed (RFC 8032's private key of 32 bytes), anywhere that has JavaScript.
 *
 * @throws if the seed has not 32 bytes.
 */
export function portableSigner(seed: Uint8Array): Signer {
  const publicKey = ed25519.getPublicKey(seed);
  return { publicKey, sign: (message) => ed25519.sign(message, seed) };
}
