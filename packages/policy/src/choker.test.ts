import { createRng, randomInt } from "@shoal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Choker, type ChokerVerdict, RECHOKE_INTERVAL } from "./choker.ts";
import type { ChokerPeer } from "./turn.ts";

/** A remote end of the simulation. Rates in bytes per second. */
class Remote implements ChokerPeer {
  interested = true;
  choked = true;
  downloaded = 0;
  uploaded = 0;
  turns = 0;
  waited = 0;
  readonly gives: number;
  readonly takes: number;

  constructor({ gives = 0, takes = 100_000 }: { gives?: number; takes?: number } = {}) {
    this.gives = gives;
    this.takes = takes;
  }

  unchoke(): void {
    expect(this.choked).toBe(true);
    this.choked = false;
    this.turns++;
  }

  flow(ms: number): void {
    if (this.choked) {
      this.waited += ms;
      return;
    }
    this.waited = 0;
    this.uploaded += (this.takes * ms) / 1000;
    this.downloaded += (this.gives * ms) / 1000;
  }
}

function apply({ choke, unchoke }: ChokerVerdict<Remote>): void {
  for (const peer of choke) {
    expect(peer.choked).toBe(false);
    peer.choked = true;
  }
  for (const peer of unchoke) peer.unchoke();
}

function unchoked(peers: readonly Remote[]): Remote[] {
  return peers.filter(({ choked }) => !choked);
}

/** Runs rounds; `seen` looks at the peers after each. */
function simulate(
  choker: Choker<Remote>,
  peers: readonly Remote[],
  rounds: number,
  { seeding, seen = () => {} }: { seeding: boolean; seen?: (round: number) => void },
): void {
  for (let round = 0; round < rounds; round++) {
    apply(choker.rechoke(peers, round * RECHOKE_INTERVAL, { seeding }));
    expect(unchoked(peers).length).toBeLessThanOrEqual(choker.slots);
    expect(choker.held).toBe(unchoked(peers).length);
    seen(round);
    for (const peer of peers) peer.flow(RECHOKE_INTERVAL);
  }
}

const many = (count: number, rates = {}): Remote[] =>
  Array.from({ length: count }, () => new Remote(rates));

