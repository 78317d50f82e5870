import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseFiles,
  parsePeer,
  parsePieceLength,
  parsePort,
  parseRate,
  parseSize,
  parseTrackerUrl,
  parseWebSeedUrl,
  selectedFiles,
} from "./arguments.ts";
import { UsageError } from "./error.ts";

describe("parseSize", () => {
  it.each([
    ["1", 1],
    ["500", 500],
    ["500b", 500],
    ["64K", 65_536],
    ["64k", 65_536],
    ["64KiB", 65_536],
    ["64kib", 65_536],
    ["64 KiB", 65_536],
    ["2M", 2_097_152],
    ["1.5MiB", 1_572_864],
    ["1.5mb", 1_500_000],
    ["10kB", 10_000],
    ["1G", 1_073_741_824],
    ["1TB", 1e12],
    [" 7K ", 7168],
  ])("reads %j as %d", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    "",
    "0",
    "0.1",
    "-1",
    "+1",
    "K",
    "1KK",
    "1iB",
    "1.K",
    ".5K",
    "1e3",
    "0x10",
    "9999T",
    "1P",
    "1,5M",
    "∞",
  ])("refuses %j", (text) => {
    expect(() => parseSize(text)).toThrow(UsageError);
    expect(() => parseSize(text)).toThrow(`got '${text}'`);
  });

  it("reads any whole number of any unit", () => {
    const powers = { "": 0, K: 1, M: 2, G: 3 };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8_000_000 }),
        fc.constantFrom<keyof typeof powers>("", "K", "M", "G"),
        (number, unit) => parseSize(`${number}${unit}`) === number * 1024 ** powers[unit],
      ),
    );
  });

  it("never gives anything but a positive safe integer", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9.kMgTiB ]{0,12}$/), (text) => {
        try {
          const bytes = parseSize(text);
          return Number.isSafeInteger(bytes) && bytes > 0;
        } catch (error) {
          return error instanceof UsageError;
        }
      }),
    );
  });
});

it.each([
  ["500K", 512_000],
  ["2M/s", 2_097_152],
  ["1kB/s", 1000],
])("parseRate reads %j as %d", (text, rate) => {
  expect(parseRate(text)).toBe(rate);
});

describe("parsePieceLength", () => {
  it.each([
    ["16K", 16_384],
    ["256K", 262_144],
    ["1M", 1_048_576],
    ["1048576", 1_048_576],
    ["256M", 268_435_456],
  ])("takes %j", (text, bytes) => {
    expect(parsePieceLength(text)).toBe(bytes);
  });

  it.each(["8K", "512M", "100K", "1MB", "many"])("refuses %j", (text) => {
    expect(() => parsePieceLength(text)).toThrow(UsageError);
  });
});

describe("parsePort", () => {
  it.each([
    ["0", 0],
    ["6881", 6881],
    ["65535", 65_535],
  ])("takes %j", (text, port) => {
    expect(parsePort(text)).toBe(port);
  });

  it.each(["", "-1", "65536", "1.5", "http", "0x50", " 80"])("refuses %j", (text) => {
    expect(() => parsePort(text)).toThrow(UsageError);
  });
});

describe("parsePeer", () => {
  it.each([
    ["192.0.2.1:6881", "192.0.2.1", 6881],
    ["seed.example:1", "seed.example", 1],
    ["localhost:65535", "localhost", 65_535],
    ["[2001:db8::1]:51413", "2001:db8::1", 51_413],
  ])("takes %j", (text, host, port) => {
    expect(parsePeer(text)).toEqual({ host, port });
  });

  it.each([
    "",
    "host",
    ":6881",
    "host:",
    "host:0",
    "host:65536",
    "2001:db8::1:6881",
    "[host]:6881",
    "[::1]",
    "[192.0.2.1]:80",
    "a b:80",
    "user@host:80",
    "http://host:80",
  ])("refuses %j", (text) => {
    expect(() => parsePeer(text)).toThrow(UsageError);
  });
});

describe("parseFiles and selectedFiles", () => {
  it("select what is named", () => {
    expect([...selectedFiles(parseFiles("0,2-5"), 9)]).toEqual([0, 2, 3, 4, 5]);
    expect([...selectedFiles(parseFiles(" 1 , 1-2 "), 3)]).toEqual([1, 2]);
  });

  it.each(["", ",", "1-", "-1", "5-2", "a", "1;2", "1-2-3", "99999999999"])("refuse %j", (text) => {
    expect(() => parseFiles(text)).toThrow(UsageError);
  });

  it("refuse files that the torrent has not, without listing them", () => {
    expect(() => selectedFiles(parseFiles("0-999999999"), 3)).toThrow(
      "--files names file 999999999; the torrent's files are 0–2",
    );
  });

  it("select any set written as ranges", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(50), { minLength: 1 }), (numbers) => {
        const selected = selectedFiles(parseFiles(numbers.join(",")), 51);
        return selected.size === numbers.length && numbers.every((number) => selected.has(number));
      }),
    );
  });
});

describe("URLs", () => {
  it.each(["http://t.example/announce", "https://t/x?k=1", "udp://t:80", "wss://t/"])(
    "of trackers: takes %j",
    (text) => {
      expect(parseTrackerUrl(` ${text} `)).toBe(text);
    },
  );

  it.each(["", "t.example", "ftp://t/", "http://", "udp:///announce", "file:///etc/passwd"])(
    "of trackers: refuses %j",
    (text) => {
      expect(() => parseTrackerUrl(text)).toThrow(UsageError);
    },
  );

  it("of web seeds: only http and https", () => {
    expect(parseWebSeedUrl("https://w/")).toBe("https://w/");
    expect(() => parseWebSeedUrl("udp://w/")).toThrow(UsageError);
  });
});
