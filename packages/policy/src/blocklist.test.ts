import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Blocklist, parseBlocklist } from "./index.ts";

const parse = (text: string): Blocklist => parseBlocklist(new TextEncoder().encode(text));

describe("parseBlocklist", () => {
  it.each([
    ["192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]],
    ["192.0.2.77/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]],
    ["192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]],
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1"]],
    ["192.0.2.0/30 ; SBL256894", ["192.0.2.3"], ["192.0.2.4"]],
    ["192.0.2.0/30#x-y", ["192.0.2.3"], ["192.0.2.4"]],
    ["2001:db8::/33", ["2001:db8:7fff:ffff::1"], ["2001:db8:8000::"]],
    ["2001:db8::7/128", ["2001:db8::7"], ["2001:db8::6", "2001:db8::8"]],
    ["2001:db8::7", ["2001:db8::7"], ["2001:db8::6", "2001:db8::8"]],
    ["::/0", ["::", "ffff::"], ["1.2.3.4"]],
    ["::ffff:192.0.2.0/120", ["192.0.2.255"], ["192.0.3.0"]],
    ["Some: Name (x-y):1.2.3.4-1.2.3.5", ["1.2.3.4", "1.2.3.5"], ["1.2.3.3", "1.2.3.6"]],
    [":1.2.3.4 - 1.2.3.5", ["1.2.3.4"], ["1.2.3.6"]],
    ["1.2.3.4-1.2.3.5", ["1.2.3.5"], ["1.2.3.6"]],
    ["2001:db8::1-2001:db8::5", ["2001:db8::5"], ["2001:db8::6"]],
    ["Name:2001:db8::1-2001:db8::5", ["2001:db8::5"], ["2001:db8::6"]],
    ["001.002.003.004 - 001.002.003.010 , 100 , Name, Inc", ["1.2.3.10"], ["1.2.3.11"]],
    ["1.2.3.4-1.2.3.10,0,x", ["1.2.3.4"], ["1.2.3.11"]],
    ["1.2.3.4 - 1.2.3.10 , 127", ["1.2.3.4"], ["1.2.3.11"]],
    ["2001:db8::1 - 2001:db8::5 , 000 , six", ["2001:db8::5"], ["2001:db8::6"]],
    ["\ufeff1.2.3.4\r", ["1.2.3.4"], ["1.2.3.5"]],
  ])("reads %j", (text, blocked, free) => {
    const { filter, ranges, faults } = parse(text);
    expect([ranges, faults]).toEqual([1, { count: 0, first: [] }]);
    expect(blocked.filter((ip) => !filter.blocks(ip))).toEqual([]);
    expect(free.filter((ip) => filter.blocks(ip))).toEqual([]);
  });

  it.each([
    "",
    "\n\r\n",
    "# 1.2.3.4",
    "; 1.2.3.4",
    "// 1.2.3.4",
    "  # x",
    "1.2.3.4 - 1.2.3.5 , 128 , x",
  ])("finds nothing to block and no fault in %j", (text) =>
    expect(parse(text)).toMatchObject({ ranges: 0, faults: { count: 0 } }),
  );

  it.each([
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/24/24",
    "1.2.3.4/-1",
    "::/129",
    "1.2.3.256",
    "1.2.3.5-1.2.3.4",
    "name:1.2.3.4",
    "name:1.2.3.4-2001:db8::1",
    "001.002.003.009 - 001.002.003.004 , 100 , swapped",
    "example.com",
    "<html>",
    "-",
    "a-b",
  ])("counts %j as a fault", (text) => {
    const { ranges, faults } = parse(`${text}\n1.1.1.1`);
    expect([ranges, faults]).toEqual([1, { count: 1, first: [{ line: 1, text }] }]);
  });

  it("reports the first faults, shortened, and reads on", () => {
    const long = "x".repeat(5000);
    const { ranges, faults } = parse(`# list\n1.1.1.1\n${`${long}\n`.repeat(12)}2.2.2.2`);
    expect(ranges).toBe(2);
    expect(faults.count).toBe(12);
    expect(faults.first).toHaveLength(10);
    expect(faults.first[0]).toEqual({ line: 3, text: long.slice(0, 100) });
  });

  it("does not care how names are encoded", () => {
    const bytes = Buffer.from("caf\xe9:1.2.3.4-1.2.3.5\ncaf\xc3\xa9:1.2.4.4-1.2.4.5", "latin1");
    expect(parseBlocklist(bytes)).toMatchObject({ ranges: 2, faults: { count: 0 } });
  });

  it("mixes forms, and joins what overlaps", () => {
    const { filter, ranges } = parse("10.0.0.0/9\nx:10.128.0.0-10.255.255.255\n::1\n10.1.1.1");
    expect([ranges, filter.size]).toEqual([4, 2]);
  });

  it("survives whatever comes, and quickly", () => {
    const text = fc.string({
      unit: fc.constantFrom("1", "255", ".", "-", ":", "/", ",", " ", "\n", "a"),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          text.map((all) => Buffer.from(all)),
        ),
        (bytes) => {
          const { ranges, faults } = parseBlocklist(bytes);
          expect(ranges + faults.count).toBeLessThanOrEqual(bytes.length);
        },
      ),
    );
    // Nothing that backtracks: these take minutes where that is so.
    for (const part of [" ", "1", ".", "-", "- ", "1-", ":", "1 "]) {
      expect(parse(`${part.repeat(400)}\n`.repeat(2000)).faults.count).toBeLessThanOrEqual(2000);
    }
  });
});
