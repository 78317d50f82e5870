// Opens the TCP connections of HTTP from the addresses that a network is bound to.
import { type OnReadOpts, Socket } from "node:net";
import { callbackify } from "node:util";
import { normalizeIp } from "@shoal/core";
import type { LocalAddress } from "./binding.ts";
import { deviceSockets } from "./device.ts";
import { NetError, netError } from "./error.ts";
import { wrapSocket } from "./onread.ts";

/** How HTTP gets out of a bound network. */
export interface HttpRoutes {
  /** A name's addresses. @throws NetError */
  resolve(name: string, options: { signal: AbortSignal }): Promise<string[]>;
  /** @throws NetError `ERR_NET_ADDRESS_UNAVAILABLE` if there is no way to `address`. */
  sourceFor(address: string): LocalAddress;
}

/** What to connect to, and how. */
export interface HttpTarget {
  /** A name or an IP address, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Those of the server's addresses that may be connected to. @throws NetError if there is none */
  readonly choose: (addresses: readonly string[]) => readonly string[];
  readonly onread: OnReadOpts | undefined;
}

/**
 * Connects to the first address of the server that can be reached, trying one after the other. An
 * error is that of the last one, or the signal's reason.
 */
export const connectFrom: (
  routes: HttpRoutes,
  target: HttpTarget,
  signal: AbortSignal,
  done: (error: NodeJS.ErrnoException | null, socket: Socket) => void,
) => void = callbackify(connectFirst);

async function connectFirst(
  routes: HttpRoutes,
  target: HttpTarget,
  signal: AbortSignal,
): Promise<Socket> {
  const { hostname, choose } = target;
  const literal = normalizeIp(hostname);
  const found = literal === undefined ? await routes.resolve(hostname, { signal }) : [literal];
  let failure: unknown;
  for (const address of choose(found)) {
    signal.throwIfAborted();
    try {
      return await connect(address, routes.sourceFor(address), target, signal);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** What one address may take, in ms; the next one is tried afterwards. */
const CONNECT_MS = 5000;

function connect(
  address: string,
  source: LocalAddress,
  { port, onread }: HttpTarget,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempt = `connecting to ${address} port ${port}`;
    const socket = newSocket(source, onread);
    const stop = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
    const stopped = (): void => {
      socket.destroy();
      const late = new NetError("ERR_NET_TIMEOUT", `${attempt} took over ${CONNECT_MS} ms`);
      reject(signal.aborted ? signal.reason : late);
    };
    const failed = (error: Error): void => {
      stop.removeEventListener("abort", stopped);
      reject(netError(error, attempt));
    };
    stop.addEventListener("abort", stopped, { once: true });
    socket.once("error", failed);
    socket.setNoDelay(true).setKeepAlive(true, 60_000);
    socket.connect({ host: address, port, localAddress: source.address }, () => {
      stop.removeEventListener("abort", stopped);
      socket.off("error", failed);
      // One around a socket of the system's began paused.
      if (onread !== undefined) socket.resume();
      resolve(socket);
    });
  });
}

function newSocket({ family, device }: LocalAddress, onread: OnReadOpts | undefined): Socket {
  if (device !== undefined) return wrapSocket(deviceSockets().stream(family, device), onread);
  return onread === undefined ? new Socket() : new Socket({ onread });
}
