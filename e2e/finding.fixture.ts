// Sessions in the simulated network that find each other by themselves, and what they use for it.
import { hash } from "node:crypto";
import {
  type Datagrams,
  type Endpoint,
  formatEndpoint,
  type PeerSource,
  randomInt,
  type SwarmFacts,
  type Transport,
  toHex,
} from "@shoal/core";
import { createDhtSource, DhtNode } from "@shoal/dht";
import { createDiskIo } from "@shoal/disk-io";
import { createLsdSource, LSD_GROUPS } from "@shoal/lsd";
import { metadataExtension } from "@shoal/metadata";
import { buildTorrent, formatMagnet, type Metainfo, parseTorrent } from "@shoal/metainfo";
import { pexExtension } from "@shoal/pex";
import { type ServiceHost, Session, type SessionSettings } from "@shoal/session/bare";
import { type HostOptions, type SimHost, type Simulation, virtualDisk } from "@shoal/testkit";
import { addressOf } from "../packages/dht/testing/network.ts";
import { makeTorrent, runtimeOf, type SimTorrent } from "./sim-swarm.fixture.ts";
import type { Wiretap } from "./wiretap.fixture.ts";

/** The port of everything. */
export const PORT = 6881;

/** As TCP of `@shoal/net`: who does not answer is given up after so long, in ms. */
export const CONNECT_TIMEOUT_MS = 15_000;

/** A torrent with its bytes, and the link to it. */
export interface Findable extends SimTorrent {
  readonly metainfo: Metainfo;
  /** Without trackers or peers. */
  readonly magnet: string;
  /** Info-hash: lower-case hexadecimal digits. */
  readonly name: string;
}

/** Little payload, but an info dictionary of three pieces (BEP 9): it has many files. */
export function makeFindable(length: number, isPrivate = false): Findable {
  const pieceLength = 16_384;
  const { payload } = makeTorrent(length, pieceLength);
  const digests: Buffer[] = [];
  for (let at = 0; at < length; at += pieceLength) {
    digests.push(hash("sha1", payload.subarray(at, at + pieceLength), "buffer"));
  }
  const share = Math.floor(length / FILES);
  const bytes = buildTorrent({
    name: "swarm",
    files: Array.from({ length: FILES }, (_, i) => ({
      path: ["swarm", `${i} ${"of many files".repeat(5)}`],
      length: i === 0 ? length - share * (FILES - 1) : share,
    })),
    pieceLength,
    pieceHashes: Buffer.concat(digests),
    isPrivate,
  });
  const metainfo = parseTorrent(bytes);
  const magnet = formatMagnet({ infoHashes: metainfo.infoHashes });
  const name = toHex(metainfo.infoHashes.v1 ?? new Uint8Array(20));
  return { bytes, payload, pieceLength, metainfo, magnet, name };
}

const FILES = 400;

/** How a peer of the simulation finds others. */
export interface FinderOptions {
  readonly pex?: boolean;
  /** Nodes to begin with; without this it takes no part in the DHT. */
  readonly dht?: readonly Endpoint[] | undefined;
  /** The local network that it is in. */
  readonly lan?: Lan | undefined;
  readonly tracker?: Tracker | undefined;
  readonly line?: HostOptions;
  readonly settings?: Partial<SessionSettings>;
}

/** A session on a host of its own. */
export interface Finder {
  readonly endpoint: Endpoint;
  readonly session: Session;
  readonly node: DhtNode | undefined;
}

/** Opens the session at the `index`-th address; no two addresses are of one network. */
export async function openFinder(
  sim: Simulation,
  tap: Wiretap,
  index: number,
  options: FinderOptions,
): Promise<Finder> {
  const { pex = true, dht, lan, tracker, settings } = options;
  const endpoint = endpointOf(index);
  const { address } = endpoint;
  const host = sim.network.host(address, options.line ?? lineOf(sim));
  const runtime = runtimeOf(sim);
  const socket = dht === undefined ? undefined : tap.datagrams(host.datagrams(PORT));
  const node = socket && new DhtNode(runtime, { sockets: [socket], bootstrap: dht ?? [] });
  const services: ((host: ServiceHost) => PeerSource)[] = [];
  if (tracker !== undefined) services.push(() => tracker.source(endpoint));
  if (node !== undefined) {
    services.push((own) => createDhtSource(node, own));
  }
  if (lan !== undefined) {
    services.push((own) =>
      createLsdSource({ ...own, open: async () => [lan.socket(address, tap)] }),
    );
  }
  const session = await Session.open({
    runtime,
    disk: createDiskIo({
      cacheSize: 1 << 20,
      execute: virtualDisk(sim, { latencyMs: 1, bytesPerSecond: 100e6 }),
    }),
    transports: [patient(sim, tap.transport(host.transport(), address))],
    listen: [{ address, port: PORT }],
    store: () => {
      throw new Error("every torrent brings its store");
    },
    extensions: [metadataExtension(), ...(pex ? [pexExtension()] : [])],
    services,
    settings,
    release: async () => {
      await node?.close();
      await socket?.close();
    },
  });
  return { endpoint, session, node };
}

