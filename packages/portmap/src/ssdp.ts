// Finding a gateway's web page: messages of SSDP (UPnP Device Architecture 1.1, §1.3).
import { canonicalAddress, type Endpoint } from "@shoal/core";

/** Where searches go. */
export const SSDP_GROUP: Endpoint = { address: "239.255.255.250", port: 1900 };

/** What we look for. Devices of later versions answer to it as well (UDA 1.1 §1.3.2). */
const GATEWAY_DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";

/** Bytes of the longest answer that is read. */
const MOST_BYTES = 4096;

/** The search for gateways. */
export function encodeSearch(): Uint8Array {
  const lines = [
    "M-SEARCH * HTTP/1.1",
    `HOST: ${SSDP_GROUP.address}:${SSDP_GROUP.port}`,
    'MAN: "ssdp:discover"',
    "MX: 1",
    `ST: ${GATEWAY_DEVICE}`,
  ];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/**
 * The address of the description that an answer names.
 *
 * @param from Where the answer came from: a device may only speak for itself, so that nobody can send
 *   us to other hosts (the location must be plain HTTP at this very IP address).
 * @returns undefined for what is no answer to the search, or leads elsewhere.
 */
export function readSearchAnswer(bytes: Uint8Array, from: Endpoint): URL | undefined {
  if (bytes.length > MOST_BYTES) return undefined;
  const [status = "", ...lines] = new TextDecoder().decode(bytes).split(/\r?\n/);
  if (!/^HTTP\/1\.\d 200(?: |$)/i.test(status)) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0)
      fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  if (fields.get("st") !== GATEWAY_DEVICE) return undefined;
  return urlAt(fields.get("location") ?? "", from.address);
}

/**
 * The URL, if it is plain HTTP at this IP address.
 *
 * @param base What a relative one is relative to.
 */
export function urlAt(text: string, address: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base?.href);
  if (url?.protocol !== "http:" || url.username !== "" || url.password !== "") return undefined;
  return canonicalAddress(url.hostname.replace(/^\[|\]$/g, "")) === address ? url : undefined;
}
