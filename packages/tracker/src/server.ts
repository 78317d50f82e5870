/**
 * A small tracker to embed: announce and scrape over HTTP and UDP, everything in bounded memory.
 *
 * @packageDocumentation
 */
import { randomInt } from "node:crypto";
import { createRng, type Endpoint, ipFamily, toHex } from "@shoal/core";
import { TrackerError } from "./error.ts";
import { type Bound, bindHttp, bindUdp, type ListenAt, urlOf } from "./server/bind.ts";
import { connectionIds } from "./server/connection-ids.ts";
import { Desk, type TrackerFilter, type TrackerServerStats } from "./server/desk.ts";

export { TrackerError, type TrackerErrorCode } from "./error.ts";
export type { ListenAt } from "./server/bind.ts";
export type { AnnounceFacts, TrackerFilter, TrackerServerStats } from "./server/desk.ts";

/** Settings of {@link createTrackerServer}. */
export interface TrackerServerOptions {
  /** Where to listen for HTTP; `false` to leave it out. By default any free port. */
  readonly http?: ListenAt | false;
  /** Where to listen for UDP; `false` to leave it out. By default any free port. */
  readonly udp?: ListenAt | false;
  /** Seconds between a peer's announces, 1–86,400. Default 1800. */
  readonly intervalSeconds?: number;
  /** Decides which announces are served; by default all. */
  readonly filter?: TrackerFilter;
  /** Swarms remembered. Default 10,000; the one announced to longest ago makes room. */
  readonly maxSwarms?: number;
  /** Peers remembered of one swarm. Default 2,000; the one that announced longest ago makes room. */
  readonly maxPeersPerSwarm?: number;
  /** Peers remembered altogether. Default 200,000, some 60 MB. */
  readonly maxPeers?: number;
}

/** What a swarm is, as the tracker knows it. */
export interface TrackerSwarm {
  readonly seeders: number;
  readonly leechers: number;
  /** Downloads completed, and peers that said good-bye, since the swarm was first announced. */
  readonly completed: number;
  readonly stopped: number;
  /** The one that announced longest ago first. */
  readonly peers: readonly Endpoint[];
}

/** A running tracker. */
export interface TrackerServer {
  /** An announce URL by which this host reaches it; `undefined` without HTTP. */
  readonly httpUrl: string | undefined;
  /** The same for UDP. */
  readonly udpUrl: string | undefined;
  /** Where it listens for HTTP. */
  readonly httpAddress: Endpoint | undefined;
  /** Where it listens for UDP. */
  readonly udpAddress: Endpoint | undefined;
  stats(): TrackerServerStats;
  /** @param infoHash 20 bytes, or 40 hexadecimal digits. */
  swarm(infoHash: Uint8Array | string): TrackerSwarm | undefined;
  /** Closes all sockets, idle connections too. */
  close(): Promise<void>;
}

/**
 * Starts a tracker. It trusts nothing that a peer says of its own address, keeps everything in
 * memory, and uses no timer.
 *
 * @throws TrackerError `ERR_TRACKER_OPTION` if an option is out of range or nothing is left to
 *   listen on, `ERR_TRACKER_LISTEN` if an address can't be bound.
 */
export async function createTrackerServer(
  options: TrackerServerOptions = {},
): Promise<TrackerServer> {
  if (options.http === false && options.udp === false) {
    throw new TrackerError("ERR_TRACKER_OPTION", "expected http or udp, got false for both");
  }
  for (const at of [options.http, options.udp]) if (at) checkListenAt(at);
  const now = (): number => performance.now();
  const desk = new Desk({
    intervalSeconds: inRange("intervalSeconds", options.intervalSeconds ?? 1800, 1, 86_400),
    limits: {
      maxSwarms: inRange("maxSwarms", options.maxSwarms ?? 10_000),
      maxPeersPerSwarm: inRange("maxPeersPerSwarm", options.maxPeersPerSwarm ?? 2000),
      maxPeers: inRange("maxPeers", options.maxPeers ?? 200_000),
    },
    filter: options.filter,
    rng: createRng(randomInt(2 ** 32)),
    now,
  });
  const http = options.http === false ? undefined : await bindHttp(desk, options.http ?? {});
  let udp: Bound | undefined;
  try {
    if (options.udp !== false) udp = await bindUdp(desk, connectionIds(now), options.udp ?? {});
  } catch (error) {
    await http?.close();
    throw error;
  }
  let closing: Promise<unknown> | undefined;
  return {
    httpUrl: http && urlOf("http", http.local),
    udpUrl: udp && urlOf("udp", udp.local),
    httpAddress: http?.local,
    udpAddress: udp?.local,
    stats: () => desk.stats(),
    swarm: (infoHash) =>
      desk.swarm(typeof infoHash === "string" ? infoHash.toLowerCase() : toHex(infoHash)),
    close: async () => {
      closing ??= Promise.all([http?.close(), udp?.close()]);
      await closing;
    },
  };
}

function checkListenAt({ host, port = 0 }: ListenAt): void {
  inRange("port", port, 0, 65_535);
  if (host === undefined || ipFamily(host) !== undefined) return;
  throw new TrackerError("ERR_TRACKER_OPTION", `expected host to be an IP address, got '${host}'`);
}

function inRange(name: string, value: number, least = 1, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new TrackerError(
    "ERR_TRACKER_OPTION",
    `expected ${name} to be an integer of ${least}–${most}, got ${value}`,
  );
}