/** Where the `index`-th peer is. */
export function endpointOf(index: number): Endpoint {
  return { address: addressOf(index), port: PORT };
}

/** A line at home: 1 MB/s up. */
export function lineOf(sim: Simulation): HostOptions {
  return {
    uploadBytesPerSecond: 1e6,
    downloadBytesPerSecond: 4e6,
    latencyMs: 5 + randomInt(sim.rng, 40),
  };
}

/** Gives up dials after some time, as transports must. */
export function patient(sim: Simulation, inner: Transport): Transport {
  return {
    kind: inner.kind,
    listen: (at, accept) => inner.listen(at, accept),
    dial: async (to, { signal }) => {
      const late = new AbortController();
      const alarm = sim.deadlines.alarm(() => late.abort(new Error("nobody answered")));
      const leave = (): void => late.abort(signal.reason);
      signal.throwIfAborted();
      signal.addEventListener("abort", leave, { once: true });
      alarm.set(sim.clock.now() + CONNECT_TIMEOUT_MS);
      try {
        return await inner.dial(to, { signal: late.signal });
      } finally {
        alarm.clear();
        signal.removeEventListener("abort", leave);
      }
    },
  };
}

/** A tracker without a network: tells those who ask of it of each other, after a tenth of a second. */
export class Tracker {
  readonly #sim: Simulation;
  readonly #intervalMs: number;
  /** By info-hash in hexadecimal digits. */
  readonly #members = new Map<string, Map<string, Endpoint>>();

  constructor(sim: Simulation, intervalMs = 60_000) {
    this.#sim = sim;
    this.#intervalMs = intervalMs;
  }

  /** Lists a peer, as if it had announced itself. */
  list(infoHash: string, peer: Endpoint): void {
    const members = this.#members.get(infoHash) ?? new Map<string, Endpoint>();
    this.#members.set(infoHash, members.set(formatEndpoint(peer), peer));
  }

  /** The source of whoever listens at `own`. */
  source(own: Endpoint): PeerSource {
    return {
      name: "tracker",
      open: (swarm) => this.#open(swarm, own),
      close: async () => {},
    };
  }

  #open(swarm: SwarmFacts, own: Endpoint): ReturnType<PeerSource["open"]> {
    const infoHash = toHex(swarm.infoHash);
    const alarm = this.#sim.deadlines.alarm((now) => {
      this.list(infoHash, own);
      swarm.found([...(this.#members.get(infoHash)?.values() ?? [])].filter((it) => it !== own));
      alarm.set(now + this.#intervalMs);
    });
    alarm.set(this.#sim.clock.now() + 100);
    return {
      completed: () => {},
      refresh: () => alarm.setEarlier(this.#sim.clock.now() + 100),
      close: async () => alarm.clear(),
    };
  }
}

/** A local network: what one sends to the group of local discovery, all others hear. */
export class Lan {
  readonly #sim: Simulation;
  readonly #members = new Map<string, (bytes: Uint8Array, from: Endpoint) => void>();

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** The socket of the host at that address. */
  socket(
    address: string,
    tap: Wiretap,
  ): { group: Endpoint; datagrams: Datagrams; isOnLink: (address: string) => boolean } {
    const group = LSD_GROUPS[4];
    const local = { address, port: group.port };
    const datagrams: Datagrams = {
      local,
      attach: (receive) => void this.#members.set(address, receive),
      send: (bytes, to) => {
        tap.sent(bytes, local, to);
        for (const receive of this.#members.values()) {
          const copy = bytes.slice();
          const arrived = this.#sim.deadlines.alarm(() => receive(copy, local));
          arrived.set(this.#sim.clock.now() + 1);
        }
      },
      close: async () => void this.#members.delete(address),
    };
    return { group, datagrams, isOnLink: (other) => this.#members.has(other) };
  }
}

/** Closes all sessions and lets the network come to rest. @returns how many alarms are left. */
export async function closeFinders(sim: Simulation, finders: readonly Finder[]): Promise<number> {
  await sim.settle(Promise.all(finders.map(({ session }) => session.close())), 60_000);
  await sim.advance(CONNECT_TIMEOUT_MS);
  return sim.deadlines.size;
}

/** A host without a session, for peers that are played. */
export function bareHost(sim: Simulation, index: number): SimHost {
  return sim.network.host(endpointOf(index).address, lineOf(sim));
}
