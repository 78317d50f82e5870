// The part of npm's bencode that benchmarks and differential tests use; it ships no types.
declare module "bencode" {
  const bencode: {
    decode(bytes: Uint8Array): unknown;
    encode(value: unknown): Uint8Array;
  };

  export = bencode;
}
