// The tracker's sockets: node:http and node:dgram bound to the functions that answer.
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:http";
import { type Endpoint, formatEndpoint, ipFamily, normalizeIp } from "@shoal/core";
import { TrackerError } from "../error.ts";
import type { Desk } from "./desk.ts";
import { answerHttp } from "./http-answer.ts";
import { answerUdp, type ConnectionIds } from "./udp-answer.ts";

/** A bound protocol. */
export interface Bound {
  /** The address as it was bound, `::` or `0.0.0.0` for all. */
  readonly local: Endpoint;
  close(): Promise<void>;
}

/** Where to listen. */
export interface ListenAt {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** An IP address; by default every address of the host, IPv6 and IPv4. */
  readonly host?: string;
}

/** @throws TrackerError `ERR_TRACKER_LISTEN` */
export function bindHttp(desk: Desk, at: ListenAt): Promise<Bound> {
  return onEveryFamily(at, (host) => listenHttp(desk, host, at.port ?? 0));
}

/** @throws TrackerError `ERR_TRACKER_LISTEN` */
export function bindUdp(desk: Desk, ids: ConnectionIds, at: ListenAt): Promise<Bound> {
  return onEveryFamily(at, (host) => listenUdp(desk, ids, host, at.port ?? 0));
}

/** Connections that may be open at once. */
const MAX_CONNECTIONS = 1024;
/** Ms that a client has to send its request. */
const REQUEST_MS = 10_000;

async function onEveryFamily(at: ListenAt, bind: (host: string) => Promise<Bound>): Promise<Bound> {
  try {
    if (at.host !== undefined) return await bind(at.host);
    return await bind("::").catch((error: NodeJS.ErrnoException) => {
      // A host without IPv6; every other error would come again.
      if (error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL") return bind("0.0.0.0");
      throw error;
    });
  } catch (cause) {
    const where = `${at.host ?? "all addresses"}, port ${at.port ?? 0}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the tracker cannot listen on ${where}: ${reason}`;
    throw new TrackerError("ERR_TRACKER_LISTEN", message, { cause });
  }
}

function listenHttp(desk: Desk, host: string, port: number): Promise<Bound> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS },
    (request, response) => {
      if (request.method !== "GET") {
        desk.refuse();
        response.writeHead(405, { allow: "GET", connection: "close" }).end();
        return;
      }
      const sender = request.socket.remoteAddress ?? "";
      const { status, body } = answerHttp(desk, request.url ?? "/", sender);
      response.writeHead(status, { "content-type": "text/plain", "content-length": body.length });
      response.end(body);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      // A failing accept concerns one client; the server goes on.
      server.on("error", () => {});
      resolve({ local: localOf(server.address(), host), close: () => closeHttp(server) });
    });
  });
}

function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function listenUdp(desk: Desk, ids: ConnectionIds, host: string, port: number): Promise<Bound> {
  const socket = createSocket({ type: ipFamily(host) === 4 ? "udp4" : "udp6" });
  socket.on("message", (bytes, sender) => {
    // A socket for both families shows IPv4 senders as mapped addresses; answers go there as such.
    const address = normalizeIp(sender.address);
    if (address === undefined) return;
    const answer = answerUdp(desk, ids, bytes, { address, port: sender.port });
    if (answer !== undefined) socket.send(answer, sender.port, sender.address, ignore);
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once("error", fail);
    socket.bind({ address: host, port }, () => {
      socket.off("error", fail);
      socket.on("error", ignore);
      resolve({ local: localOf(socket.address(), host), close: () => closeUdp(socket) });
    });
  });
}

function closeUdp(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

/** An answer that can't be sent is lost, as UDP may lose any. */
function ignore(): void {}

function localOf(address: ReturnType<Server["address"]>, host: string): Endpoint {
  if (address === null || typeof address === "string") {
    throw new TypeError(`expected a bound IP address, got ${address} for ${host}`);
  }
  return { address: normalizeIp(address.address) ?? host, port: address.port };
}

/** An announce URL by which this host reaches a bound address. */
export function urlOf(scheme: "http" | "udp", { address, port }: Endpoint): string {
  const reachable = address === "::" || address === "0.0.0.0" ? "127.0.0.1" : address;
  return `${scheme}://${formatEndpoint({ address: reachable, port })}/announce`;
}
