import { describe, expect, it } from "vitest";
import { identifyClient, makePeerId } from "./index.ts";

describe("makePeerId", () => {
  it("is the prefix and characters that need no escape in URLs", () => {
    let fill = 0;
    const id = makePeerId("-SH0100-", (n) => Uint8Array.from({ length: n }, () => (fill += 21)));
    expect(id).toHaveLength(20);
    const text = new TextDecoder().decode(id);
    expect(text).toMatch(/^-SH0100-[0-9A-Za-z.-]{12}$/);
  });

  it("asks for as many secret bytes as it needs, and uses all of them", () => {
    const ids = [0, 1].map((value) => {
      return makePeerId("-SH0100-", (n) => new Uint8Array(n).fill(value, n - 1));
    });
    expect(ids[0]?.subarray(0, 19)).toEqual(ids[1]?.subarray(0, 19));
    expect(ids[0]?.[19]).not.toBe(ids[1]?.[19]);
    expect(makePeerId("", (n) => new Uint8Array(n))).toHaveLength(20);
  });

  it.each(["-SH0100-and-much-more", "-µT0100-", "\n"])("refuses the prefix %j", (prefix) => {
    expect(() => makePeerId(prefix, (n) => new Uint8Array(n))).toThrow(RangeError);
  });
});

describe("identifyClient", () => {
  it.each([
    ["-SH0100-............", "Shoal 0.1.0"],
    ["-LT20B0-............", "libtorrent 2.0.11"],
    ["-qB4650-............", "qBittorrent 4.6.5"],
    ["-TR3000-............", "Transmission 3.0.0"],
    ["-lt0D80-............", "rTorrent 0.13.8"],
    ["-UT3532-............", "µTorrent 3.5.3.2"],
    ["-WW0123-............", "WebTorrent 0.1.2.3"],
    ["-A~0010-............", "Ares 0.0.1"],
    ["-zz1234-............", "zz 1.2.3.4"],
    ["-FG0180............x", "FG 0.1.8"],
    ["-ML2.7.2-kgjjfkd....", "MLdonkey 2.7.2"],
    ["M7-4-3--............", "Mainline 7.4.3"],
    ["Q1-10-0-............", "Queen Bee 1.10.0"],
    ["T03I-----...........", "BitTornado 0.3.18"],
    ["S58B-----...........", "Shadow 5.8.11"],
    ["X58B-----...........", "unknown"],
    ["\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "unknown"],
    ["", "unknown"],
  ])("reads %j as %s", (id, client) => {
    expect(identifyClient(new TextEncoder().encode(id))).toBe(client);
  });
});
