// UDP: one socket of one address family.

import { createSocket, type Socket } from "node:dgram";
import { type Datagrams, type Endpoint, endpointFamily, formatEndpoint } from "@shoal/core";
import { checkEndpoint, socketEndpoint } from "./address.ts";
import { deviceSockets } from "./device.ts";
import { netError } from "./error.ts";

/** Settings of {@link udpSocket}. */
export interface UdpOptions {
  /** Bytes that the system may queue each way; its own default if not given. */
  readonly bufferSize?: number;
}

/**
 * Binds a socket; the address decides the family (`::` takes IPv6 only), port 0 takes a free one.
 *
 * `send` never throws: what can't be sent counts as lost. The bytes given to it must not change
 * afterwards. Nothing is received before `attach`.
 *
 * @throws NetError if the address can't be bound.
 */
export function udpSocket(at: Endpoint, options: UdpOptions = {}): Promise<Datagrams> {
  return openUdp(at, undefined, options);
}

/** As {@link udpSocket}. @param device The interface that the socket is tied to. */
export async function openUdp(
  at: Endpoint,
  device: string | undefined,
  options: UdpOptions,
): Promise<Datagrams> {
  const attempt = `binding UDP ${formatEndpoint(at)}`;
  const wanted = checkEndpoint(at, attempt);
  const family = endpointFamily(wanted);
  const where =
    device === undefined ? wanted : { fd: deviceSockets().bound("datagram", wanted, device) };
  const socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Addresses are numbers already: answering at once spares a turn of the loop per datagram.
    lookup: (address, _options, done) => done(null, address, family),
    ...(options.bufferSize === undefined
      ? {}
      : { recvBufferSize: options.bufferSize, sendBufferSize: options.bufferSize }),
  });
  await bindSocket(socket, where, attempt);
  return datagrams(socket, { ...wanted, port: socket.address().port }, family);
}

/** Binds a socket, and closes it if that fails. @throws NetError */
export function bindSocket(
  socket: Socket,
  at: Endpoint | { fd: number },
  attempt: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => {
      socket.close();
      reject(netError(error, attempt));
    });
    socket.bind({ ...at, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve();
    });
  });
}

/** A bound socket as the engine sees it, which owns it from then on. */
export function datagrams(socket: Socket, local: Endpoint, family: 4 | 6): Datagrams {
  let closing: Promise<void> | undefined;
  let receive: ((bytes: Uint8Array, from: Endpoint) => void) | undefined;
  // What arrives here is the echo of a datagram that got lost (ICMP unreachable on some systems).
  socket.on("error", () => {});
  socket.on("message", (bytes, { address, port }) => {
    // IPv4 text of the system is canonical already, and this is done for every datagram.
    const from = family === 4 ? { address, port } : socketEndpoint(address, port);
    if (from !== undefined) receive?.(bytes, from);
  });
  return {
    local,
    attach: (receiver) => {
      receive = receiver;
    },
    send: (bytes, to) => {
      // Endpoints hold canonical addresses, of which only IPv6 has colons.
      if (closing !== undefined || to.address.includes(":") !== (family === 6)) return;
      if (!(to.port > 0 && to.port <= 65_535)) return;
      socket.send(bytes, to.port, to.address);
    },
    close: () => {
      closing ??= new Promise((resolve) => socket.close(() => resolve()));
      return closing;
    },
  };
}
