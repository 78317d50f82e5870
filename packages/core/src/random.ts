// The two sources of randomness that machines are given, and a seedable generator.

/**
 * Ordinary randomness: a number of [0, 1). For tie-breaks, shuffles and jitter, where a seed must
 * replay a run; never for anything that an attacker must not guess.
 */
export type Rng = () => number;

/** Secret randomness: that many bytes of a CSPRNG. For keys, tokens and transaction ids. */
export type Entropy = (bytes: number) => Uint8Array;

/** A seedable generator (xoshiro128**, seeded through splitmix32). Equal seeds, equal numbers. */
export function createRng(seed: number): Rng {
  let mix = seed >>> 0;
  const next = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = next();
  let b = next();
  let c = next();
  let d = next() | 1;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result / 0x1_0000_0000;
  };
}

/** An integer of 0…bound−1. */
export function randomInt(rng: Rng, bound: number): number {
  return Math.floor(rng() * bound);
}

/** Shuffles in place (Fisher–Yates) and returns the same array. */
export function shuffle<T>(rng: Rng, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = randomInt(rng, i + 1);
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
  return items;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
