import { describe, expect, it } from "vitest";
import { ReadAhead } from "./read-ahead.ts";

describe("reading ahead", () => {
  it("takes the rest of any piece until blocks are evicted unused", () => {
    const ahead = new ReadAhead(64);
    expect(ahead.limit(1024)).toBe(1024);
    for (let i = 0; i < 1000; i++) ahead.used();
    expect(ahead.limit(1024)).toBe(1024);
  });

  it("halves the longest read when more than an eighth is wasted, down to 256 KiB", () => {
    const ahead = new ReadAhead(64);
    const limits = [ahead.limit(100)];
    for (let i = 0; i < 4; i++) {
      for (let n = 0; n < 14; n++) ahead.used();
      ahead.wasted(2);
      limits.push(ahead.limit(100));
    }
    expect(limits).toEqual([100, 50, 25, 16, 16]);
  });

  it("stays where it is while little is wasted", () => {
    const ahead = new ReadAhead(4 * 90);
    ahead.limit(100);
    ahead.wasted(90);
    for (let n = 0; n < 80; n++) ahead.used();
    ahead.wasted(10);
    expect(ahead.limit(100)).toBe(50);
    for (let n = 0; n < 88; n++) ahead.used();
    ahead.wasted(2);
    expect(ahead.limit(100)).toBe(50);
  });

  it("grows by 256 KiB when next to nothing is wasted", () => {
    const ahead = new ReadAhead(4 * 65);
    ahead.limit(100);
    ahead.wasted(65);
    for (let n = 0; n < 64; n++) ahead.used();
    ahead.wasted(1);
    expect(ahead.limit(100)).toBe(66);
  });
});
