// What every PeerSource must do.
import assert from "node:assert/strict";
import {
  type Endpoint,
  endpoint,
  formatEndpoint,
  type PeerFeed,
  type PeerSource,
  type SwarmFacts,
} from "@shoal/core";
import type { ComplianceCase } from "./case.ts";

/** A source to be tested; made anew for each case. */
export interface PeerSourceFixture {
  readonly source: PeerSource;
  /** A peer that the source finds for any swarm, if the test's surroundings can do that. */
  readonly finds?: Endpoint;
  /** Trackers to name in the swarm's facts. */
  readonly trackers?: readonly (readonly string[])[];
  /** Lets some time pass, in which everything that can happen does. */
  readonly pass: () => Promise<void>;
  readonly close?: () => Promise<void>;
}

/** The suite for sources of peers. Cases run on virtual time too: `sim.settle(run(), limitMs)`. */
export function peerSourceCompliance(
  make: () => PeerSourceFixture | Promise<PeerSourceFixture>,
): ComplianceCase[] {
  return Object.entries(REQUIREMENTS).map(([name, require]) => ({
    name,
    run: async () => {
      const fixture = await make();
      try {
        await require(fixture);
      } finally {
        await fixture.source.close();
        await fixture.close?.();
      }
    },
  }));
}

const REQUIREMENTS: Readonly<Record<string, (fixture: PeerSourceFixture) => Promise<void> | void>> =
  {
    "has a name": ({ source }) => {
      assert.match(source.name, /^\S+$/);
    },

    "finds peers that can be dialled, and the one that is there": async (fixture) => {
      const swarm = new Swarm(fixture, 1);
      for (let i = 0; i < 10; i++) await fixture.pass();
      for (const { address, port } of swarm.peers) {
        assert.deepEqual({ address, port }, endpoint(address, port));
        assert.notEqual(port, 0);
      }
      const { finds } = fixture;
      if (finds !== undefined) {
        const texts = swarm.peers.map((peer) => formatEndpoint(peer));
        assert.ok(texts.includes(formatEndpoint(finds)), `found ${texts.join()} only`);
      }
      await swarm.feed.close(AbortSignal.abort());
    },

    "tells nothing inside `open`": ({ source, trackers = [] }) => {
      let told = false;
      const tell = (): void => {
        told = true;
      };
      source.open({ ...facts(1, trackers), found: tell, warn: tell });
      assert.equal(told, false);
    },

    "feeds several swarms apart": async (fixture) => {
      const swarms = [1, 2, 3].map((id) => new Swarm(fixture, id));
      await fixture.pass();
      await swarms[0]?.feed.close(AbortSignal.abort());
      swarms[1]?.feed.refresh();
      await fixture.pass();
      await Promise.all(swarms.slice(1).map(({ feed }) => feed.close(AbortSignal.abort())));
    },

    "opens the same swarm again after closing it": async (fixture) => {
      for (let i = 0; i < 2; i++) {
        const swarm = new Swarm(fixture, 1);
        await fixture.pass();
        await swarm.feed.close(AbortSignal.abort());
      }
    },

    "takes completion and refreshes at any time, also too late": async (fixture) => {
      const { feed } = new Swarm(fixture, 1);
      for (let i = 0; i < 3; i++) {
        feed.refresh();
        feed.completed();
      }
      await fixture.pass();
      feed.refresh();
      const closing = feed.close(AbortSignal.abort());
      feed.refresh();
      feed.completed();
      await closing;
      feed.refresh();
      feed.completed();
      await feed.close(AbortSignal.abort());
    },

    "says nothing of a swarm once it is closed": async (fixture) => {
      const swarm = new Swarm(fixture, 1);
      await swarm.feed.close(AbortSignal.abort());
      const [peers, warnings] = [swarm.peers.length, swarm.warnings.length];
      swarm.feed.refresh();
      for (let i = 0; i < 5; i++) await fixture.pass();
      assert.deepEqual([swarm.peers.length, swarm.warnings.length], [peers, warnings]);
    },

    "closes with swarms open, twice, and says nothing afterwards": async (fixture) => {
      const swarm = new Swarm(fixture, 1);
      await fixture.pass();
      await Promise.all([fixture.source.close(), fixture.source.close()]);
      const told = swarm.peers.length + swarm.warnings.length;
      swarm.feed.refresh();
      await swarm.feed.close(AbortSignal.abort());
      await fixture.pass();
      assert.equal(swarm.peers.length + swarm.warnings.length, told);
    },
  };

/** A swarm that listens to a source. */
class Swarm {
  readonly peers: Endpoint[] = [];
  readonly warnings: Error[] = [];
  readonly feed: PeerFeed;

  constructor({ source, trackers = [] }: PeerSourceFixture, id: number) {
    this.feed = source.open({
      ...facts(id, trackers),
      found: (peers) => this.peers.push(...peers),
      warn: (error) => this.warnings.push(error),
    });
  }
}

function facts(
  id: number,
  trackers: readonly (readonly string[])[],
): Omit<SwarmFacts, "found" | "warn"> {
  return {
    infoHash: new Uint8Array(20).fill(id),
    peerId: new Uint8Array(20).fill(id + 100),
    isPrivate: false,
    trackers,
    transfer: () => ({ uploaded: 0, downloaded: 0, left: 1000 }),
  };
}
