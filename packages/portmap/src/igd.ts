// Internet gateway devices of UPnP: their description, and what is said to them by SOAP.
import { urlAt } from "./ssdp.ts";
import { elementText, xmlTokens } from "./xml.ts";

/** A service that maps ports: WANIPConnection or WANPPPConnection, of any version. */
export interface IgdService {
  readonly type: string;
  /** At the device itself. */
  readonly controlUrl: URL;
}

/** An action's arguments in the order that its definition names them: some devices insist. */
export type SoapArguments = readonly (readonly [name: string, value: string | number])[];

/** A SOAP request, but for HTTP. */
export interface SoapRequest {
  /** The header field `soapaction`. */
  readonly action: string;
  readonly body: string;
}

/** Answers of AddPortMapping that another request may mend (WANIPConnection:1 §2.4.16). */
export const IGD_ERRORS = {
  /** Somebody else has that external port. */
  conflict: 718,
  /** Only leases without an end are granted. */
  permanentOnly: 725,
} as const;

/** Services that are looked at in a description. */
const MOST_SERVICES = 4;

const CONNECTION = /^urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:\d{1,3}$/;

/**
 * The services in a device's description that map ports, at most 4.
 *
 * @param location Where the description came from. Services elsewhere are left out.
 * @param address The device's IP address.
 */
export function readDescription(
  document: string,
  location: URL,
  address: string,
): readonly IgdService[] {
  const found: IgdService[] = [];
  const base = urlAt(elementText(document, "URLBase") ?? "", address) ?? location;
  let element = "";
  let fields = new Map<string, string>();
  for (const { kind, value } of xmlTokens(document)) {
    if (kind === "open") {
      element = value;
      if (value === "service") fields = new Map();
    } else if (kind === "text") fields.set(element, value.trim());
    else if (value === "service") {
      const type = fields.get("serviceType") ?? "";
      const control = fields.get("controlURL") ?? "";
      const controlUrl = control === "" ? undefined : urlAt(control, address, base);
      if (CONNECTION.test(type) && controlUrl) found.push({ type, controlUrl });
      if (found.length === MOST_SERVICES) break;
    }
  }
  return found;
}

/**
 * Writes a SOAP request (UDA 1.1 §3.2.1).
 *
 * @param values Must need no escaping.
 */
export function soapRequest(type: string, action: string, values: SoapArguments): SoapRequest {
  const inside = values.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  return {
    action: `"${type}#${action}"`,
    body:
      '<?xml version="1.0"?>\r\n' +
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<u:${action} xmlns:u="${type}">${inside}</u:${action}></s:Body></s:Envelope>\r\n`,
  };
}

/** The UPnP error code of a SOAP fault; undefined if it names none. */
export function soapFault(document: string): number | undefined {
  const code = elementText(document, "errorCode") ?? "";
  return /^\d{1,5}$/.test(code) ? Number(code) : undefined;
}
