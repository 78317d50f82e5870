// TCP: dials and listens, and hands out duplexes.

import { createServer, type Server, type Socket } from "node:net";
import {
  type Duplex,
  type Endpoint,
  formatEndpoint,
  type Listener,
  type Transport,
} from "@shoal/core";
import { checkEndpoint, checkRemote, socketEndpoint } from "./address.ts";
import type { Binding, LocalAddress } from "./binding.ts";
import { deviceSockets } from "./device.ts";
import { NetError, netError } from "./error.ts";
import { adoptSocket, openSocket } from "./onread.ts";
import { SocketDuplex } from "./socket-duplex.ts";

/** Settings of {@link tcpTransport}. */
export interface TcpOptions {
  /** Bytes of the one buffer that every socket of the transport reads into: 256 KiB by default. */
  readonly receiveBufferSize?: number;
  /** How long a dial may take, in ms: 15,000 by default. */
  readonly connectTimeoutMs?: number;
}

/**
 * TCP over IPv4 and IPv6, with Nagle's algorithm off.
 *
 * Listening at `::` takes both families; IPv4 remotes then show as dotted quads. Listening at
 * `0.0.0.0` takes IPv4 only; port 0 takes any free one. A connection reads nothing before it is
 * attached.
 */
export function tcpTransport(options: TcpOptions = {}): Transport {
  return boundTcp(undefined, options);
}

/** TCP as {@link tcpTransport} speaks it, from and at the addresses of `binding` alone. */
export function boundTcp(binding: Binding | undefined, options: TcpOptions): Transport {
  // A pool slice would do, but disk code looks at `chunk.buffer`; a slab of its own is cleaner.
  const buffer = Buffer.allocUnsafeSlow(options.receiveBufferSize ?? 256 * 1024);
  return {
    kind: "tcp",
    dial: (to, { signal }) => dial(to, signal, buffer, binding, options),
    listen: (at, accept) => listen(at, accept, buffer, binding),
  };
}

function dial(
  to: Endpoint,
  signal: AbortSignal,
  buffer: Buffer,
  binding: Binding | undefined,
  { connectTimeoutMs = 15_000 }: TcpOptions,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const attempt = `connecting to ${formatEndpoint(to)}`;
    const remote = checkRemote(to, attempt);
    const source = binding?.sourceFor(remote.address);
    let duplex: SocketDuplex | undefined;
    const socket = openSocket(buffer, (chunk) => duplex?.receive(chunk), tiedSocket(source));
    const fail = (error: unknown): void => {
      settle();
      // A late error of a socket that is given up already concerns nobody.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const failed = (error: Error): void => fail(netError(error, attempt));
    const aborted = (): void => fail(signal.reason);
    const timer = setTimeout(() => {
      fail(new NetError("ERR_NET_TIMEOUT", `${attempt} took over ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      socket.off("error", failed);
    };
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("error", failed);
    socket.once("connect", () => {
      const local = localOf(socket);
      if (local === undefined) return failed(new Error("the connection ended at once"));
      settle();
      duplex = new SocketDuplex(socket, remote, local);
      resolve(duplex);
    });
    socket.setNoDelay(true);
    const there = { host: remote.address, port: remote.port };
    socket.connect(source === undefined ? there : { ...there, localAddress: source.address });
  });
}

async function listen(
  at: Endpoint,
  accept: (duplex: Duplex) => void,
  buffer: Buffer,
  binding: Binding | undefined,
): Promise<Listener> {
  const attempt = `listening at ${formatEndpoint(at)}`;
  const wanted = checkEndpoint(at, attempt);
  const own = binding?.local(wanted.address);
  const address = own?.address ?? wanted.address;
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    let duplex: SocketDuplex | undefined;
    const adopted = adoptSocket(socket, buffer, (chunk) => duplex?.receive(chunk));
    const remote = remoteOf(adopted);
    const local = localOf(adopted);
    if (remote === undefined || local === undefined) {
      // It is gone already.
      adopted.on("error", () => {}).destroy();
      return;
    }
    duplex = new SocketDuplex(adopted, remote, local);
    accept(duplex);
  });
  await bind(server, { address, port: at.port }, own?.device, attempt);
  // Afterwards errors mean that one connection could not be accepted, as when out of descriptors.
  server.on("error", () => {});
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : at.port;
  return {
    local: { address, port },
    close: () =>
      new Promise((resolve) => {
        // Not the server's own callback: that would wait for the accepted connections too.
        server.close();
        setImmediate(resolve);
      }),
  };
}

function bind(
  server: Server,
  at: Endpoint,
  device: string | undefined,
  attempt: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(netError(error, attempt)));
    const where =
      device === undefined
        ? { host: at.address, port: at.port }
        : { fd: deviceSockets().bound("stream", at, device) };
    server.listen(where, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function tiedSocket(source: LocalAddress | undefined): number | undefined {
  if (source?.device === undefined) return undefined;
  return deviceSockets().stream(source.family, source.device);
}

function remoteOf({ remoteAddress, remotePort }: Socket): Endpoint | undefined {
  return socketEndpoint(remoteAddress, remotePort);
}

function localOf({ localAddress, localPort }: Socket): Endpoint | undefined {
  return socketEndpoint(localAddress, localPort);
}