describe("Choker", () => {
  it("unchokes everybody while there are slots", () => {
    const peers = many(8);
    apply(new Choker<Remote>().rechoke(peers, 0, { seeding: true }));
    expect(unchoked(peers)).toHaveLength(8);
    const crowd = many(500);
    apply(
      new Choker<Remote>({ slots: Number.POSITIVE_INFINITY }).rechoke(crowd, 0, { seeding: false }),
    );
    expect(unchoked(crowd)).toHaveLength(500);
  });

  it("unchokes nobody without slots", () => {
    const choker = new Choker<Remote>({ slots: 0 });
    const peers = many(3);
    simulate(choker, peers, 5, { seeding: true });
    expect(unchoked(peers)).toHaveLength(0);
    expect(choker.onInterested(peers[0] as Remote, 0)).toBe(false);
  });

  it("gives every one of 20 peers its turn when seeding, whatever their speed", () => {
    const rng = createRng(1);
    const peers = Array.from(
      { length: 20 },
      () => new Remote({ takes: 1000 + randomInt(rng, 5e6) }),
    );
    simulate(new Choker<Remote>({ slots: 4 }), peers, 200, {
      seeding: true,
      seen: () => {
        for (const { waited } of peers) expect(waited).toBeLessThanOrEqual(12 * 60_000);
      },
    });
    for (const peer of peers) expect(peer.turns).toBeGreaterThan(3);
  });

  it("gives equally fast peers the same time when seeding", () => {
    const peers = many(20, { takes: 1_000_000 });
    simulate(new Choker<Remote>({ slots: 5 }), peers, 800, { seeding: true });
    const sent = peers.map(({ uploaded }) => uploaded).sort((a, b) => a - b);
    expect(sent.at(-1)).toBeLessThan((sent[0] ?? 0) * 1.5);
  });

  it("does not let slow peers occupy the slots of a seed", () => {
    const slow = many(8, { takes: 500 });
    const fast = many(4, { takes: 2_000_000 });
    const choker = new Choker<Remote>({ slots: 8 });
    simulate(choker, slow, 10, { seeding: true });
    simulate(choker, [...slow, ...fast], 100, { seeding: true });
    for (const peer of fast) expect(peer.turns).toBeGreaterThan(2);
  });

  it("gives slow peers their turns too when all are slow", () => {
    const peers = many(12, { takes: 500 });
    simulate(new Choker<Remote>({ slots: 8 }), peers, 400, { seeding: true });
    const sent = peers.map(({ uploaded }) => uploaded);
    expect(Math.max(...sent)).toBeLessThan(Math.min(...sent) * 1.5);
  });

  it("returns favours: who gives most has the regular slots, everybody else gets a try", () => {
    const generous = many(7, { gives: 200_000 });
    const stingy = many(13, { gives: 100 });
    const peers = [...stingy, ...generous];
    let fair = 0;
    simulate(new Choker<Remote>({ slots: 8 }), peers, 200, {
      seeding: false,
      seen: (round) => {
        if (round >= 60 && generous.every(({ choked }) => !choked)) fair++;
      },
    });
    expect(fair).toBe(140);
    for (const peer of stingy) expect(peer.turns).toBeGreaterThan(1);
  });

  it("finds a generous newcomer through the optimistic slot", () => {
    const peers = many(12, { gives: 1000 });
    const choker = new Choker<Remote>({ slots: 4 });
    simulate(choker, peers, 20, { seeding: false });
    const newcomer = new Remote({ gives: 500_000 });
    peers.push(newcomer);
    simulate(choker, peers, 40, { seeding: false });
    expect(newcomer.choked).toBe(false);
  });

  it("keeps an optimistic unchoke for 30 seconds", () => {
    const peers = [...many(3, { gives: 1e6 }), ...many(10)];
    const choker = new Choker<Remote>({ slots: 4 });
    const tries: (Remote | undefined)[] = [];
    simulate(choker, peers, 60, {
      seeding: false,
      seen: () => tries.push(unchoked(peers).find(({ gives }) => gives === 0)),
    });
    const late = tries.slice(40);
    const changes = late.filter((peer, i) => i > 0 && peer !== late[i - 1]).length;
    expect(changes).toBeGreaterThanOrEqual(9);
    expect(changes).toBeLessThanOrEqual(10);
  });

  it("lets no peer jump the queue by connecting again", () => {
    const honest = many(10);
    const choker = new Choker<Remote>({ slots: 2 });
    let rounds = 0;
    for (; rounds < 200 && honest.some(({ turns }) => turns < 2); rounds++) {
      const sybils = many(10);
      apply(choker.rechoke([...sybils, ...honest], rounds * 15_000, { seeding: true }));
      for (const peer of [...honest, ...sybils]) peer.flow(15_000);
      for (const sybil of sybils) choker.release(sybil, rounds * 15_000 + 14_999);
    }
    expect(rounds).toBeLessThan(120);
  });

  it("fills a vacancy at once", () => {
    const peers = many(5);
    const choker = new Choker<Remote>({ slots: 2 });
    const [a, b, c, d] = peers as [Remote, Remote, Remote, Remote, Remote];
    expect(choker.onInterested(a, 0)).toBe(true);
    a.unchoke();
    expect(choker.onInterested(b, 1)).toBe(true);
    b.unchoke();
    expect(choker.onInterested(c, 2)).toBe(false);
    expect(choker.onInterested(d, 3)).toBe(false);
    expect(choker.fill(peers, 4)).toEqual([]);
    expect(choker.release(a, 5)).toBe(true);
    expect(choker.release(a, 5)).toBe(false);
    expect(choker.fill([b, d, c], 6)).toEqual([c]);
    c.unchoke();
    choker.slots = 3;
    expect(choker.fill([b, d, c], 7)).toEqual([d]);
  });

  it("does not take a slot away that it has just given", () => {
    const choker = new Choker<Remote>({ slots: 2 });
    const [first, second, ...others] = many(6) as [Remote, Remote, ...Remote[]];
    for (const peer of [first, second]) {
      peer.interested = true;
      if (choker.onInterested(peer, 14_000)) peer.unchoke();
    }
    for (const peer of others) choker.onInterested(peer, 1000);
    apply(choker.rechoke([...others, first, second], 15_000, { seeding: true }));
    expect(unchoked([first, second]).length).toBeGreaterThanOrEqual(1);
  });

  it("chokes who lost interest, and everybody beyond a lower number of slots", () => {
    const choker = new Choker<Remote>({ slots: 6 });
    const peers = many(6);
    simulate(choker, peers, 2, { seeding: true });
    const bored = peers[0] as Remote;
    bored.interested = false;
    expect(choker.rechoke(peers, 30_000, { seeding: true })).toEqual({
      choke: [bored],
      unchoke: [],
    });
    bored.choked = true;
    choker.slots = 2;
    apply(choker.rechoke(peers, 45_000, { seeding: true }));
    expect(unchoked(peers)).toHaveLength(2);
  });

  it("never exceeds its slots nor leaves one empty, whatever happens", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 9 }), (seed, slots) => {
        const rng = createRng(seed);
        const choker = new Choker<Remote>({ slots });
        const peers: Remote[] = [];
        let now = 0;
        for (let step = 0; step < 200; step++) {
          now += randomInt(rng, 5000);
          const peer = peers[randomInt(rng, peers.length + 1)];
          const dice = randomInt(rng, 4);
          if (peer === undefined || dice === 0) {
            const newcomer = new Remote({ gives: randomInt(rng, 1e5) });
            peers.push(newcomer);
            if (choker.onInterested(newcomer, now)) newcomer.unchoke();
          } else if (dice === 1) {
            peers.splice(peers.indexOf(peer), 1);
            if (choker.release(peer, now)) for (const p of choker.fill(peers, now)) p.unchoke();
          } else if (dice === 2) {
            peer.interested = !peer.interested;
            if (peer.interested) {
              if (choker.onInterested(peer, now)) peer.unchoke();
            } else {
              peer.choked = true;
              if (choker.release(peer, now)) for (const p of choker.fill(peers, now)) p.unchoke();
            }
          } else {
            for (const p of peers) p.flow(1000);
            apply(choker.rechoke(peers, now, { seeding: rng() < 0.5 }));
          }
          const wanting = peers.filter(({ interested }) => interested).length;
          expect(unchoked(peers).length).toBe(Math.min(slots, wanting));
          expect(choker.held).toBe(Math.min(slots, wanting));
        }
      }),
      { numRuns: 50 },
    );
  });
});
