// Announce URLs: what is taken, what is refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TrackerError } from "./error.ts";
import { parseTrackerUrl } from "./tracker-url.ts";

describe("parseTrackerUrl", () => {
  it.each([
    ["http://Tracker.Example/announce", "http", "tracker.example", 80, "/announce"],
    [
      "https://t.example/x/announce?passkey=a%20b",
      "https",
      "t.example",
      443,
      "/x/announce?passkey=a%20b",
    ],
    ["udp://t.example:6969", "udp", "t.example", 6969, "/"],
    ["UDP://t.example:80/dir?a=b&c=d#top", "udp", "t.example", 80, "/dir?a=b&c=d"],
    ["udp://[2001:db8::1]:1337/announce", "udp", "2001:db8::1", 1337, "/announce"],
    [" http://192.0.2.1:8080/a ", "http", "192.0.2.1", 8080, "/a"],
    ["http://127.0.0.1:1/announce.php", "http", "127.0.0.1", 1, "/announce.php"],
    ["udp://127.0.0.1:1", "udp", "127.0.0.1", 1, "/"],
  ])("takes %s", (text, scheme, host, port, path) => {
    expect(parseTrackerUrl(text)).toMatchObject({ scheme, host, port, path });
  });

  it("shows names of other scripts as what they are (IDNA)", () => {
    // The first letter of the second is Cyrillic.
    for (const scheme of ["http", "udp"]) {
      expect(parseTrackerUrl(`${scheme}://bücher.example/announce`)).toMatchObject({
        host: "xn--bcher-kva.example",
        name: `${scheme}://xn--bcher-kva.example`,
      });
      expect(parseTrackerUrl(`${scheme}://аpple.example/a`).host).toBe("xn--pple-43d.example");
    }
    expect(parseTrackerUrl("udp://ｔ.example:1/").host).toBe("t.example");
  });

  it("keeps the path out of the name and the fragment out of the URL", () => {
    expect(parseTrackerUrl("https://u:p@t.example:444/secret/announce?k=1#x")).toMatchObject({
      href: "https://u:p@t.example:444/secret/announce?k=1",
      name: "https://t.example:444",
    });
    expect(parseTrackerUrl("udp://t.example:80/a").href).toBe("udp://t.example/a");
  });

  it.each([
    "",
    "announce",
    "ws://t.example/announce",
    "file:///etc/passwd",
    "http://",
    "http://[::1/announce",
    "http://t.example:99999/announce",
    "udp://t.example:0",
    // These call other services of the host with parameters of the attacker's choice.
    "http://t.example/announce?info_hash=x",
    "http://t.example/announce?a=1&event=stopped",
    "http://t.example/announce?%70ort=1",
    "udp://t.example:1/?left=0",
    "http://127.0.0.1:8080/admin/shutdown",
    "http://127.1/x",
    "http://2130706433/x",
    "http://localhost/x",
    "http://a.LOCALHOST./x",
    "http://[::1]:80/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://0.0.0.0/x",
    "http://[::]/x",
    // IDNA turns both into names of this host.
    "http://ｌocalhost/x",
    "http://①27.0.0.1/x",
    "udp://a\u0000b.example/",
  ])("refuses %j", (text) => {
    expect(() => parseTrackerUrl(text)).toThrow(
      expect.objectContaining({ name: "TrackerError", code: "ERR_TRACKER_URL" }),
    );
  });

  it("never quotes a path", () => {
    expect(() => parseTrackerUrl("ftp://t.example/passkey123/announce")).toThrow(
      "expected a URL of http, https or udp, got 'ftp://t.example'",
    );
  });

  it("throws nothing but TrackerError, whatever the text", () => {
    const text = fc.tuple(fc.constantFrom("", "udp://", "http://", "https://"), fc.string());
    fc.assert(
      fc.property(text, ([scheme, rest]) => {
        try {
          expect(parseTrackerUrl(scheme + rest).port).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(TrackerError);
        }
      }),
    );
  });
});
