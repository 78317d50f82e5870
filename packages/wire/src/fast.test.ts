import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { allowedFastSet } from "./index.ts";

const infoHash = new Uint8Array(20).fill(0xaa);
const ip = Uint8Array.of(80, 4, 4, 200);
const sha1 = (bytes: Uint8Array): Uint8Array => createHash("sha1").update(bytes).digest();

describe("allowedFastSet", () => {
  it("gives the sets of BEP 6", () => {
    const seven = [1059, 431, 808, 1217, 287, 376, 1188];
    expect(allowedFastSet(infoHash, ip, 1313, 7, sha1)).toEqual(seven);
    expect(allowedFastSet(infoHash, ip, 1313, 9, sha1)).toEqual([...seven, 353, 508]);
  });

  it("gives one set to a whole /24 network", () => {
    const neighbour = Uint8Array.of(80, 4, 4, 1);
    const other = Uint8Array.of(80, 4, 5, 200);
    const set = allowedFastSet(infoHash, ip, 1313, 9, sha1);
    expect(allowedFastSet(infoHash, neighbour, 1313, 9, sha1)).toEqual(set);
    expect(allowedFastSet(infoHash, other, 1313, 9, sha1)).not.toEqual(set);
  });

  it("gives every piece of a torrent that has no more", () => {
    const noHash = (): Uint8Array => {
      throw new Error("needless");
    };
    expect(allowedFastSet(infoHash, ip, 3, 10, noHash)).toEqual([0, 1, 2]);
    expect(allowedFastSet(infoHash, ip, 0, 10, noHash)).toEqual([]);
  });

  it("gives distinct pieces when nearly all are wanted", () => {
    const set = allowedFastSet(infoHash, ip, 11, 10, sha1);
    expect(new Set(set).size).toBe(10);
    expect(Math.max(...set)).toBeLessThan(11);
  });
});
