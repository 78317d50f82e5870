// Write tokens: who wants to store something shows that it receives at its address (BEP 5).
import { concatBytes, type Entropy } from "@shoal/core";
import type { DhtCrypto } from "./crypto.ts";

/** How long a secret is used for new tokens, in ms; it stays valid as long again. */
const ROTATION_MS = 5 * 60_000;
const SECRET_LENGTH = 32;
/**
 * With four bytes a reply that names eight IPv6 nodes would have 401. Guessing is no way: an address
 * has 200 queries in five minutes, and after ten the secrets are others.
 */
const TOKEN_LENGTH = 3;

/** Gives and checks tokens that are bound to an address, a target and a secret that changes. */
export class Tokens {
  readonly #crypto: DhtCrypto;
  readonly #entropy: Entropy;
  #secret: Uint8Array;
  #previous: Uint8Array;
  #rotateAt: number;

  constructor(crypto: DhtCrypto, entropy: Entropy, now: number) {
    this.#crypto = crypto;
    this.#entropy = entropy;
    this.#secret = entropy(SECRET_LENGTH);
    this.#previous = entropy(SECRET_LENGTH);
    this.#rotateAt = now + ROTATION_MS;
  }

  /** @param ip The asker's address bytes. */
  issue(ip: Uint8Array, target: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return this.#make(this.#secret, ip, target);
  }

  /** Whether the token was issued to this address for this target within 5–10 minutes. */
  isValid(token: Uint8Array | undefined, ip: Uint8Array, target: Uint8Array, now: number): boolean {
    if (token?.length !== TOKEN_LENGTH) return false;
    this.#rotate(now);
    // Both are always compared and in full, so that time tells nothing of either.
    const current = sameBytes(token, this.#make(this.#secret, ip, target));
    const previous = sameBytes(token, this.#make(this.#previous, ip, target));
    return current || previous;
  }

  #make(secret: Uint8Array, ip: Uint8Array, target: Uint8Array): Uint8Array {
    return this.#crypto.sha1(concatBytes([secret, ip, target])).subarray(0, TOKEN_LENGTH);
  }

  #rotate(now: number): void {
    if (now < this.#rotateAt) return;
    const missedBoth = now >= this.#rotateAt + ROTATION_MS;
    this.#previous = missedBoth ? this.#entropy(SECRET_LENGTH) : this.#secret;
    this.#secret = this.#entropy(SECRET_LENGTH);
    this.#rotateAt = now + ROTATION_MS;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < TOKEN_LENGTH; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
