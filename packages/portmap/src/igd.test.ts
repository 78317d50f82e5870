// Descriptions of gateways.
import { describe, expect, it } from "vitest";
import { readDescription, soapFault, soapRequest } from "./igd.ts";

const location = new URL("http://192.168.1.1:5000/igd/desc.xml");
const WAN_IP = "urn:schemas-upnp-org:service:WANIPConnection:1";
const WAN_PPP = "urn:schemas-upnp-org:service:WANPPPConnection:1";

function service(type: string, controlUrl: string): string {
  return `<service><serviceType>${type}</serviceType><controlURL>${controlUrl}</controlURL></service>`;
}

function read(inside: string): string[] {
  const document = `<root xmlns="urn:schemas-upnp-org:device-1-0"><device>${inside}</device></root>`;
  return readDescription(document, location, "192.168.1.1").map(
    ({ type, controlUrl }) => `${type.split(":").at(-2)} ${controlUrl.href}`,
  );
}

describe("readDescription", () => {
  it("finds services that map ports, however deep", () => {
    const common = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";
    const inside = `<serviceList>${service(common, "/c")}</serviceList><deviceList><device><deviceList>
      <device><serviceList>${service(WAN_PPP, "ppp")}${service(WAN_IP, "/ip")}</serviceList></device>
      </deviceList></device></deviceList>`;
    expect(read(inside)).toEqual([
      "WANPPPConnection http://192.168.1.1:5000/igd/ppp",
      "WANIPConnection http://192.168.1.1:5000/ip",
    ]);
  });

  it("takes the base that the description names, at the same address only", () => {
    const base = (url: string): string => `<URLBase>${url}</URLBase>${service(WAN_IP, "x")}`;
    expect(read(base("http://192.168.1.1:80/y/"))).toEqual([
      "WANIPConnection http://192.168.1.1/y/x",
    ]);
    expect(read(base("http://192.168.1.2/y/"))).toEqual([
      "WANIPConnection http://192.168.1.1:5000/igd/x",
    ]);
  });

  it("leaves out services elsewhere, without a URL or of another type", () => {
    expect(read(service(WAN_IP, "http://203.0.113.5/"))).toEqual([]);
    expect(read(`<service><serviceType>${WAN_IP}</serviceType></service>`)).toEqual([]);
    expect(read(service(`${WAN_IP}&quot;&gt;`, "/x"))).toEqual([]);
    expect(read("")).toEqual([]);
  });

  it("takes four at most", () => {
    expect(read(service(WAN_IP, "/x").repeat(9))).toHaveLength(4);
  });
});

describe("SOAP", () => {
  it("names the action and its arguments in order", () => {
    const { action, body } = soapRequest(WAN_IP, "Do", [
      ["A", 1],
      ["B", "x"],
    ]);
    expect(action).toBe(`"${WAN_IP}#Do"`);
    expect(body).toContain(`<u:Do xmlns:u="${WAN_IP}"><A>1</A><B>x</B></u:Do>`);
  });

  it("reads faults", () => {
    expect(soapFault("<s:Fault><errorCode>718</errorCode></s:Fault>")).toBe(718);
    expect(soapFault("<errorCode>x</errorCode>")).toBeUndefined();
    expect(soapFault("oops")).toBeUndefined();
  });
});
