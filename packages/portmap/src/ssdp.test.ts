// Answers to a search, and whom they may speak for.
import { describe, expect, it } from "vitest";
import { encodeSearch, readSearchAnswer, urlAt } from "./ssdp.ts";

const from = { address: "192.168.1.1", port: 1900 };
const ST = "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1";

function answer(...lines: string[]): Uint8Array {
  return new TextEncoder().encode(`${["HTTP/1.1 200 OK", ...lines].join("\r\n")}\r\n\r\n`);
}

function locationOf(bytes: Uint8Array): string | undefined {
  return readSearchAnswer(bytes, from)?.href;
}

describe("readSearchAnswer", () => {
  it("finds the description, whatever the case and order of fields", () => {
    const bytes = answer("LoCaTiOn:http://192.168.1.1:5000/desc.xml", "nonsense", ST, "USN: x");
    expect(locationOf(bytes)).toBe("http://192.168.1.1:5000/desc.xml");
  });

  it.each([
    "http://192.168.1.2/desc.xml",
    "http://127.0.0.1/",
    "https://192.168.1.1/",
    "http://router/",
    "http://user@192.168.1.1/",
    "http://192.168.1.1@203.0.113.5/",
    "ftp://192.168.1.1/",
    "/desc.xml",
    "",
  ])("does not follow %j", (location) => {
    expect(locationOf(answer(`LOCATION: ${location}`, ST))).toBeUndefined();
  });

  it("passes over other devices, statuses, announcements, searches, and what is too long", () => {
    const location = "LOCATION: http://192.168.1.1/";
    expect(locationOf(answer(location, ST))).toBeDefined();
    expect(locationOf(answer(location, "ST: upnp:rootdevice"))).toBeUndefined();
    expect(locationOf(answer(location))).toBeUndefined();
    const text = new TextDecoder().decode(answer(location, ST));
    for (const status of ["HTTP/1.1 404 OK", "NOTIFY * HTTP/1.1", "X * HTTP/1.1", ""]) {
      const other = new TextEncoder().encode(text.replace("HTTP/1.1 200 OK", status));
      expect(locationOf(other)).toBeUndefined();
    }
    expect(locationOf(answer(location, ST, "x".repeat(5000)))).toBeUndefined();
    expect(locationOf(encodeSearch())).toBeUndefined();
    expect(locationOf(new Uint8Array())).toBeUndefined();
    expect(locationOf(new Uint8Array([0xff, 0xfe]))).toBeUndefined();
  });
});

describe("urlAt", () => {
  it("compares IPv6 addresses by what they mean", () => {
    expect(urlAt("http://[2001:DB8:0::1]:80/a", "2001:db8::1")?.pathname).toBe("/a");
  });

  it("resolves what is relative", () => {
    const base = new URL("http://192.168.1.1:5000/a/b.xml");
    expect(urlAt("c", "192.168.1.1", base)?.href).toBe("http://192.168.1.1:5000/a/c");
    expect(urlAt("//192.168.1.2/c", "192.168.1.1", base)).toBeUndefined();
  });
});
