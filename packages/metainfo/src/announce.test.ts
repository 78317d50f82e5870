import type { BencodeInput } from "@shoal/bencode";
import { describe, expect, it } from "vitest";
import { file, multiInfo, singleInfo, torrent } from "../testing/torrents.ts";
import { parseTorrent } from "./parse.ts";

function trackersOf(more: Record<string, BencodeInput>): readonly (readonly string[])[] {
  return parseTorrent(torrent(singleInfo(), more)).trackers;
}

describe("trackers", () => {
  it("come from announce-list, else from announce", () => {
    const announce = "http://a.example/announce";
    expect(trackersOf({ announce })).toEqual([[announce]]);
    expect(trackersOf({ announce, "announce-list": [] })).toEqual([[announce]]);
    expect(trackersOf({ announce, "announce-list": [["ftp://x"], [""]] })).toEqual([[announce]]);
    expect(trackersOf({ announce, "announce-list": [["udp://b.example:1"]] })).toEqual([
      ["udp://b.example:1"],
    ]);
  });

  it("are trimmed, listed once, and without empty tiers", () => {
    const tiers = [[" udp://a.example:1/announce\n"], [], ["udp://a.example:1/announce"]];
    expect(trackersOf({ "announce-list": tiers })).toEqual([["udp://a.example:1/announce"]]);
  });

  it("may be a plain list", () => {
    const list = ["http://a.example/", ["http://b.example/", "http://c.example/"]];
    expect(trackersOf({ "announce-list": list })).toEqual([
      ["http://a.example/"],
      ["http://b.example/", "http://c.example/"],
    ]);
  });

  it.each([
    "HTTP://A.example/announce",
    "https://a.example:8443/p/announce?key=1",
    "udp://[2001:db8::1]:80",
    "ws://a.example",
    "wss://a.example/",
  ])("may be %s", (url) => {
    expect(trackersOf({ announce: url })).toEqual([[url]]);
  });

  it.each([
    "ftp://a.example/",
    "file:///etc/passwd",
    "httpfoo://a.example/",
    "a.example",
    "http://",
    "http:///announce",
    "http://a.example:99999/",
    "http://a.example/\r\nHost: b",
    "http://a.example/a b",
    "dht://a.example",
  ])("can't be %j, which is told", (url) => {
    const metainfo = parseTorrent(torrent(singleInfo(), { announce: url }));
    expect(metainfo.trackers).toEqual([]);
    expect(metainfo.faults).toEqual([`tracker '${url}' is not http, https, udp, ws or wss`]);
  });
});

describe("web seeds", () => {
  const many = multiInfo([file(1, ["a"]), file(1, ["b"])]);
  const seedsOf = (info: BencodeInput, list: BencodeInput): readonly string[] =>
    parseTorrent(torrent(info, { "url-list": list })).webSeeds;

  it("may be one or a list, each is kept once", () => {
    const [a, b] = ["http://a.example/x", "https://b.example/x"];
    expect(seedsOf(singleInfo(), a)).toEqual([a]);
    expect(seedsOf(singleInfo(), [a, b, a, ""])).toEqual([a, b]);
    expect(seedsOf(singleInfo(), "")).toEqual([]);
  });

  it("name a folder if there are several files", () => {
    expect(seedsOf(many, "http://a.example/x")).toEqual(["http://a.example/x/"]);
    expect(seedsOf(many, "http://a.example/x/")).toEqual(["http://a.example/x/"]);
    expect(seedsOf(multiInfo([file(1, ["a"])]), "http://a.example/x/y")).toEqual([
      "http://a.example/x/y",
    ]);
  });

  it("are percent-encoded where they are not", () => {
    expect(seedsOf(singleInfo(), "http://a.example/test file/%20ü")).toEqual([
      "http://a.example/test%20file/%20%C3%BC",
    ]);
  });

  it("are http or https", () => {
    const metainfo = parseTorrent(
      torrent(singleInfo(), { "url-list": ["ftp://a.example/"], httpseeds: ["udp://b.example"] }),
    );
    expect([...metainfo.webSeeds, ...metainfo.httpSeeds]).toEqual([]);
    expect(metainfo.faults).toEqual([
      "web seed 'ftp://a.example/' is not http or https",
      "web seed 'udp://b.example' is not http or https",
    ]);
  });
});
