// A router on loopback: PCP, NAT-PMP and UPnP on real sockets, and a `udp` that can reach nothing else.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Datagrams, Endpoint } from "@shoal/core";
import { udpSocket } from "@shoal/net";
import type { Gateway } from "../src/method.ts";
import { PcpServer } from "./pcp-server.ts";

const HOST = "127.0.0.1";
const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1";

/** What a control URL answers to an action: the status, and what the body holds. */
export type Control = (action: string, values: ReadonlyMap<string, string>) => [number, string];

/** A router; the test sets what it does. */
export class LoopbackRouter {
  readonly pcp: PcpServer = new PcpServer();
  readonly gateway: Gateway = { address: HOST, local: HOST };
  /** SOAP actions that came, as `AddPortMapping 6881 TCP 127.0.0.1`. */
  readonly actions: string[] = [];
  /** Mapped by UPnP: as `TCP 6881` → seconds. */
  readonly leases: Map<string, number> = new Map();
  control: Control = (action, values) => this.map(action, values);
  /** The description's body; undefined for a good one. */
  description: string | undefined;
  /** The field `location` of answers to searches; undefined for the right one. */
  location: string | undefined;
  readonly #pcpSocket: Socket;
  readonly #ssdpSocket: Socket;
  readonly #http: Server;

  private constructor(pcpSocket: Socket, ssdpSocket: Socket, http: Server) {
    this.#pcpSocket = pcpSocket;
    this.#ssdpSocket = ssdpSocket;
    this.#http = http;
    pcpSocket.on("message", (bytes, from) => {
      const answer = this.pcp.answer(bytes, from.address);
      if (answer) pcpSocket.send(answer, from.port, from.address);
    });
    ssdpSocket.on("message", (bytes, from) => {
      if (bytes.toString().startsWith("M-SEARCH ")) this.#found(from.port);
    });
    http.on("request", (request, response) => {
      void this.#respond(request).then(([status, body]) => {
        response.writeHead(status, { "content-type": "text/xml" }).end(body);
      });
    });
  }

  static async start(): Promise<LoopbackRouter> {
    const sockets = [createSocket("udp4"), createSocket("udp4")] as const;
    for (const socket of sockets) await once(socket.bind(0, HOST), "listening");
    const http = createServer();
    await once(http.listen(0, HOST), "listening");
    return new LoopbackRouter(...sockets, http);
  }

  /** The port of the web server. */
  get httpPort(): number {
    const address = this.#http.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** As `udpSocket`, but the gateway's ports, and the multicast group, are here. */
  readonly udp = async (at: Endpoint): Promise<Datagrams> => {
    const ports = new Map([
      [5351, this.#pcpSocket.address().port],
      [1900, this.#ssdpSocket.address().port],
    ]);
    const socket = await udpSocket(at);
    return {
      local: socket.local,
      attach: (receive) => {
        socket.attach((bytes, { address, port }) => {
          const known = [...ports].find(([, real]) => real === port);
          receive(bytes, { address, port: known?.[0] ?? port });
        });
      },
      send: (bytes, { port }) => socket.send(bytes, { address: HOST, port: ports.get(port) ?? 0 }),
      close: () => socket.close(),
    };
  };

  /** How a good router maps. */
  map(action: string, values: ReadonlyMap<string, string>): [number, string] {
    const key = `${values.get("NewProtocol")} ${values.get("NewExternalPort")}`;
    if (action === "GetExternalIPAddress") {
      return [200, "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>"];
    }
    if (action === "AddPortMapping") this.leases.set(key, Number(values.get("NewLeaseDuration")));
    else if (action !== "DeletePortMapping" || !this.leases.delete(key)) return fault(714);
    return [200, ""];
  }

  async close(): Promise<void> {
    this.#pcpSocket.close();
    this.#ssdpSocket.close();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, "close");
  }

  #found(port: number): void {
    const location = this.location ?? `http://${HOST}:${this.httpPort}/desc.xml`;
    const lines = [
      "HTTP/1.1 200 OK",
      "CACHE-CONTROL: max-age=120",
      "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
      `LOCATION: ${location}`,
    ];
    this.#ssdpSocket.send(`${lines.join("\r\n")}\r\n\r\n`, port, HOST);
  }

  async #respond(request: IncomingMessage): Promise<[number, string]> {
    if (request.url === "/desc.xml") return [200, this.description ?? description(["/control"])];
    const { soapaction } = request.headers;
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const action = /#(\w+)"$/.exec(String(soapaction))?.[1] ?? "?";
    const values = new Map(
      [...text.matchAll(/<(New\w+)>([^<]*)</g)].map(([, k = "", v = ""]) => [k, v]),
    );
    const shown = ["NewExternalPort", "NewProtocol", "NewInternalPort", "NewInternalClient"];
    this.actions.push([action, ...shown.flatMap((name) => values.get(name) ?? [])].join(" "));
    const [status, body] = this.control(action, values);
    return [status, `<?xml version="1.0"?><s:Envelope><s:Body>${body}</s:Body></s:Envelope>`];
  }
}

/** A description with a service of WANIPConnection at each of these URLs. */
export function description(controlUrls: readonly string[]): string {
  const services = controlUrls.map(
    (url) =>
      `<service><serviceType>${SERVICE}</serviceType><controlURL>${url}</controlURL></service>`,
  );
  return `<root><device><serviceList>${services.join("")}</serviceList></device></root>`;
}

/** A SOAP fault. */
export function fault(code: number): [number, string] {
  const error = `<UPnPError><errorCode>${code}</errorCode></UPnPError>`;
  return [500, `<s:Fault><detail>${error}</detail></s:Fault>`];
}
