// Private torrents (BEP 27) beside public ones: whatever else finds peers has no part in them.
import { formatEndpoint } from "@shoal/core";
import { DhtNode } from "@shoal/dht";
import type { StoreFactory } from "@shoal/disk-io";
import { encodeLsd, LSD_GROUPS } from "@shoal/lsd";
import { createSimulation, type Simulation } from "@shoal/testkit";
import { expect, it } from "vitest";
import {
  bareHost,
  closeFinders,
  endpointOf,
  type Findable,
  type Finder,
  Lan,
  makeFindable,
  openFinder,
  PORT,
  Tracker,
} from "./finding.fixture.ts";
import { play } from "./played.fixture.ts";
import { checkingStore, runtimeOf } from "./sim-swarm.fixture.ts";
import { Wiretap } from "./wiretap.fixture.ts";

/** What was sent for one torrent by one peer: the times of each, in ms. */
type Trace = Map<"dht" | "lsd" | "port" | "ut_pex" | "offer", number[]>;

const PEERS = 8;
/** Peers 4–7 begin with a magnet link of the private torrent. */
const FIRST_MAGNET = 4;
const STRANGER = PEERS;
const NOBODY = PEERS + 1;
const HOUR = 3_600_000;

it("keeps private torrents from PEX, the DHT and local discovery", async () => {
  const sim = createSimulation({ seed: 1 });
  const open = makeFindable(100_000);
  const closed = makeFindable(100_001, true);
  const traces = new Map<string, Trace>();
  const note = (torrent: Findable, address: string, kind: Parameters<Trace["get"]>[0]): void => {
    const key = `${torrent.name} ${address}`;
    const trace = traces.get(key) ?? new Map();
    traces.set(key, trace.set(kind, [...(trace.get(kind) ?? []), sim.clock.now()]));
  };
  const dials: { at: number; from: string; to: string }[] = [];
  const tap = new Wiretap(sim.clock, {
    datagram: ({ bytes, from, to }) => {
      const raw = Buffer.from(bytes);
      for (const torrent of [open, closed]) {
        if (raw.includes(Buffer.from(torrent.name, "hex"))) note(torrent, from.address, "dht");
        if (to.port !== LSD_GROUPS[4].port) continue;
        if (raw.toString("latin1").toLowerCase().includes(torrent.name)) {
          note(torrent, from.address, "lsd");
        }
      }
    },
    message: ({ infoHash, from, name, payload }) => {
      const torrent = [open, closed].find((it) => it.name === infoHash);
      if (torrent === undefined) return;
      if (name === "ut_pex" || name === "port") note(torrent, from, name);
      if (name === "handshake" && Buffer.from(payload).includes("ut_pex")) {
        note(torrent, from, "offer");
      }
    },
    dialed: (from, to) => dials.push({ at: sim.clock.now(), from, to: formatEndpoint(to) }),
  });
  const lan = new Lan(sim);
  const tracker = new Tracker(sim);
  const finders: Finder[] = [];
  const done: Promise<void>[] = [];
  const learnedAt = new Map<string, number>();
  for (let index = 0; index < PEERS; index++) {
    const dht = [0, 1, 2].filter((i) => i !== index).map(endpointOf);
    const finder = await openFinder(sim, tap, index, { dht, lan, tracker });
    const { address } = finder.endpoint;
    finders.push(finder);
    const isMagnet = index >= FIRST_MAGNET;
    const source = isMagnet ? closed.magnet : closed.metainfo;
    // While the disk is slow to open, it is known already that the torrent is private.
    const store = slowly(sim, checkingStore(closed, index === 0));
    const shut = await finder.session.add(source, { store });
    if (!isMagnet) learnedAt.set(address, -1);
    shut.on("metadata", () => learnedAt.set(address, sim.clock.now()));
    const wide = await finder.session.add(index === 0 ? open.metainfo : open.magnet, {
      store: checkingStore(open, index === 0),
    });
    done.push(shut.completed(), wide.completed());
    await sim.advance(100);
  }
  const leave = await intrude(sim, tap, lan, closed);
  await sim.settle(Promise.all(done), 300_000);
  const completedAt = sim.clock.now();
  await sim.advance(HOUR);

  const strangers = [STRANGER, NOBODY].map((index) => formatEndpoint(endpointOf(index)));
  for (const [index, { endpoint }] of finders.entries()) {
    const { address } = endpoint;
    const since = learnedAt.get(address) ?? Number.POSITIVE_INFINITY;
    const times = (torrent: Findable, kind: Parameters<Trace["get"]>[0]): readonly number[] =>
      traces.get(`${torrent.name} ${address}`)?.get(kind) ?? [];
    for (const kind of ["dht", "lsd", "port", "ut_pex", "offer"] as const) {
      // The public one shows that the tap sees what there is.
      expect(times(open, kind).length, `${kind} of public, ${index}`).toBeGreaterThan(0);
      const leaks = times(closed, kind).filter((at) => at > since);
      expect(leaks, `${kind} of private, ${index}`).toEqual([]);
    }
    const strange = dials.filter(({ at, from, to }) => {
      return from === address && strangers.includes(to) && at > since;
    });
    expect(strange, `dials of ${index}`).toEqual([]);
  }
  expect(completedAt).toBeLessThan(60_000);
  await leave();
  expect(await closeFinders(sim, finders)).toBe(0);
});

function slowly(sim: Simulation, store: StoreFactory): StoreFactory {
  return {
    open: async (layout) => {
      await new Promise<void>((resolve) =>
        sim.deadlines.alarm(() => resolve()).set(sim.clock.now() + 10_000),
      );
      return store.open(layout);
    },
  };
}

/**
 * Somebody whom no tracker knows offers the private torrent in every way there is, and sends PEX.
 *
 * @returns Ends it.
 */
async function intrude(
  sim: Simulation,
  tap: Wiretap,
  lan: Lan,
  torrent: Findable,
): Promise<() => Promise<void>> {
  const host = bareHost(sim, STRANGER);
  const nobody = [endpointOf(NOBODY)];
  const socket = host.datagrams(PORT);
  const node = new DhtNode(runtimeOf(sim), { sockets: [socket], bootstrap: [endpointOf(0)] });
  node.announce(torrent.metainfo.infoHashes.v1 ?? new Uint8Array(20), { port: PORT });
  const { group, datagrams } = lan.socket(host.address, tap);
  const announce = { port: PORT, infoHashes: [torrent.name], cookie: undefined };
  const shout = sim.deadlines.alarm((now) => {
    datagrams.send(encodeLsd(group, announce), group);
    shout.set(now + 30_000);
  });
  shout.set(sim.clock.now());
  const attack = await play(sim, tap, host, torrent, {
    ready: (peer) => peer.every(30_000, () => peer.pex(nobody)),
  });
  for (const victim of [0, FIRST_MAGNET + 1]) attack(endpointOf(victim));
  return async () => {
    shout.clear();
    await node.close();
    // What it plays goes on until the next time.
    await sim.advance(30_000);
  };
}
