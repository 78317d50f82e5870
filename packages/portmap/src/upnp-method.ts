// Mapping by UPnP: finds the gateway's description, and asks its connection service.
import { canonicalAddress, type Endpoint, isDialable, isLocal } from "@shoal/core";
import { ask } from "./ask.ts";
import { PortMapError } from "./error.ts";
import { exchangeHttp, type HttpExchange, type HttpQuestion } from "./http-exchange.ts";
import {
  IGD_ERRORS,
  type IgdService,
  readDescription,
  type SoapArguments,
  soapFault,
  soapRequest,
} from "./igd.ts";
import {
  type Gateway,
  LIFETIME,
  type Mapping,
  type MapRequest,
  type Method,
  type MethodHost,
} from "./method.ts";
import { encodeSearch, readSearchAnswer, SSDP_GROUP } from "./ssdp.ts";
import { elementText } from "./xml.ts";

/** In ms: devices answer within `MX` seconds, and datagrams get lost. */
const SEARCH_WAITS: readonly number[] = [1500, 1500];

/** External ports that are tried, ours first. */
const MOST_PORTS = 4;

/** What a gateway's users see in its list of mappings. */
const DESCRIPTION = "Shoal";

/** A gateway's service that maps ports. */
interface Control {
  readonly service: IgdService;
  /** IP address of the gateway. */
  readonly address: string;
  /** Ours, as the gateway sees it: many map to no other. */
  readonly client: string;
}

/**
 * Searches by multicast from our address, over IPv4. Believes only the gateway if its address is
 * known, else a device with a local address; connects to no other address than that of the device
 * that answered.
 */
export class UpnpMethod implements Method {
  /** UPnP has no clock to tell. */
  onStateLost: (() => void) | undefined;
  readonly #host: MethodHost;
  readonly #gateway: Gateway;
  /** The service that granted last. */
  #control: Control | undefined;

  constructor(host: MethodHost, gateway: Gateway) {
    this.#host = host;
    this.#gateway = gateway;
  }

  async map(request: MapRequest, signal: AbortSignal): Promise<Mapping> {
    let failure: unknown;
    for (const control of this.#control ? [this.#control] : await this.#find(signal)) {
      try {
        const mapping = await this.#add(control, request, signal);
        this.#control = control;
        return mapping;
      } catch (error) {
        signal.throwIfAborted();
        // It may have moved to another port, as after a restart.
        this.#control = undefined;
        failure = error;
      }
    }
    throw failure;
  }

  async unmap(request: MapRequest, signal: AbortSignal): Promise<void> {
    const control = this.#control;
    if (control === undefined) return;
    const answer = await this.#call(control, "DeletePortMapping", outside(request), signal);
    if (answer.status !== 200) throw refused(control, "DeletePortMapping", answer);
  }

  /** @returns At least one. */
  async #find(signal: AbortSignal): Promise<readonly Control[]> {
    const location = await this.#search(signal);
    const address = canonicalAddress(location.hostname) ?? "";
    const { status, body, local } = await this.#exchange(address, { url: location }, signal);
    const services = status === 200 ? readDescription(body, location, address) : [];
    if (services.length > 0)
      return services.map((service) => ({ service, address, client: local }));
    throw new PortMapError(
      "ERR_PORTMAP_BAD_ANSWER",
      `UPnP at ${address} describes no service that maps ports (status ${status})`,
    );
  }

  async #search(signal: AbortSignal): Promise<URL> {
    const { local, address } = this.#gateway;
    const isGateway = (from: string): boolean =>
      address === undefined ? isLocal(from) : from === address;
    const socket = await this.#host.udp({ address: local, port: 0 });
    const question = {
      message: encodeSearch(),
      // Some answer only when asked by name.
      to: address === undefined ? [SSDP_GROUP] : [SSDP_GROUP, { address, port: SSDP_GROUP.port }],
      waits: SEARCH_WAITS,
      about: address === undefined ? `UPnP around ${local}` : `UPnP at ${address}`,
      read: (bytes: Uint8Array, from: Endpoint) =>
        isGateway(from.address) ? readSearchAnswer(bytes, from) : undefined,
    };
    try {
      return await ask(this.#host, socket, question, signal);
    } finally {
      await socket.close();
    }
  }

  async #add(control: Control, request: MapRequest, signal: AbortSignal): Promise<Mapping> {
    let { externalPort } = request;
    let lease = LIFETIME;
    for (let ports = 1; ; ) {
      const values: SoapArguments = [
        ...outside({ ...request, externalPort }),
        ["NewInternalPort", request.port],
        ["NewInternalClient", control.client],
        ["NewEnabled", 1],
        ["NewPortMappingDescription", DESCRIPTION],
        ["NewLeaseDuration", lease],
      ];
      const answer = await this.#call(control, "AddPortMapping", values, signal);
      if (answer.status === 200) {
        const externalAddress = await this.#externalAddress(control, signal);
        const { protocol, port } = request;
        const gateway = { ...this.#gateway, address: control.address };
        const outer = { externalAddress, externalPort, lifetime: LIFETIME };
        return { protocol, port, via: "upnp", gateway, ...outer };
      }
      const fault = soapFault(answer.body);
      if (fault === IGD_ERRORS.permanentOnly && lease > 0) lease = 0;
      else if (fault === IGD_ERRORS.conflict && ports++ < MOST_PORTS)
        externalPort = this.#anyPort();
      else throw refused(control, "AddPortMapping", answer);
    }
  }

  /** One of the ports that nobody else is given (RFC 6335 §6). */
  #anyPort(): number {
    const [high = 0, low = 0] = this.#host.entropy(2);
    return 0xc000 | ((high << 8) | low);
  }

  /** The mapping stands whether the gateway tells its address or not. */
  async #externalAddress(control: Control, signal: AbortSignal): Promise<string | undefined> {
    try {
      const { status, body } = await this.#call(control, "GetExternalIPAddress", [], signal);
      const told = elementText(body, "NewExternalIPAddress") ?? "";
      const address = canonicalAddress(told);
      return status === 200 && address !== undefined && isDialable(address) ? address : undefined;
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  #call(
    { service, address }: Control,
    name: string,
    values: SoapArguments,
    signal: AbortSignal,
  ): Promise<HttpExchange> {
    const { action, body } = soapRequest(service.type, name, values);
    const fields = { "content-type": 'text/xml; charset="utf-8"', soapaction: action };
    return this.#exchange(address, { url: service.controlUrl, post: { fields, body } }, signal);
  }

  #exchange(address: string, question: HttpQuestion, signal: AbortSignal): Promise<HttpExchange> {
    return exchangeHttp(this.#host, address, question, signal);
  }
}

/** The arguments that name a mapping. */
function outside({ externalPort, protocol }: MapRequest): SoapArguments {
  return [
    ["NewRemoteHost", ""],
    ["NewExternalPort", externalPort],
    ["NewProtocol", protocol.toUpperCase()],
  ];
}

function refused(
  { address }: Control,
  action: string,
  { status, body }: HttpExchange,
): PortMapError {
  const why = elementText(body, "errorDescription")?.slice(0, 100) ?? `status ${status}`;
  return new PortMapError(
    "ERR_PORTMAP_REFUSED",
    `UPnP at ${address} refuses ${action}: ${soapFault(body) ?? ""} ${why}`,
  );
}
