// Pools of HTTP connections: to anywhere, to public addresses only, and by narrower rules.

import { lookup } from "node:dns";
import type { LookupFunction, OnReadOpts, Socket } from "node:net";
import { asError, ipFamily, isLocal, normalizeIp } from "@shoal/core";
import type { Agent, buildConnector, Dispatcher } from "undici";
import { NetError } from "./error.ts";
import { connectFrom, type HttpRoutes, type HttpTarget } from "./http-connect.ts";
import { createAgent, createConnector } from "./undici.ts";

/** Settings of {@link createHttpAgents}. */
export interface HttpAgentsOptions {
  /** How to get out of a bound network. */
  readonly routes?: HttpRoutes | undefined;
  /** Connections to one origin at a time: 8 by default. */
  readonly maxSockets?: number | undefined;
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

/** Makes the pools, each when it is needed. */
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
    get any() {
      return by({});
    },
    get publicOnly() {
      return by({ publicOnly: true });
    },
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
  { routes }: HttpAgentsOptions,
  rules: ConnectRules,
  signal: AbortSignal,
  addresses: Map<string, string>,
  onread?: OnReadOpts,
): buildConnector.connector {
  const { family } = rules;
  const isAllowed = allowedBy(rules);
  const connect = createConnector({
    allowH2: false,
    signal,
    ...(family === undefined ? {} : { family }),
    ...(isAllowed === undefined ? {} : { lookup: lookupOf(isAllowed) }),
    // Such a connection is made once: there is no TLS session to keep.
    ...(onread === undefined ? {} : { onread, maxCachedSessions: 0 }),
  } as buildConnector.BuildOptions);
  return (target, done) => {
    const finish: buildConnector.Callback = (...result) => {
      const [error, socket] = result;
      if (error === null) remember(socket, `${target.protocol}//${target.host}`, addresses);
      done(...result);
    };
    const { hostname, protocol } = target;
    const isPlain = protocol !== "https:";
    try {
      if (ipFamily(hostname) !== undefined) chosen(hostname, [hostname], rules);
    } catch (error) {
      done(asError(error), null);
      return;
    }
    if (routes === undefined) {
      connect(target, finish);
      return;
    }
    const there: HttpTarget = {
      hostname,
      port: Number(target.port) || (isPlain ? 80 : 443),
      choose: (found) => chosen(hostname, found, rules),
      onread: isPlain ? onread : undefined,
    };
    connectFrom(routes, there, signal, (error, socket) => {
      if (error !== null) done(error, null);
      else if (isPlain) finish(null, socket);
      else connect({ ...target, httpSocket: socket }, finish);
    });
  };
}

/** The addresses of `host` that the rules allow, at least one. @throws NetError if there is none */
function chosen(host: string, found: readonly string[], rules: ConnectRules): readonly string[] {
  const { family } = rules;
  const fitting = found.filter((ip) => family === undefined || ipFamily(ip) === family);
  if (fitting.length === 0) {
    throw new NetError("ERR_NET_DNS", `'${host}' has no IPv${family ?? ""} address to connect to`);
  }
  const allowed = fitting.filter(allowedBy(rules) ?? (() => true));
  if (allowed.length === 0) throw refused(host);
  return allowed;
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
