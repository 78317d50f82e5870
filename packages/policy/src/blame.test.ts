import { describe, expect, it } from "vitest";
import { Blame } from "./blame.ts";

/** Digests of blocks, each 20 bytes of its number. */
function digests(...blocks: number[]): Uint8Array {
  const bytes = new Uint8Array(20 * blocks.length);
  for (const [i, value] of blocks.entries()) bytes.fill(value, 20 * i, 20 * i + 20);
  return bytes;
}

const GOOD = digests(1, 2, 3, 4);

describe("Blame", () => {
  it("bans a sole sender at once", () => {
    const blame = new Blame();
    expect(blame.failed(7, digests(9, 2, 3, 4), [5, 5, 5, 5])).toEqual({ ban: [5], parole: [] });
    expect(blame.hasRecord(7)).toBe(false);
  });

  it("bans nobody when some blocks came from nobody knows whom", () => {
    const blame = new Blame();
    expect(blame.failed(7, digests(9, 2, 3, 4), [5, 5, -1, 5])).toEqual({ ban: [], parole: [5] });
    expect(blame.passed(7, digests(9, 2, 8, 4))).toEqual({ ban: [], cleared: [5] });
  });

  it("suspects several senders, then bans who sent what the good piece has not", () => {
    const blame = new Blame();
    const verdict = blame.failed(7, digests(1, 99, 3, 4), [10, 11, 10, 12]);
    expect(verdict).toEqual({ ban: [], parole: [10, 11, 12] });
    expect(blame.hasRecord(7)).toBe(true);
    expect(blame.passed(7, GOOD)).toEqual({ ban: [11], cleared: [10, 12] });
    expect(blame.hasRecord(7)).toBe(false);
    expect(blame.passed(7, GOOD)).toEqual({ ban: [], cleared: [] });
  });

  it("does not clear who sent good and bad blocks", () => {
    const blame = new Blame();
    blame.failed(7, digests(1, 99, 3, 4), [10, 11, 11, 10]);
    expect(blame.passed(7, GOOD)).toEqual({ ban: [11], cleared: [10] });
  });

  it("bans several culprits of several attempts", () => {
    const blame = new Blame();
    blame.failed(7, digests(91, 2, 3, 4), [10, 11, 12, 13]);
    blame.failed(7, digests(1, 92, 3, 4), [11, 14, 12, 13]);
    expect(blame.passed(7, GOOD)).toEqual({ ban: [10, 14], cleared: [11, 12, 13] });
  });

  it("bans who sends two versions of a block", () => {
    const blame = new Blame();
    blame.failed(7, digests(1, 99, 3, 4), [10, 11, 12, 12]);
    const verdict = blame.failed(7, digests(1, 98, 3, 4), [10, 11, 12, 12]);
    expect(verdict).toEqual({ ban: [11], parole: [10, 12] });
  });

  it("is not fooled by digests that the caller overwrites", () => {
    const blame = new Blame();
    const buffer = digests(1, 99, 3, 4);
    blame.failed(7, buffer, [10, 11, 10, 12]);
    buffer.fill(0);
    expect(blame.passed(7, GOOD)).toEqual({ ban: [11], cleared: [10, 12] });
  });

  it("judges nobody without digests of the good piece", () => {
    const blame = new Blame();
    blame.failed(7, digests(1, 99, 3, 4), [10, 11, 10, 12]);
    expect(blame.passed(7)).toEqual({ ban: [], cleared: [] });
    expect(blame.hasRecord(7)).toBe(false);
  });

  it("forgets a peer, and everything", () => {
    const blame = new Blame();
    blame.failed(7, digests(1, 99), [10, 11]);
    blame.failed(8, digests(1, 99), [11, -1]);
    blame.forget(11);
    expect(blame.hasRecord(8)).toBe(false);
    expect(blame.passed(7, digests(1, 2))).toEqual({ ban: [], cleared: [10] });
    blame.failed(9, digests(1, 99), [10, 11]);
    blame.clear();
    expect(blame.hasRecord(9)).toBe(false);
  });

  it("forgets the oldest failures rather than grow", () => {
    const blame = new Blame();
    const blocks = 1024;
    const senders = Array.from({ length: blocks }, (_, i) => i % 7);
    const bytes = new Uint8Array(20 * blocks);
    for (let piece = 0; piece < 100; piece++) blame.failed(piece, bytes, senders);
    const kept = Array.from({ length: 100 }, (_, piece) => blame.hasRecord(piece));
    expect(kept.filter(Boolean)).toHaveLength(32);
    expect(kept.slice(68).every(Boolean)).toBe(true);
  });
});
