// A swarm of which one peer has a tracker: all others find each other through PEX or the DHT.
import type { Endpoint } from "@shoal/core";
import type { Torrent } from "@shoal/session/bare";
import { createSimulation, type Simulation } from "@shoal/testkit";
import {
  closeFinders,
  endpointOf,
  type Findable,
  type Finder,
  lineOf,
  makeFindable,
  openFinder,
  Tracker,
} from "./finding.fixture.ts";
import { checkingStore } from "./sim-swarm.fixture.ts";
import { Wiretap } from "./wiretap.fixture.ts";

/** What is simulated. */
export interface FindingOptions {
  readonly seed: number;
  /** Peers, the one that has the data among them. */
  readonly peers: number;
  readonly pex: boolean;
  readonly dht: boolean;
  /** Of the torrent, in bytes. */
  readonly length: number;
  /** Connections that the one with the tracker may have; default twice as many as there are peers. */
  readonly places?: number | undefined;
  /** Connections that each other peer may have; default 50. */
  readonly limit?: number;
  /** Prepares those who trouble the swarm. @returns Called with each peer that comes. */
  readonly trouble?: (scene: Scene) => Promise<(newcomer: Endpoint) => void>;
}

/** What troublemakers are made with. */
export interface Scene {
  readonly sim: Simulation;
  readonly tap: Wiretap;
  readonly torrent: Findable;
}

/** How it went; times in virtual seconds since the first peer came, `Infinity` for never. */
export interface FindingReport {
  readonly completed: number;
  /** When the last magnet link had its metadata. */
  readonly metadataS: number;
  /** When half and all of the peers were complete. */
  readonly halfS: number;
  readonly allS: number;
  /** Share of all payload that came from the one with the tracker, 0–1. */
  readonly fromOne: number;
  /** Messages of the extension protocol by name, and `port`. */
  readonly messages: ReadonlyMap<string, number>;
  readonly datagrams: number;
  /** Every dial, by IP addresses. */
  readonly dials: readonly { readonly from: string; readonly to: string }[];
  /** Alarms that are left at the end. */
  readonly left: number;
}

/** Peers arrive so much apart, in ms. */
const ARRIVAL_MS = 50;
const LIMIT_MS = 600_000;
/** Bytes per second that the one with the tracker sends; others send ten times as many. */
const ONE_UPLOADS = 100_000;

/**
 * Peer 0 has the data; peer 1 is the one with a tracker, which names peer 0. All others know, without
 * the DHT, just peer 1: nine in ten by a magnet link (`x.pe`), the tenth with the torrent file.
 */
export async function simulateFinding(options: FindingOptions): Promise<FindingReport> {
  const { seed, peers, pex, dht, places = 2 * peers, limit = 50, length } = options;
  const sim = createSimulation({ seed });
  const messages = new Map<string, number>();
  const dials: { from: string; to: string }[] = [];
  let datagrams = 0;
  const tap = new Wiretap(sim.clock, {
    datagram: () => datagrams++,
    message: ({ name }) => messages.set(name, (messages.get(name) ?? 0) + 1),
    dialed: (from, to) => dials.push({ from, to: to.address }),
  });
  const torrent = makeFindable(length);
  const one = endpointOf(1);
  const tracker = new Tracker(sim);
  tracker.list(torrent.name, endpointOf(0));
  const attack = await options.trouble?.({ sim, tap, torrent });
  const finders: Finder[] = [];
  const metadataAt: number[] = [];
  const completedAt: number[] = [];
  for (let index = 0; index < peers; index++) {
    const isOne = index === 1;
    const finder = await openFinder(sim, tap, index, {
      pex,
      dht: dht ? [0, 1, 2].filter((i) => i !== index).map(endpointOf) : undefined,
      settings: { maxConnectionsPerTorrent: isOne ? places : limit },
      ...(isOne ? { tracker, line: { ...lineOf(sim), uploadBytesPerSecond: ONE_UPLOADS } } : {}),
    });
    finders.push(finder);
    const hasFile = index === 0 || index % 10 === 9;
    const known = dht || index <= 1 ? [] : [one];
    const hint = known.map(({ address, port }) => `&x.pe=${address}:${port}`).join("");
    const added = await finder.session.add(hasFile ? torrent.metainfo : torrent.magnet + hint, {
      store: checkingStore(torrent, index === 0),
      peers: hasFile ? known : [],
    });
    added.on("metadata", () => metadataAt.push(sim.clock.now()));
    void added.completed().then(() => completedAt.push(sim.clock.now()));
    attack?.(finder.endpoint);
    await sim.advance(ARRIVAL_MS);
  }
  // The report says how many were complete at the limit.
  await sim.run(() => completedAt.length === peers, LIMIT_MS).catch(() => {});
  const uploaded = finders.map(({ session }) => uploadedBy(session.torrents));
  return {
    completed: completedAt.length,
    metadataS: Math.max(...metadataAt) / 1000,
    halfS: (completedAt[peers >> 1] ?? Number.POSITIVE_INFINITY) / 1000,
    allS: (completedAt[peers - 1] ?? Number.POSITIVE_INFINITY) / 1000,
    fromOne: (uploaded[1] ?? 0) / uploaded.reduce((sum, bytes) => sum + bytes, 0),
    messages,
    datagrams,
    dials,
    left: await closeFinders(sim, finders),
  };
}

function uploadedBy(torrents: readonly Torrent[]): number {
  return torrents.reduce((sum, { stats }) => sum + stats.uploaded, 0);
}
