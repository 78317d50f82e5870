import { webPaths } from "@shoal/metainfo";
import { describe, expect, it } from "vitest";
import { testTorrent } from "../testing/torrent.ts";
import { fileUrl, parseSeedUrl, pieceUrl } from "./url.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("parseSeedUrl", () => {
  it.each([
    ["http://h.example/a/", "http://h.example/a/", "h.example"],
    ["https://h.example:8443/a?x=1#f", "https://h.example:8443/a?x=1", "h.example:8443"],
    ["http://us%20er:secret@h.example/a", "http://h.example/a", "h.example"],
    ["http://h.example/a@b/c", "http://h.example/a@b/c", "h.example"],
    ["http://[2001:DB8::1]/a", "http://[2001:db8::1]/a", "[2001:db8::1]"],
  ])("of %s tells %s", (text, name, host) => {
    expect(parseSeedUrl(text, "files")).toMatchObject({ name, host });
  });

  it.each(["ftp://h.example/a", "file:///etc/passwd", "no url", "", "http://", "data:,x"])(
    "refuses '%s'",
    (text) => {
      expect(() => parseSeedUrl(text, "files")).toThrow(
        expect.objectContaining({ code: "ERR_WEBSEED_URL" }),
      );
    },
  );

  it.each(["127.0.0.1", "10.1.2.3", "[::1]", "[fd00::1]", "192.168.0.1:8080", "0x7f.1"])(
    "refuses a query at %s",
    (host) => {
      expect(() => parseSeedUrl(`http://${host}/a?b`, "files")).toThrow(/local address/);
      expect(parseSeedUrl(`http://${host}/a`, "files").publicOnly).toBe(false);
    },
  );

  it("lets no name with a query lead to a local address", () => {
    expect(parseSeedUrl("http://localhost/a?b", "script").publicOnly).toBe(true);
    expect(parseSeedUrl("http://localhost/a", "script").publicOnly).toBe(false);
  });
});

describe("fileUrl", () => {
  const url = (text: string, path: readonly Uint8Array[], isSingle: boolean): string =>
    fileUrl(parseSeedUrl(text, "files"), path, isSingle);

  it.each([
    ["http://mirror.com/file.exe", ["name"], true, "http://mirror.com/file.exe"],
    ["http://mirror.com/pub/", ["a b"], true, "http://mirror.com/pub/a%20b"],
    ["http://mirror.com/pub/?k=v", ["n"], true, "http://mirror.com/pub/n?k=v"],
    // The example of BEP 19.
    [
      "http://mirror.com/pub/",
      ["michael", "Readme.txt"],
      false,
      "http://mirror.com/pub/michael/Readme.txt",
    ],
    ["http://mirror.com/pub", ["m", "R"], false, "http://mirror.com/pub/m/R"],
    ["http://u:p@mirror.com/pub?t=1", ["m", "R"], false, "http://u:p@mirror.com/pub/m/R?t=1"],
    ["http://h/", ["m", "a?b#c%d", "e/f"], false, "http://h/m/a%3Fb%23c%25d/e%2Ff"],
    ["http://h/", ["m", "..", "", ".", "x"], false, "http://h/m/x"],
    ["http://h/", ["grün", "-._~"], false, "http://h/gr%C3%BCn/-._~"],
  ])("of %s and %j", (base, path, isSingle, expected) => {
    expect(url(base, path.map(bytes), isSingle)).toBe(expected);
    expect(new URL(expected).href).toBe(expected);
  });

  it("encodes the bytes of the torrent, whatever they mean", () => {
    const { metainfo } = testTorrent([
      { path: [Uint8Array.of(0xff, 0xfe, 0x20), "a\u202eb"], length: 1 },
    ]);
    const [path = []] = webPaths(metainfo.infoBytes);
    expect(url("http://h/", path, false)).toBe("http://h/some%20name/%FF%FE%20/a%E2%80%AEb");
  });
});

describe("pieceUrl", () => {
  // The hash of the examples of BEP 17.
  const hash = Uint8Array.from(
    Buffer.from("9cd969 8af55575 1a9186ae 066c57ea 215723e5".replaceAll(" ", ""), "hex"),
  );

  it("asks for pieces as BEP 17 shows it", () => {
    const seed = parseSeedUrl("http://www.whatever.com/seed.php", "script");
    const start =
      "http://www.whatever.com/seed.php?info_hash=%9C%D9i%8A%F5Uu%1A%91%86%AE%06lW%EA%21W%23%E5";
    expect(pieceUrl(seed, hash, 3, undefined)).toBe(`${start}&piece=3`);
    expect(pieceUrl(seed, hash, 8, [49_152, 131_071])).toBe(`${start}&piece=8&ranges=49152-131071`);
  });

  it("keeps a query", () => {
    const seed = parseSeedUrl("http://h.example/seed.php?key=1", "script");
    expect(pieceUrl(seed, Uint8Array.of(1), 0, undefined)).toBe(
      "http://h.example/seed.php?key=1&info_hash=%01&piece=0",
    );
  });
});
