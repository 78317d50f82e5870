// Pools of HTTP connections: to anywhere, to public addresses only, and by narrower rules.

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

/** Which addresses may be connected to: looked at when connecting, like {@link HttpAgents.publicOnly}. */
export interface ConnectRules {
  /** None of this machine and its networks. */
  readonly publicOnly?: boolean;
  /** None of this machine. */
  readonly refuseLoopback?: boolean;
  /** Only those of one address family. */
  readonly family?: 4 | 6 | undefined;
}

/** Where requests go out. */
export interface HttpAgents {
  readonly any: Dispatcher;
  /**
   * Refuses to connect to local addresses: looked at when connecting, in what the name has resolved
   * to just then, so that no later answer of a name server can get round it.
   */
  readonly publicOnly: Dispatcher;
  /** The pool that keeps the rules. */
  by(rules: ConnectRules): Dispatcher;
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

/** Makes the pools, all but the first two when they are needed. */
export function createHttpAgents(options: HttpAgentsOptions): HttpAgents {
  const closing = new AbortController();
  const addresses = new Map<string, string>();
  const pools = new Map<string, Agent>();
  const by = (rules: ConnectRules): Agent => {
    const { publicOnly = false, refuseLoopback = false, family } = rules;
    // Who may reach public addresses only reaches no loopback address either.
    const key = `${publicOnly} ${!publicOnly && refuseLoopback} ${family}`;
    const pool =
      pools.get(key) ??
      createAgent({
        connections: options.maxSockets ?? 8,
        pipelining: 1,
        allowH2: false,
        connect: connector(options, rules, closing.signal, addresses),
      });
    pools.set(key, pool);
    return pool;
  };
  return {
    any: by({}),
    publicOnly: by({ publicOnly: true }),
    by,
    remoteAddress: (origin) => addresses.get(origin),
    connect: ({ hostname, host, protocol, port }, { publicOnly: isPublicOnly, onread }, done) => {
      const rules = { publicOnly: isPublicOnly };
      const connect = connector(options, rules, closing.signal, addresses, onread);
      connect({ hostname: hostname.replace(/^\[|\]$/g, ""), host, protocol, port }, done);
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      // Also those that are still connecting, which a pool does not know.
      closing.abort();
    },
  };
}

function connector(
  { localAddress }: HttpAgentsOptions,
  rules: ConnectRules,
  signal: AbortSignal,
  addresses: Map<string, string>,
  onread?: OnReadOpts,
): buildConnector.connector {
  const own = localAddress === undefined ? undefined : ipFamily(localAddress);
  const family = rules.family ?? own;
  const isAllowed = allowedBy(rules);
  const connect = createConnector({
    allowH2: false,
    signal,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(family === undefined ? {} : { family }),
    ...(isAllowed === undefined ? {} : { lookup: lookupOf(isAllowed) }),
    // Such a connection is made once: there is no TLS session to keep.
    ...(onread === undefined ? {} : { onread, maxCachedSessions: 0 }),
  } as buildConnector.BuildOptions);
  return (target, done) => {
    const literal = ipFamily(target.hostname);
    if (isAllowed?.(target.hostname) === false) {
      done(refused(target.hostname), null);
      return;
    }
    if (literal !== undefined && family !== undefined && literal !== family) {
      const message = `expected an IPv${family} address to connect to, got ${target.hostname}`;
      done(new NetError("ERR_NET_DNS", message), null);
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

/** What the rules say of an address; names are allowed, for they are looked up. */
function allowedBy(rules: ConnectRules): ((host: string) => boolean) | undefined {
  if (rules.publicOnly) return (host) => !isLocal(host);
  if (rules.refuseLoopback) return (host) => !isLoopback(host);
  return undefined;
}

/** Whether an address reaches this machine whatever its networks: 127/8, 0/8, `::1`, `::`. */
function isLoopback(host: string): boolean {
  const address = normalizeIp(host);
  return address !== undefined && /^(?:127\.|0\.|::1?$)/.test(address);
}

/** Resolves a name to those of its addresses that are allowed. */
function lookupOf(isAllowed: (address: string) => boolean): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, []);
      const allowed = found.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) return done(refused(host), []);
      if (options.all) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}

function refused(host: string): NetError {
  return new NetError(
    "ERR_NET_REDIRECT",
    `'${host}' leads to this machine or network from where it may not; not followed`,
  );
}
