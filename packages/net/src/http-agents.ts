// Two pools of HTTP connections: to anywhere, and to public addresses only.

import { lookup } from "node:dns";
import type { LookupFunction, OnReadOpts, Socket } from "node:net";
import { ipFamily, isLocal, normalizeIp } from "@shoal/core";
import type { Agent, buildConnector, Dispatcher } from "undici";
import { NetError } from "./error.ts";
import { createAgent, createConnector } from "./undici.ts";

/** Settings of {@link createHttpAgents}. */
export interface HttpAgentsOptions {
  /** IP address that connections start from; names are resolved to its family only. */
  readonly localAddress?: string;
  /** Connections to one origin at a time: 8 by default. */
  readonly maxSockets?: number;
}

/** Where requests go out. */
export interface HttpAgents {
  readonly any: Dispatcher;
  /**
   * Refuses to connect to local addresses: looked at when connecting, in what the name has resolved
   * to just then, so that no later answer of a name server can get round it.
   */
  readonly publicOnly: Dispatcher;
  /** The address that the origin's latest connection goes to. */
  remoteAddress(origin: string): string | undefined;
  /** Opens a connection outside of the pools, by the rules of one of them. */
  connect(
    to: URL,
    options: { readonly publicOnly: boolean; readonly onread: OnReadOpts },
    done: buildConnector.Callback,
  ): void;
  close(): Promise<void>;
}

/** Makes both pools. */
export function createHttpAgents(options: HttpAgentsOptions): HttpAgents {
  const closing = new AbortController();
  const addresses = new Map<string, string>();
  const make = (publicOnly: boolean): Agent =>
    createAgent({
      connections: options.maxSockets ?? 8,
      pipelining: 1,
      allowH2: false,
      connect: connector(options, publicOnly, closing.signal, addresses),
    });
  const any = make(false);
  const publicOnly = make(true);
  return {
    any,
    publicOnly,
    remoteAddress: (origin) => addresses.get(origin),
    connect: ({ hostname, host, protocol, port }, { publicOnly: isPublicOnly, onread }, done) => {
      const connect = connector(options, isPublicOnly, closing.signal, addresses, onread);
      connect({ hostname: hostname.replace(/^\[|\]$/g, ""), host, protocol, port }, done);
    },
    close: async () => {
      await Promise.all([any.destroy(), publicOnly.destroy()]);
      // Also those that are still connecting, which a pool does not know.
      closing.abort();
    },
  };
}

function connector(
  { localAddress }: HttpAgentsOptions,
  publicOnly: boolean,
  signal: AbortSignal,
  addresses: Map<string, string>,
  onread?: OnReadOpts,
): buildConnector.connector {
  const family = localAddress === undefined ? undefined : ipFamily(localAddress);
  const connect = createConnector({
    allowH2: false,
    signal,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(family === undefined ? {} : { family }),
    ...(publicOnly ? { lookup: publicLookup } : {}),
    // Such a connection is made once: there is no TLS session to keep.
    ...(onread === undefined ? {} : { onread, maxCachedSessions: 0 }),
  } as buildConnector.BuildOptions);
  return (target, done) => {
    if (publicOnly && isLocal(target.hostname)) {
      done(localRefused(target.hostname), null);
      return;
    }
    const options = localAddress === undefined ? target : { ...target, localAddress };
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error === null) remember(socket, `${target.protocol}//${target.host}`, addresses);
      done(...result);
    });
  };
}

function remember(socket: Socket, origin: string, addresses: Map<string, string>): void {
  const address = normalizeIp(socket.remoteAddress ?? "");
  if (address === undefined) return;
  addresses.set(origin, address);
  socket.once("close", () => {
    if (addresses.get(origin) === address) addresses.delete(origin);
  });
}

/** Resolves a name to its public addresses. */
const publicLookup: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, []);
    const allowed = found.filter(({ address }) => !isLocal(address));
    const [first] = allowed;
    if (first === undefined) return done(localRefused(host), []);
    if (options.all) done(null, allowed);
    else done(null, first.address, first.family);
  });
};

function localRefused(host: string): NetError {
  return new NetError(
    "ERR_NET_REDIRECT",
    `a public server redirects to '${host}', an address of this machine or network; not followed`,
  );
}
