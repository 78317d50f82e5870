import { hash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { SparseHash, sparseDigest } from "./sparse-hash.ts";

const K256 = 256 * 1024;
const runs = fc.array(fc.tuple(fc.constantFrom(1, 7, 4096, K256, K256 + 1), fc.boolean()), {
  maxLength: 6,
});

it("is SHA-1, whatever is zero, in one part or many", () => {
  fc.assert(
    fc.property(runs, (parts) => {
      const buffers = parts.map(([size, isHole]) => Buffer.alloc(size, isHole ? 0 : "x"));
      const sha1 = new SparseHash();
      for (const buffer of buffers) sha1.update(buffer);
      const all = Buffer.concat(buffers);
      const expected = hash("sha1", all);
      expect(Buffer.from(sha1.digest()).toString("hex")).toBe(expected);
      expect(Buffer.from(sparseDigest(all)).toString("hex")).toBe(expected);
    }),
  );
});

it("sees a single byte at either end", () => {
  for (const at of [0, K256 - 1, K256, 2 * K256]) {
    const bytes = new Uint8Array(2 * K256 + 1);
    bytes[at] = 1;
    expect(sparseDigest(bytes)).toEqual(hash("sha1", bytes, "buffer"));
  }
});
